//! What is known of one RTP stream that is sent, between its forwarder and those who ask about it.

use confab_rtp::feedback::FeedbackObserver;
use confab_rtp::layers::LayerSelection;
use confab_wire::layers::SpatialLayer;
use std::sync::{Mutex, PoisonError};
use tokio::sync::{Notify, watch};

/// What a video stream carries at present.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sending {
    /// Bits per second that it may have.
    pub(crate) target: u32,
    /// What the peer is to get.
    pub(crate) choice: LayerSelection,
    /// The layer it gets, until a key frame of the chosen one comes.
    pub(crate) current: Option<SpatialLayer>,
}

/// One RTP stream that is sent.
#[derive(Debug, Default)]
pub(crate) struct SenderFeedback {
    key_frame_wanted: Notify,
    sending: Mutex<Option<Sending>>,
    fraction_lost: watch::Sender<u8>,
}

impl FeedbackObserver for SenderFeedback {
    /// Many requests before the forwarder looks are one.
    fn key_frame_requested(&self) {
        self.key_frame_wanted.notify_one();
    }

    fn loss_reported(&self, fraction: u8) {
        self.fraction_lost.send_replace(fraction);
    }
}

impl SenderFeedback {
    /// Waits for a request.
    pub(crate) async fn key_frame_wanted(&self) {
        self.key_frame_wanted.notified().await;
    }

    /// The newest report; changed by each.
    pub(crate) fn fraction_lost(&self) -> watch::Receiver<u8> {
        self.fraction_lost.subscribe()
    }

    /// What is sent; `None` while nothing is, and for sound.
    pub(crate) fn sending(&self) -> Option<Sending> {
        *self.sending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn set_sending(&self, sending: Option<Sending>) {
        *self.sending.lock().unwrap_or_else(PoisonError::into_inner) = sending;
    }
}

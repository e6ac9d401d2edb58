//! The control channel of a connection: text out, in order, whatever the remote has taken.

use confab_wire::limits;
use std::collections::VecDeque;
use std::sync::Arc;
use webrtc::data_channel::{DataChannel, DataChannelEvent};

/// Unacknowledged bytes under which waiting messages go on.
const LOW_WATER: u32 = 1 << 20;
/// Unacknowledged bytes from which further messages wait.
const HIGH_WATER: usize = 4 << 20;

/// The channel, if the dialect wants one.
pub(crate) struct Control {
    channel: Option<Arc<dyn DataChannel>>,
    open: bool,
    queue: VecDeque<Arc<str>>,
}

impl Control {
    pub(crate) fn new(channel: Option<Arc<dyn DataChannel>>) -> Self {
        Self { channel, open: false, queue: VecDeque::new() }
    }

    /// The next event of the channel; never without one.
    pub(crate) async fn poll(&self) -> Option<DataChannelEvent> {
        match &self.channel {
            Some(channel) => channel.poll().await,
            None => std::future::pending().await,
        }
    }

    /// Sends a message, or queues it: before the channel is open, and while the remote does not take what it has. The queue
    /// holds [`limits::CTRL_QUEUE`]; the oldest goes first.
    pub(crate) async fn send(&mut self, message: Arc<str>) {
        if self.queue.len() >= limits::CTRL_QUEUE {
            self.queue.pop_front();
            tracing::warn!("too many messages wait for a remote; the oldest is dropped");
        }
        self.queue.push_back(message);
        self.flush().await;
    }

    /// The channel opened. True the first time: the event repeats after negotiations.
    pub(crate) async fn opened(&mut self) -> bool {
        if std::mem::replace(&mut self.open, true) {
            return false;
        }
        if let Some(channel) = &self.channel
            && let Err(error) = channel.set_buffered_amount_low_threshold(LOW_WATER).await
        {
            tracing::debug!(%error, "a control channel closed while it opened");
        }
        self.flush().await;
        true
    }

    /// Sends what waits, as far as the channel takes it.
    pub(crate) async fn flush(&mut self) {
        let Some(channel) = self.channel.clone().filter(|_| self.open) else { return };
        while !self.queue.is_empty() {
            // The library tells when they are under the low mark.
            if channel.outstanding_bytes().await.is_ok_and(|outstanding| outstanding >= HIGH_WATER) {
                return;
            }
            let Some(message) = self.queue.pop_front() else { return };
            if let Err(error) = channel.try_send_text(&message).await {
                tracing::warn!(%error, bytes = message.len(), "a message was not sent to a remote");
            }
        }
    }
}

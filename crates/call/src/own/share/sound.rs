//! The sound beside a shared picture: a second track of its stream, while it is wanted and there is any.

use crate::own::device::capture::CarrierTask;
use crate::own::send::carry_sound;
use confab_ipc::UserError;
use confab_media::AudioCapture;
use confab_rtcio::{LocalTrack, RtcioStream};
use confab_wire::media::AudioPacket;
use tokio::sync::mpsc;

/// A source of sound that was opened, and its packets.
pub type OpenedSound = (AudioCapture, mpsc::Receiver<AudioPacket>);

/// The sound of a share.
#[derive(Debug, Default)]
pub struct ShareSound {
    /// In the stream once there was sound: another source goes on in it, without a negotiation.
    track: Option<LocalTrack>,
    running: Option<(AudioCapture, CarrierTask)>,
}

impl ShareSound {
    /// Sends what was opened in `stream`. Why it ends by itself goes to `ended`.
    pub fn run<E>(
        &mut self,
        (capture, packets): OpenedSound,
        stream: &RtcioStream,
        ended: impl FnOnce(UserError) -> E + Send + 'static,
    ) where
        E: Future<Output = ()> + Send,
    {
        let track = self.track.get_or_insert_with(LocalTrack::audio).clone();
        stream.add_track(&track);
        let task = carry_sound(&capture, packets, track, ended);
        self.running = Some((capture, task));
    }

    /// Nothing more of what runs is sent; the track waits for the next.
    pub fn pause(&mut self) {
        self.running = None;
    }

    /// The sound goes, its track with it.
    pub fn end(&mut self, stream: &RtcioStream) {
        self.pause();
        if let Some(track) = self.track.take() {
            stream.remove_track(&track);
        }
    }

    /// Releases the source and returns when that is done.
    pub async fn close(self) {
        if let Some((capture, _task)) = self.running {
            capture.stop().await;
        }
    }
}

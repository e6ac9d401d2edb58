//! A received video track on its way to the window, the recording and the decoder.

use crate::remote::counters::TrackCounters;
use crate::remote::playout_delay::PlayoutQueue;
use crate::track_frame::TrackFrame;
use confab_media::{PictureRecording, Vp8Decoder};
use confab_rtcio::RemoteTrack;
use confab_wire::media::{Codec, EncodedFrame};
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::time::Instant;
use tokio::sync::{broadcast, mpsc};
use tokio::time::sleep_until;

/// Frames that wait for the decoder thread; when it is full, decoding goes on at the next key frame.
const DECODE_QUEUE: usize = 16;

/// Where received video goes.
#[derive(Debug)]
pub struct VideoSinks {
    /// The window.
    pub window: broadcast::Sender<TrackFrame>,
    /// The recording.
    pub record: Option<PictureRecording>,
    /// Decode in the backend.
    pub decode: bool,
}

/// See the module.
pub struct VideoReceiver {
    handle: u32,
    track: RemoteTrack,
    counters: Arc<TrackCounters>,
    window: broadcast::Sender<TrackFrame>,
    recording: Option<PictureRecording>,
    decoder: Option<SyncSender<EncodedFrame>>,
    /// The decoder's queue overflowed: nothing for it before the next key frame.
    skipping: bool,
}

impl VideoReceiver {
    /// A receiver of `track`, whose frames the window gets under `handle`.
    pub fn new(handle: u32, track: RemoteTrack, counters: Arc<TrackCounters>, sinks: VideoSinks) -> Self {
        let decoder =
            (sinks.decode && track.codec() == Codec::Vp8).then(|| spawn_decoder(track.clone(), Arc::clone(&counters)));
        Self { handle, track, counters, window: sinks.window, recording: sinks.record, decoder, skipping: false }
    }

    /// Carries frames until they end.
    pub async fn run(mut self, mut frames: mpsc::Receiver<EncodedFrame>) {
        let mut queue = PlayoutQueue::default();
        loop {
            while let Some(frame) = queue.pop(tokio::time::Instant::now()) {
                self.show(frame);
            }
            let due = queue.due();
            let frame = tokio::select! {
                frame = frames.recv() => frame,
                () = sleep_until(due.unwrap_or_else(tokio::time::Instant::now)), if due.is_some() => continue,
            };
            let Some(frame) = frame else { return };
            self.arrived(&frame);
            queue.push(frame, self.counters.timing().playout_delay(), tokio::time::Instant::now());
        }
    }

    fn arrived(&mut self, frame: &EncodedFrame) {
        self.counters.count_bytes(frame.data.len());
        if let Some(clock) = self.track.sender_clock() {
            self.counters.timing().arrived(clock.micros_at(frame.timestamp), Instant::now());
        }
        if self.recording.as_mut().is_some_and(|recording| recording.write(frame)) {
            self.track.request_key_frame();
        }
    }

    /// The time of a frame has come.
    fn show(&mut self, frame: EncodedFrame) {
        if self.decoder.is_some() {
            self.decode(&frame);
        } else {
            self.counters.count_frame(frame.width, frame.height);
        }
        // No window is no error.
        let _ = self.window.send(TrackFrame { handle: self.handle, frame });
    }

    fn decode(&mut self, frame: &EncodedFrame) {
        let Some(decoder) = &self.decoder else { return };
        if self.skipping && !frame.key {
            return;
        }
        match decoder.try_send(frame.clone()) {
            Ok(()) => self.skipping = false,
            Err(TrySendError::Full(_)) => {
                self.skipping = true;
                self.track.request_key_frame();
            }
            Err(TrySendError::Disconnected(_)) => self.decoder = None,
        }
    }
}

/// A thread that decodes what it is given; it ends with its sender.
fn spawn_decoder(track: RemoteTrack, counters: Arc<TrackCounters>) -> SyncSender<EncodedFrame> {
    let (sender, frames) = sync_channel::<EncodedFrame>(DECODE_QUEUE);
    let work = move || {
        let mut decoder = Vp8Decoder::new();
        for frame in frames {
            match decoder.decode(&frame) {
                Ok(Some(picture)) => counters.count_picture(&picture),
                Ok(None) => {}
                Err(error) => {
                    tracing::debug!(%error, "a frame does not decode");
                    track.request_key_frame();
                }
            }
        }
    };
    if let Err(error) = std::thread::Builder::new().name("vp8-decode".into()).spawn(work) {
        tracing::error!(%error, "no thread for the decoder");
    }
    sender
}

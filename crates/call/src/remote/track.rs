//! What comes in: each remote track is carried to the window, the speaker, the recorder and the decoder.

use crate::call::TrackFrame;
use crate::remote::av_sync::LipSync;
use crate::remote::playout_delay::Held;
use crate::remote::received_pictures::{Seen, SeenPicture};
use crate::remote::timing::Timing;
use confab_ipc::TrackView;
use confab_media::{I420Frame, IvfWriter, PeerAudio, Vp8Decoder};
use confab_rtcio::RemoteTrack;
use confab_wire::media::{AudioPacket, Codec, EncodedFrame};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU16, AtomicU32, AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex};
use std::time::Instant;
use tokio::sync::{broadcast, mpsc};
use tokio::task::AbortHandle;
use tokio::time::sleep_until;

/// Frames that wait for the decoder thread; when it is full, decoding goes on at the next key frame.
const DECODE_QUEUE: usize = 16;

/// What was seen in the pictures of one remote track since the last look.
#[derive(Debug, Clone, PartialEq)]
pub struct Probe {
    /// Peer id.
    pub peer: String,
    /// Track handle.
    pub handle: u32,
    /// When the first picture was decoded.
    pub first_decoded: Option<Instant>,
    /// Frame number of the test pattern in the newest picture, if it shows one.
    pub pattern: Option<u32>,
    /// Capture-to-decode latency of each picture with a test pattern, in milliseconds, by the wall clock drawn into it
    /// (meaningful where sender and receiver share a clock).
    pub latencies_ms: Vec<f32>,
    /// How much later the sound of the stream is heard than it is shown, in milliseconds, by the sender's reports; `None`
    /// without sound, or until the sender has reported.
    pub skew_ms: Option<f32>,
    /// Each picture with a test pattern, if they are compared with their source
    /// ([`CallConfig::compare`](crate::CallConfig::compare)).
    pub pictures: Vec<SeenPicture>,
}

/// Counters of one track, written where the media flows and read once a second.
#[derive(Debug, Default)]
pub struct Meter {
    frames: AtomicU64,
    bytes: AtomicU64,
    width: AtomicU16,
    height: AtomicU16,
    /// Bits of the greatest level since the last look; those of positive numbers have their order.
    told_level: AtomicU32,
    pub(crate) timing: Timing,
    seen: Mutex<Seen>,
}

/// A reading of a [`Meter`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Reading {
    /// Video frames so far: decoded ones if the backend decodes, else received ones.
    pub frames: u64,
    /// Media bytes so far.
    pub bytes: u64,
    /// Width of the last picture in pixels.
    pub width: u16,
    /// Height of the last picture in pixels.
    pub height: u16,
}

impl Meter {
    /// The counters now.
    pub fn read(&self) -> Reading {
        Reading {
            frames: self.frames.load(Ordering::Relaxed),
            bytes: self.bytes.load(Ordering::Relaxed),
            width: self.width.load(Ordering::Relaxed),
            height: self.height.load(Ordering::Relaxed),
        }
    }

    /// How loud the sender says that its sound was since the last look, at most: RMS, 0 to 1.
    pub fn take_told_level(&self) -> f32 {
        f32::from_bits(self.told_level.swap(0, Ordering::Relaxed))
    }

    fn count_bytes(&self, bytes: usize) {
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    fn count_frame(&self, width: u16, height: u16) {
        self.frames.fetch_add(1, Ordering::Relaxed);
        if width > 0 && height > 0 {
            self.width.store(width, Ordering::Relaxed);
            self.height.store(height, Ordering::Relaxed);
        }
    }

    fn look(&self, picture: &I420Frame) {
        if let Ok(mut seen) = self.seen.lock() {
            seen.look(picture);
        }
    }
}

/// A remote track and everything that hangs on it. Dropping it ends its tasks and its place in the mix.
#[derive(Debug)]
pub struct Incoming {
    /// Peer id.
    pub peer: String,
    /// What the window knows of it.
    pub view: TrackView,
    /// The engine's track.
    pub track: RemoteTrack,
    /// Counters.
    pub meter: Arc<Meter>,
    /// Its place in the mix, if it is audio.
    pub audio: Option<Arc<PeerAudio>>,
    /// How it is held together with the other kind, if it is a picture.
    pub lips: LipSync,
    /// Counters a second ago.
    pub last: Reading,
    pump: AbortHandle,
}

impl Drop for Incoming {
    fn drop(&mut self) {
        self.pump.abort();
    }
}

/// Where received video goes.
#[derive(Debug)]
pub struct VideoSinks {
    /// The window.
    pub window: broadcast::Sender<TrackFrame>,
    /// The recording.
    pub record: Option<PathBuf>,
    /// Decode in the backend.
    pub decode: bool,
    /// Size of the test pattern to compare with.
    pub compare: Option<(u32, u32)>,
}

impl Incoming {
    /// Starts to carry a video track. `None` if its frames were taken before.
    pub fn video(peer: &str, view: TrackView, track: RemoteTrack, sinks: VideoSinks) -> Option<Self> {
        let frames = track.take_video()?;
        let meter = Arc::new(Meter { seen: Mutex::new(Seen::new(sinks.compare)), ..Meter::default() });
        let pump = VideoPump::new(view.handle, track.clone(), Arc::clone(&meter), sinks);
        let pump = tokio::spawn(pump.run(frames)).abort_handle();
        Some(Self::new(peer, view, track, meter, None, pump))
    }

    /// Starts to carry an audio track into the mix. `None` if its packets were taken before.
    pub fn audio(peer: &str, view: TrackView, track: RemoteTrack, audio: PeerAudio) -> Option<Self> {
        let packets = track.take_audio()?;
        let meter = Arc::new(Meter::default());
        let audio = Arc::new(audio);
        let pump = tokio::spawn(pump_audio(packets, Arc::clone(&audio), Arc::clone(&meter))).abort_handle();
        Some(Self::new(peer, view, track, meter, Some(audio), pump))
    }

    fn new(
        peer: &str,
        view: TrackView,
        track: RemoteTrack,
        meter: Arc<Meter>,
        audio: Option<Arc<PeerAudio>>,
        pump: AbortHandle,
    ) -> Self {
        let (lips, last) = Default::default();
        Self { peer: peer.to_owned(), view, track, meter, audio, lips, last, pump }
    }

    /// What the decoder saw since the last look; `sound` is what belongs to the picture.
    pub fn probe(&self, sound: Option<&Incoming>) -> Option<Probe> {
        let mut seen = self.meter.seen.lock().ok()?;
        Some(Probe {
            peer: self.peer.clone(),
            handle: self.view.handle,
            first_decoded: seen.first_decoded,
            pattern: seen.pattern,
            latencies_ms: std::mem::take(&mut seen.latencies_ms),
            skew_ms: sound.and_then(|sound| self.skew_ms(sound)),
            pictures: std::mem::take(&mut seen.pictures),
        })
    }
}

async fn pump_audio(mut packets: mpsc::Receiver<AudioPacket>, audio: Arc<PeerAudio>, meter: Arc<Meter>) {
    while let Some(packet) = packets.recv().await {
        meter.count_bytes(packet.data.len());
        if let Some(level) = packet.level {
            meter.told_level.fetch_max(level.rms().to_bits(), Ordering::Relaxed);
        }
        audio.push(packet);
    }
}

struct VideoPump {
    handle: u32,
    track: RemoteTrack,
    meter: Arc<Meter>,
    window: broadcast::Sender<TrackFrame>,
    recorder: Option<IvfWriter>,
    decoder: Option<SyncSender<EncodedFrame>>,
    /// The decoder's queue overflowed: nothing for it before the next key frame.
    skipping: bool,
}

impl VideoPump {
    fn new(handle: u32, track: RemoteTrack, meter: Arc<Meter>, sinks: VideoSinks) -> Self {
        let recorder = sinks.record.and_then(|path| match IvfWriter::create(&path) {
            Ok(recorder) => Some(recorder),
            Err(error) => {
                tracing::error!(%error, path = %path.display(), "recording does not start");
                None
            }
        });
        let decoder =
            (sinks.decode && track.codec() == Codec::Vp8).then(|| spawn_decoder(track.clone(), Arc::clone(&meter)));
        Self { handle, track, meter, window: sinks.window, recorder, decoder, skipping: false }
    }

    async fn run(mut self, mut frames: mpsc::Receiver<EncodedFrame>) {
        let mut held = Held::default();
        loop {
            while let Some(frame) = held.pop(tokio::time::Instant::now()) {
                self.show(frame);
            }
            let due = held.due();
            let frame = tokio::select! {
                frame = frames.recv() => frame,
                () = sleep_until(due.unwrap_or_else(tokio::time::Instant::now)), if due.is_some() => continue,
            };
            let Some(frame) = frame else { return };
            self.take(&frame);
            held.push(frame, self.meter.timing.picture_wait(), tokio::time::Instant::now());
        }
    }

    /// A frame came.
    fn take(&mut self, frame: &EncodedFrame) {
        self.meter.count_bytes(frame.data.len());
        if let Some(clock) = self.track.sender_clock() {
            self.meter.timing.came(clock.micros_at(frame.timestamp), Instant::now());
        }
        if let Some(recorder) = &mut self.recorder
            && let Err(error) = recorder.write(frame)
        {
            tracing::error!(%error, "recording stops");
            self.recorder = None;
        }
    }

    /// The time of a frame has come.
    fn show(&mut self, frame: EncodedFrame) {
        if self.decoder.is_some() {
            self.decode(&frame);
        } else {
            self.meter.count_frame(frame.width, frame.height);
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
fn spawn_decoder(track: RemoteTrack, meter: Arc<Meter>) -> SyncSender<EncodedFrame> {
    let (sender, frames) = sync_channel::<EncodedFrame>(DECODE_QUEUE);
    let work = move || {
        let mut decoder = Vp8Decoder::new();
        for frame in frames {
            match decoder.decode(&frame) {
                Ok(Some(picture)) => {
                    meter.count_frame(picture.width() as u16, picture.height() as u16);
                    meter.look(&picture);
                }
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

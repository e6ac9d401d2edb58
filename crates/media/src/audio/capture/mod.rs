//! Capture of sound: a thread reads frames of a source (microphone, tone, file, other programs), processes and encodes them.

pub(crate) mod opus_encoder;
mod timestamps;
mod voice_activity;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use bytes::Bytes;
use confab_wire::media::{AudioLevel, AudioPacket};
use tokio::sync::{mpsc, oneshot, watch};

use crate::audio::capture::opus_encoder::OpusEncoder;
use crate::audio::capture::timestamps::FrameTimestamps;
use crate::audio::capture::voice_activity::VoiceActivityDetector;
use crate::audio::device::opening;
use crate::audio::dsp::level::{Level, rms};
use crate::audio::processing::{AudioProcessor, MicrophoneProcessing};
use crate::audio::source::open;
use crate::audio::source::types::AudioFrameSource;
use crate::clock;
use crate::error::{Error, ErrorKind};
use crate::format::FRAME;
use crate::selector::AudioSource;
use crate::thread::priority;
use crate::thread::stop::StopFlag;
use crate::thread::worker;

/// Packets that wait for the consumer: 320 ms. Full: the newest is dropped, like a lost packet.
const PACKET_QUEUE: usize = 16;
/// How long a device may take to open.
const OPEN_TIMEOUT: Duration = Duration::from_secs(5);
/// How long [`AudioCapture::stop`] waits for its thread.
const STOP_TIMEOUT: Duration = Duration::from_secs(2);

#[derive(Debug, Default)]
struct Shared {
    muted: AtomicBool,
    /// In percent.
    loss: AtomicU8,
    level: Level,
    voice_active: AtomicBool,
}

/// A running source of sound with its Opus encoder (20 ms, 48 kHz, mono; 32 kbit/s, 64 for what the computer plays). In-band
/// FEC is encoded for the expected loss, and pauses are not sent (DTX) behind noise suppression. Dropping it ends both.
#[derive(Debug)]
pub struct AudioCapture {
    shared: Arc<Shared>,
    stop: StopFlag,
    failed: watch::Receiver<Option<Error>>,
    thread: Option<JoinHandle<()>>,
    _idle: Option<mpsc::Sender<AudioPacket>>,
}

impl AudioCapture {
    /// Opens the source. Fails with `MicrophoneMissing`, `MicrophoneFailed`, `NoSoundServer`, `SystemSoundUnsupported`,
    /// `FileUnreadable` or `FileFormat`. [`AudioSource::None`] opens nothing and never yields. The receiver ends when the
    /// capture does. Sound is sent unprocessed.
    pub async fn start(source: AudioSource) -> Result<(Self, mpsc::Receiver<AudioPacket>), Error> {
        Self::open(source, None).await
    }

    /// As [`start`](Self::start), with processing of a microphone. Other sources are sent unprocessed: they hold neither echo
    /// nor noise of a room.
    pub async fn start_processed(
        source: AudioSource,
        processing: MicrophoneProcessing,
    ) -> Result<(Self, mpsc::Receiver<AudioPacket>), Error> {
        let processing = Some(processing).filter(|_| matches!(source, AudioSource::Mic(_)));
        Self::open(source, processing).await
    }

    async fn open(
        source: AudioSource,
        processing: Option<MicrophoneProcessing>,
    ) -> Result<(Self, mpsc::Receiver<AudioPacket>), Error> {
        let (packets, receiver) = mpsc::channel(PACKET_QUEUE);
        let (failure, failed) = watch::channel(None);
        let mut capture = Self { shared: Arc::default(), stop: StopFlag::default(), failed, thread: None, _idle: None };
        if source == AudioSource::None {
            capture._idle = Some(packets);
            return Ok((capture, receiver));
        }
        let encoder = if source == AudioSource::System { OpusEncoder::for_music() } else { OpusEncoder::for_speech() }?;
        let (opened, opening) = oneshot::channel();
        let (shared, stop) = (capture.shared.clone(), capture.stop.clone());
        let thread = priority::spawn("confab-audio-in", move || match open::open(&source) {
            Err(error) => drop(opened.send(Err(error))),
            Ok(source) if opened.send(Ok(())).is_ok() => {
                let processor = processing.map(AudioProcessor::new);
                CaptureLoop { source, processor, encoder, shared, stop, packets, failure }.run();
            }
            Ok(_) => {}
        })?;
        opening::opened(opening, OPEN_TIMEOUT).await?;
        capture.thread = Some(thread);
        Ok((capture, receiver))
    }

    /// The handle that sets the packet loss to encode for.
    pub fn expected_loss(&self) -> ExpectedLoss {
        ExpectedLoss(self.shared.clone())
    }

    /// Mutes or unmutes. While muted nothing is sent, from this call on (a packet already in the channel is the last).
    pub fn set_muted(&self, muted: bool) {
        self.shared.muted.store(muted, Ordering::Release);
    }

    /// True while muted.
    pub fn is_muted(&self) -> bool {
        self.shared.muted.load(Ordering::Acquire)
    }

    /// Loudness of what would be sent, also while muted: RMS, 0..1. What the speaker plays is not in it where echo is
    /// cancelled.
    pub fn level(&self) -> f32 {
        self.shared.level.get()
    }

    /// True while voice activity is detected, also while muted.
    pub fn voice_active(&self) -> bool {
        self.shared.voice_active.load(Ordering::Relaxed)
    }

    /// Why the source failed, once it has; the packet receiver then ends too.
    pub fn failed(&self) -> watch::Receiver<Option<Error>> {
        self.failed.clone()
    }

    /// Ends the capture; the device is free when this returns (two seconds at most).
    pub async fn stop(mut self) {
        self.stop.set();
        worker::join(self.thread.take().into_iter().collect(), STOP_TIMEOUT).await;
    }
}

/// Packet loss that the encoder of a capture prepares for.
#[derive(Debug, Clone)]
pub struct ExpectedLoss(Arc<Shared>);

impl ExpectedLoss {
    /// From the next packet on, in-band FEC is encoded for this loss in percent; none for 0, as at first.
    pub fn set(&self, percent: u8) {
        self.0.loss.store(percent, Ordering::Relaxed);
    }
}

impl Drop for AudioCapture {
    fn drop(&mut self) {
        self.stop.set();
    }
}

struct CaptureLoop {
    source: Box<dyn AudioFrameSource>,
    processor: Option<AudioProcessor>,
    encoder: OpusEncoder,
    shared: Arc<Shared>,
    stop: StopFlag,
    packets: mpsc::Sender<AudioPacket>,
    failure: watch::Sender<Option<Error>>,
}

impl CaptureLoop {
    fn run(mut self) {
        let mut frame = [0.0; FRAME];
        let mut samples = FrameTimestamps::new(clock::audio_ticks(Instant::now()));
        let mut sequence = 0u16;
        let mut was_muted = false;
        let mut activity = VoiceActivityDetector::default();
        while !self.stop.is_set() && !self.packets.is_closed() {
            match self.source.next(&mut frame, &self.stop) {
                Ok(true) => {}
                Ok(false) => continue,
                Err(error) => {
                    tracing::warn!(%error, "sound source failed");
                    self.failure.send_replace(Some(error));
                    return;
                }
            }
            let timestamp = samples.next_frame(clock::audio_ticks(Instant::now()));
            if let Some(Err(error)) = self.processor.as_mut().map(|processor| processor.process(&mut frame)) {
                return self.fail(error);
            }
            let loudness = rms(&frame);
            let level = AudioLevel::from_rms(loudness, activity.detect(&frame));
            self.shared.level.set(loudness);
            self.shared.voice_active.store(level.voice, Ordering::Relaxed);
            if self.shared.muted.load(Ordering::Acquire) {
                was_muted = true;
                continue;
            }
            if std::mem::take(&mut was_muted) {
                // Not a sample from before the mute may leak into what follows it.
                self.encoder.reset();
            }
            let data = match self.encode(&frame) {
                Ok(Some(data)) => data,
                Ok(None) => continue,
                Err(error) => return self.fail(error),
            };
            // Checked again: the mute may have come while this frame was encoded.
            if !self.shared.muted.load(Ordering::Acquire) {
                let timestamp = timestamp as u32;
                let _ = self.packets.try_send(AudioPacket { data, timestamp, sequence, level: Some(level) });
                sequence = sequence.wrapping_add(1);
            }
        }
    }

    /// The packet of the frame; `None` in a pause.
    fn encode(&mut self, frame: &[f32; FRAME]) -> Result<Option<Bytes>, opus::Error> {
        self.encoder.set_expected_loss(self.shared.loss.load(Ordering::Relaxed))?;
        self.encoder.set_dtx(self.processor.as_ref().is_some_and(AudioProcessor::suppresses_noise))?;
        self.encoder.encode_with_dtx(frame)
    }

    /// Ends with an error of a codec.
    fn fail(&self, error: impl std::fmt::Display) {
        self.failure.send_replace(Some(Error::with_detail(ErrorKind::Internal, error)));
    }
}

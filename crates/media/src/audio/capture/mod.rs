//! From a microphone, tone, file or other programs to Opus packets.

pub(crate) mod opus_encoder;
mod timestamps;
mod voice_activity;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use bytes::Bytes;
use confab_wire::{
    ErrorCode, UserError,
    media::{AudioLevel, AudioPacket},
};
use tokio::sync::{mpsc, oneshot, watch};

use crate::audio::capture::opus_encoder::Encoder;
use crate::audio::capture::timestamps::SampleClock;
use crate::audio::capture::voice_activity::SpeechDetector;
use crate::audio::device::opening;
use crate::audio::dsp::level::{Level, rms};
use crate::audio::processing::{Processor, Voice};
use crate::audio::source::open;
use crate::audio::source::types::SoundSource;
use crate::clock;
use crate::format::FRAME;
use crate::selector::AudioSource;
use crate::thread::priority;
use crate::thread::stop::StopFlag;
use crate::thread::worker;

/// Packets that wait for the consumer: 320 ms. Full: the newest is dropped, like one lost on the way.
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
    voice: AtomicBool,
}

/// A running source of sound with its Opus encoder (20 ms, 48 kHz, mono; 32 kbit/s, 64 for what the computer plays). In-band
/// FEC is made for the loss that is told, and pauses are not sent (DTX) behind noise suppression. Dropping it ends both.
#[derive(Debug)]
pub struct AudioCapture {
    shared: Arc<Shared>,
    stop: StopFlag,
    failed: watch::Receiver<Option<UserError>>,
    thread: Option<JoinHandle<()>>,
    _idle: Option<mpsc::Sender<AudioPacket>>,
}

impl AudioCapture {
    /// Opens the source. Fails with `MicrophoneMissing`, `MicrophoneFailed`, `NoSoundServer`, `ShareSoundUnsupported`,
    /// `FileUnreadable` or `FileFormat`. [`AudioSource::None`] opens nothing and never yields. The receiver ends when the capture does.
    /// What the source hears is sent as it is.
    pub async fn start(source: AudioSource) -> Result<(Self, mpsc::Receiver<AudioPacket>), UserError> {
        Self::open(source, None).await
    }

    /// As [`start`](Self::start), with voice processing of a microphone. Anything else is sent as it is: no room and no
    /// speaker is in it.
    pub async fn start_voice(
        source: AudioSource,
        voice: Voice,
    ) -> Result<(Self, mpsc::Receiver<AudioPacket>), UserError> {
        let voice = Some(voice).filter(|_| matches!(source, AudioSource::Mic(_)));
        Self::open(source, voice).await
    }

    async fn open(source: AudioSource, voice: Option<Voice>) -> Result<(Self, mpsc::Receiver<AudioPacket>), UserError> {
        let (packets, receiver) = mpsc::channel(PACKET_QUEUE);
        let (failure, failed) = watch::channel(None);
        let mut capture = Self { shared: Arc::default(), stop: StopFlag::default(), failed, thread: None, _idle: None };
        if source == AudioSource::None {
            capture._idle = Some(packets);
            return Ok((capture, receiver));
        }
        let encoder = if source == AudioSource::System { Encoder::for_anything() } else { Encoder::new() }?;
        let (opened, opening) = oneshot::channel();
        let (shared, stop) = (capture.shared.clone(), capture.stop.clone());
        let thread = priority::spawn("confab-audio-in", move || match open::open(&source) {
            Err(error) => drop(opened.send(Err(error))),
            Ok(source) if opened.send(Ok(())).is_ok() => {
                let voice = voice.map(Processor::new);
                Loop { source, voice, encoder, shared, stop, packets, failure }.run();
            }
            Ok(_) => {}
        })?;
        opening::opened(opening, OPEN_TIMEOUT).await?;
        capture.thread = Some(thread);
        Ok((capture, receiver))
    }

    /// Where the encoder is told what gets lost.
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

    /// Loudness of what would be sent, also while muted (someone who speaks then wants to know): RMS, 0..1. What the speaker
    /// plays is not in it where echo is cancelled.
    pub fn level(&self) -> f32 {
        self.shared.level.get()
    }

    /// True while somebody speaks into it, also while muted.
    pub fn hears_voice(&self) -> bool {
        self.shared.voice.load(Ordering::Relaxed)
    }

    /// Why the source stopped against our will, once it has; the packet receiver then ends too.
    pub fn failed(&self) -> watch::Receiver<Option<UserError>> {
        self.failed.clone()
    }

    /// Ends the capture; the device is free when this returns (two seconds at most).
    pub async fn stop(mut self) {
        self.stop.set();
        worker::join(self.thread.take().into_iter().collect(), STOP_TIMEOUT).await;
    }
}

/// What the encoder of a capture takes for lost on the way.
#[derive(Debug, Clone)]
pub struct ExpectedLoss(Arc<Shared>);

impl ExpectedLoss {
    /// From the next packet on, as much redundancy is made as mends this loss in percent; none for 0, as at first.
    pub fn set(&self, percent: u8) {
        self.0.loss.store(percent, Ordering::Relaxed);
    }
}

impl Drop for AudioCapture {
    fn drop(&mut self) {
        self.stop.set();
    }
}

struct Loop {
    source: Box<dyn SoundSource>,
    voice: Option<Processor>,
    encoder: Encoder,
    shared: Arc<Shared>,
    stop: StopFlag,
    packets: mpsc::Sender<AudioPacket>,
    failure: watch::Sender<Option<UserError>>,
}

impl Loop {
    fn run(mut self) {
        let mut frame = [0.0; FRAME];
        let mut samples = SampleClock::new(clock::audio_ticks(Instant::now()));
        let mut sequence = 0u16;
        let mut was_muted = false;
        let mut speech = SpeechDetector::default();
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
            if let Some(Err(error)) = self.voice.as_mut().map(|voice| voice.process(&mut frame)) {
                return self.fail(error);
            }
            let loudness = rms(&frame);
            let level = AudioLevel::from_rms(loudness, speech.hear(&frame));
            self.shared.level.set(loudness);
            self.shared.voice.store(level.voice, Ordering::Relaxed);
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
            // A second look: the mute may have come while this frame was encoded.
            if !self.shared.muted.load(Ordering::Acquire) {
                let timestamp = timestamp as u32;
                let _ = self.packets.try_send(AudioPacket { data, timestamp, sequence, level: Some(level) });
                sequence = sequence.wrapping_add(1);
            }
        }
    }

    /// A packet of the frame, if it is worth one.
    fn encode(&mut self, frame: &[f32; FRAME]) -> Result<Option<Bytes>, opus::Error> {
        self.encoder.set_loss(self.shared.loss.load(Ordering::Relaxed))?;
        self.encoder.set_pauses(self.voice.as_ref().is_some_and(Processor::suppresses_noise))?;
        self.encoder.encode_to_send(frame)
    }

    /// Ends with an error of a codec's, which no person can do anything about.
    fn fail(&self, error: impl std::fmt::Display) {
        self.failure.send_replace(Some(UserError::with_detail(ErrorCode::Internal, error)));
    }
}

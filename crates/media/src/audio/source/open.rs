//! Opening a source of sound: tone, file, microphone, or what other programs play.

use std::collections::VecDeque;

use confab_wire::media::AUDIO_CLOCK_HZ;

use crate::audio::device::host::{PlatformAudio, types::AudioHost};
use crate::audio::device::stream::CaptureStream;
use crate::audio::source::types::{AudioFrameSource, FrameTimer};
use crate::error::{Error, ErrorKind};
use crate::file::wav::WavLoop;
use crate::format::FRAME;
use crate::selector::AudioSource;
use crate::thread::stop::StopFlag;

/// Amplitude of a tone: -12 dBFS, so that several together stay under full scale.
pub const TONE_AMPLITUDE: f32 = 0.25;

/// Opens a source; blocks as long as the device takes.
pub(crate) fn open(source: &AudioSource) -> Result<Box<dyn AudioFrameSource>, Error> {
    match source {
        AudioSource::None => Err(Error::with_detail(ErrorKind::Internal, "no source to open")),
        AudioSource::Tone(hz) => {
            Ok(Box::new(ToneSource { timer: FrameTimer::new(), step: *hz / AUDIO_CLOCK_HZ as f32, phase: 0.0 }))
        }
        AudioSource::Wav(path) => {
            let wav = WavLoop::open(path)?;
            Ok(Box::new(WavSource { timer: FrameTimer::new(), wav, ready: Vec::with_capacity(4 * FRAME) }))
        }
        AudioSource::Mic(name) => {
            Ok(Box::new(MicrophoneSource { recording: CaptureStream::open(name.as_deref())?, ready: VecDeque::new() }))
        }
        AudioSource::System => PlatformAudio::system_sound(),
    }
}

/// Fails as opening a file of sound would; blocks for as long as it takes to read its beginning. Other sources are not looked at.
pub fn check_sound_file(source: &AudioSource) -> Result<(), Error> {
    if let AudioSource::Wav(path) = source { WavLoop::open(path).map(drop) } else { Ok(()) }
}

/// True if the sound of this computer can be shared without that of the call in it
/// ([`AudioSource::System`]). Blocks for a few seconds at most.
pub fn can_share_sound() -> bool {
    PlatformAudio::system_sound().inspect_err(|error| tracing::debug!(%error, "sound can't be shared")).is_ok()
}

struct ToneSource {
    timer: FrameTimer,
    step: f32,
    phase: f32,
}

impl AudioFrameSource for ToneSource {
    fn next(&mut self, frame: &mut [f32; FRAME], stop: &StopFlag) -> Result<bool, Error> {
        if !self.timer.wait(stop) {
            return Ok(false);
        }
        for sample in frame {
            *sample = (self.phase * std::f32::consts::TAU).sin() * TONE_AMPLITUDE;
            self.phase = (self.phase + self.step).fract();
        }
        Ok(true)
    }
}

struct WavSource {
    timer: FrameTimer,
    wav: WavLoop,
    ready: Vec<f32>,
}

impl AudioFrameSource for WavSource {
    fn next(&mut self, frame: &mut [f32; FRAME], stop: &StopFlag) -> Result<bool, Error> {
        if !self.timer.wait(stop) {
            return Ok(false);
        }
        if let Some(missing) = FRAME.checked_sub(self.ready.len()).filter(|n| *n > 0) {
            self.wav.read(missing, &mut self.ready)?;
        }
        frame.copy_from_slice(&self.ready[..FRAME]);
        self.ready.drain(..FRAME);
        Ok(true)
    }
}

struct MicrophoneSource {
    recording: CaptureStream,
    ready: VecDeque<f32>,
}

impl AudioFrameSource for MicrophoneSource {
    fn next(&mut self, frame: &mut [f32; FRAME], stop: &StopFlag) -> Result<bool, Error> {
        while self.ready.len() < FRAME {
            if stop.is_set() {
                return Ok(false);
            }
            self.recording.read(&mut self.ready)?;
        }
        frame.iter_mut().zip(self.ready.drain(..FRAME)).for_each(|(out, sample)| *out = sample);
        Ok(true)
    }
}

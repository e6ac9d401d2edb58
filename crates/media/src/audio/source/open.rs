//! The sources of sound behind one trait: tone, file, microphone; what other programs play is in `system_sound`.

use std::collections::VecDeque;

use confab_wire::{ErrorCode, UserError, media::AUDIO_CLOCK_HZ};

use crate::audio::device::host::{Platform, types::SoundHost};
use crate::audio::device::stream::Recording;
use crate::audio::source::types::{Pace, SoundSource};
use crate::file::wav::WavLoop;
use crate::format::FRAME;
use crate::selector::AudioSource;
use crate::thread::stop::StopFlag;

/// Amplitude of a tone: -12 dBFS, so that several together stay under full scale.
pub const TONE_AMPLITUDE: f32 = 0.25;

/// Opens a source; blocks as long as the device takes.
pub(crate) fn open(source: &AudioSource) -> Result<Box<dyn SoundSource>, UserError> {
    match source {
        AudioSource::None => Err(UserError::with_detail(ErrorCode::Internal, "no source to open")),
        AudioSource::Tone(hz) => {
            Ok(Box::new(Tone { pace: Pace::new(), step: *hz / AUDIO_CLOCK_HZ as f32, phase: 0.0 }))
        }
        AudioSource::Wav(path) => {
            let wav = WavLoop::open(path)?;
            Ok(Box::new(Clip { pace: Pace::new(), wav, ready: Vec::with_capacity(4 * FRAME) }))
        }
        AudioSource::Mic(name) => {
            Ok(Box::new(Microphone { recording: Recording::open(name.as_deref())?, ready: VecDeque::new() }))
        }
        AudioSource::System => Platform::system_sound(),
    }
}

/// True if the sound of this computer can be shared without that of the call in it
/// ([`AudioSource::System`]). Blocks for a few seconds at most.
pub fn can_share_sound() -> bool {
    Platform::system_sound().inspect_err(|error| tracing::debug!(%error, "sound can't be shared")).is_ok()
}

struct Tone {
    pace: Pace,
    step: f32,
    phase: f32,
}

impl SoundSource for Tone {
    fn next(&mut self, frame: &mut [f32; FRAME], stop: &StopFlag) -> Result<bool, UserError> {
        if !self.pace.wait(stop) {
            return Ok(false);
        }
        for sample in frame {
            *sample = (self.phase * std::f32::consts::TAU).sin() * TONE_AMPLITUDE;
            self.phase = (self.phase + self.step).fract();
        }
        Ok(true)
    }
}

struct Clip {
    pace: Pace,
    wav: WavLoop,
    ready: Vec<f32>,
}

impl SoundSource for Clip {
    fn next(&mut self, frame: &mut [f32; FRAME], stop: &StopFlag) -> Result<bool, UserError> {
        if !self.pace.wait(stop) {
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

struct Microphone {
    recording: Recording,
    ready: VecDeque<f32>,
}

impl SoundSource for Microphone {
    fn next(&mut self, frame: &mut [f32; FRAME], stop: &StopFlag) -> Result<bool, UserError> {
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

//! The sources of sound behind one trait: tone, file, microphone; what other programs play is in `system_sound`.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use confab_wire::{ErrorCode, UserError, media::AUDIO_CLOCK_HZ};

use crate::audio_in::FRAME;
use crate::device::Recording;
use crate::sound_host::{Platform, SoundHost};
use crate::source::AudioSource;
use crate::stop::Stop;
use crate::wav::WavLoop;

/// Time of one frame.
const FRAME_TIME: Duration = Duration::from_millis(20);
/// Amplitude of a tone: -12 dBFS, so that several together stay under full scale.
pub const TONE_AMPLITUDE: f32 = 0.25;
/// Frames a paced source catches up with after a pause of the machine.
const CATCH_UP: u32 = 10;

/// Something that yields 20 ms of sound at its own pace, on a thread of its own.
pub(crate) trait SoundSource {
    /// Waits for the next frame. `false`: the wait ended without one (a stop, or a look whether to). An error is final.
    fn next(&mut self, frame: &mut [f32; FRAME], stop: &Stop) -> Result<bool, UserError>;
}

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

/// A beat every 20 ms that does not drift.
#[derive(Debug)]
pub(crate) struct Pace {
    next: Instant,
}

impl Pace {
    /// The first beat is 20 ms from now.
    pub(crate) fn new() -> Self {
        Self { next: Instant::now() }
    }

    /// When the next beat is; in the past if it is late.
    pub(crate) fn beat(&mut self) -> Instant {
        self.next += FRAME_TIME;
        if self.next.elapsed() > FRAME_TIME * CATCH_UP {
            self.next = Instant::now();
        }
        self.next
    }

    fn wait(&mut self, stop: &Stop) -> bool {
        !stop.sleep_until(self.beat())
    }
}

struct Tone {
    pace: Pace,
    step: f32,
    phase: f32,
}

impl SoundSource for Tone {
    fn next(&mut self, frame: &mut [f32; FRAME], stop: &Stop) -> Result<bool, UserError> {
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
    fn next(&mut self, frame: &mut [f32; FRAME], stop: &Stop) -> Result<bool, UserError> {
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
    fn next(&mut self, frame: &mut [f32; FRAME], stop: &Stop) -> Result<bool, UserError> {
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

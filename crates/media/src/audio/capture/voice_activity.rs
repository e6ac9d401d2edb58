//! Voice activity detection: speech is louder than the noise floor and periodic. A click of a key is loud but not periodic; the
//! hum of a fan is periodic, but belongs to the noise floor.

use crate::audio::dsp::level::rms;
use crate::audio::dsp::time_stretch;
use crate::format::FRAME;

/// Quieter than this is no speech: -50 dBFS.
const LEAST: f32 = 0.003;
/// How much louder than the noise floor speech is: 10 dB.
const OVER_NOISE_FLOOR: f32 = 3.0;
/// Least likeness of one period to the next in a vowel.
const VOICED: f32 = 0.7;
/// Vowels in a row that begin speech: 80 ms. A key that rings has less.
const ONSET: u32 = 4;
/// Frames for which speech goes on without a vowel: 240 ms, the consonants and stops between two.
const HANGOVER: u32 = 12;
/// Frames of one half of the window of the noise floor: 1.5 s. Speakers pause for breath at least once in two halves.
const HALF: u32 = 75;

/// Detects speech frame by frame.
#[derive(Debug)]
pub(crate) struct VoiceActivityDetector {
    /// Quietest frame of the last half, and of this one so far.
    quietest: [f32; 2],
    frames: u32,
    /// Vowels in a row.
    voiced: u32,
    /// Frames that speech goes on for.
    left: u32,
}

impl Default for VoiceActivityDetector {
    fn default() -> Self {
        Self { quietest: [LEAST, f32::INFINITY], frames: 0, voiced: 0, left: 0 }
    }
}

impl VoiceActivityDetector {
    /// True if there is speech in this frame, the newest.
    pub(crate) fn detect(&mut self, frame: &[f32; FRAME]) -> bool {
        let loudness = rms(frame);
        let noise_floor = self.noise_floor(loudness);
        let loud = loudness > LEAST.max(noise_floor * OVER_NOISE_FLOOR);
        let voiced = loud && time_stretch::period(frame).is_some_and(|(_, likeness)| likeness > VOICED);
        self.voiced = if voiced { self.voiced + 1 } else { 0 };
        if self.voiced >= ONSET {
            self.left = HANGOVER;
        } else {
            self.left = self.left.saturating_sub(1);
        }
        self.left > 0
    }

    /// Level of the quietest frame in the window.
    fn noise_floor(&mut self, loudness: f32) -> f32 {
        self.quietest[1] = self.quietest[1].min(loudness);
        self.frames += 1;
        if self.frames == HALF {
            self.frames = 0;
            self.quietest = [self.quietest[1], f32::INFINITY];
        }
        self.quietest[0].min(self.quietest[1])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(state: &mut u32) -> f32 {
        *state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (*state >> 8) as f32 / (1 << 24) as f32 - 0.5
    }

    /// Share of the frames with detected speech in `seconds` of `sound` over a low noise floor.
    fn heard(detector: &mut VoiceActivityDetector, seconds: f32, mut sound: impl FnMut(f32) -> f32) -> f32 {
        let mut state = 1;
        let frames = (seconds * 50.0) as usize;
        let spoken = (0..frames).filter(|index| {
            let at = |sample| (index * FRAME + sample) as f32 / 48_000.0;
            detector.detect(&std::array::from_fn(|sample| sound(at(sample)) + 0.001 * noise(&mut state)))
        });
        spoken.count() as f32 / frames as f32
    }

    /// A vowel of 130 Hz for 300 of 400 ms, as syllables are.
    fn speech(time: f32) -> f32 {
        let phase = std::f32::consts::TAU * 130.0 * (time + 0.002 * (time * 12.0).sin() / 12.0);
        let vowel = (1..=16).map(|k| (phase * k as f32).sin() / k as f32).sum::<f32>() * 0.05;
        if time % 0.4 < 0.3 { vowel } else { 0.0 }
    }

    #[test]
    fn speech_is_heard_and_silence_is_not() {
        let mut detector = VoiceActivityDetector::default();
        assert_eq!(heard(&mut detector, 3.0, |_| 0.0), 0.0);
        let share = heard(&mut detector, 5.0, speech);
        assert!(share > 0.95, "{share} of speech");
        heard(&mut detector, 0.4, |_| 0.0);
        assert_eq!(heard(&mut detector, 1.0, |_| 0.0), 0.0);
    }

    #[test]
    fn real_speech_of_anybody_is_heard() {
        use confab_testkit::speech::{Speaker, samples};
        for speaker in [Speaker::Ann, Speaker::Ben, Speaker::Eve] {
            let mut detector = VoiceActivityDetector::default();
            let spoken = samples(speaker, 10.0).expect("espeak-ng and sox");
            let frames = spoken.as_chunks::<FRAME>().0.iter().map(|frame| (rms(frame) > 0.02, detector.detect(frame)));
            let loud: Vec<bool> = frames.filter(|(loud, _)| *loud).map(|(_, heard)| heard).collect();
            let share = loud.iter().filter(|heard| **heard).count() as f32 / loud.len() as f32;
            assert!(share > 0.7, "{speaker:?}: {share} of {} loud frames", loud.len());
        }
    }

    #[test]
    fn keys_are_no_voice() {
        // Four keys a second, each a ringing of 2 kHz that dies in 10 ms.
        let mut state = 7;
        let keys = |time: f32| {
            let since = time % 0.25;
            (noise(&mut state) + (since * 2_000.0 * std::f32::consts::TAU).sin()) * (-since / 0.01).exp() * 0.5
        };
        assert_eq!(heard(&mut VoiceActivityDetector::default(), 5.0, keys), 0.0);
    }

    #[test]
    fn the_room_is_no_voice_however_loud_it_is() {
        let mut state = 3;
        assert_eq!(heard(&mut VoiceActivityDetector::default(), 10.0, |_| 0.3 * noise(&mut state)), 0.0, "a waterfall");
        // A hum counts as speech until it has gone on for the whole window of the noise floor.
        let hum = |time: f32| 0.05 * (time * 100.0 * std::f32::consts::TAU).sin();
        let mut detector = VoiceActivityDetector::default();
        heard(&mut detector, 3.3, hum);
        assert_eq!(heard(&mut detector, 5.0, hum), 0.0);
        let over = heard(&mut detector, 5.0, |time| 4.0 * speech(time) + hum(time));
        assert!(over > 0.9, "{over} of speech over a hum");
    }
}

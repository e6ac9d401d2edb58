//! RTP timestamps of captured frames, counted in samples of the device: its own clock, by which receivers correct the drift of
//! their speakers.

use confab_wire::media::AUDIO_CLOCK_HZ;

use crate::format::FRAME;

/// A step between the samples counted and the time passed that is more than a late thread, in samples: 200 ms. The device has
/// stood still, and its receivers are better off with a gap than with all that follows late.
const STOOD_STILL: i64 = AUDIO_CLOCK_HZ as i64 / 5;
/// How fast the distance between the two may grow without ever being a step, in samples a frame: 1042 ppm. Sound cards are off
/// by 200 at most.
const DRIFT: i64 = 1;

/// The timestamps of one device's frames.
#[derive(Debug)]
pub(crate) struct FrameTimestamps {
    /// Time of the last frame, in samples.
    at: i64,
    /// How far the wall clock has drifted ahead of it since the last step, in samples.
    drifted: i64,
}

impl FrameTimestamps {
    /// A clock that begins at `now`, in samples.
    pub(crate) fn new(now: i64) -> Self {
        Self { at: now, drifted: 0 }
    }

    /// The time of the next frame, which came at `now`, both in samples.
    pub(crate) fn next_frame(&mut self, now: i64) -> i64 {
        self.at += FRAME as i64;
        let away = now - self.at - self.drifted;
        if away.abs() > STOOD_STILL {
            (self.at, self.drifted) = (now, 0);
        } else {
            self.drifted += away.clamp(-DRIFT, DRIFT);
        }
        self.at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Timestamps of `seconds` of frames from a device whose clock is slower by `ppm`, each late by what `late` says.
    fn stamps(ppm: f64, seconds: u32, late: impl Fn(u32) -> i64) -> Vec<i64> {
        let mut clock = FrameTimestamps::new(0);
        (1..=seconds * 50)
            .map(|n| clock.next_frame((f64::from(n) * FRAME as f64 * (1.0 + ppm / 1e6)) as i64 + late(n)))
            .collect()
    }

    fn is_even(stamps: &[i64]) -> bool {
        stamps.windows(2).all(|two| two[1] - two[0] == FRAME as i64)
    }

    #[test]
    fn two_hours_of_a_sound_card_that_drifts_are_no_step() {
        for ppm in [-200.0, -20.0, 20.0, 200.0] {
            let shaken = |n: u32| i64::from(n * 7919 % 40) * 48;
            assert!(is_even(&stamps(ppm, 7_200, shaken)), "{ppm} ppm");
        }
    }

    #[test]
    fn a_device_that_stood_still_is_caught_up_with_once() {
        let still = |n: u32| if n > 5_000 { 24_000 } else { 0 };
        let stamps = stamps(200.0, 200, still);
        let (before, after) = stamps.split_at(5_000);
        assert!(is_even(before) && is_even(after));
        let step = after[0] - before[4_999] - FRAME as i64;
        assert!((24_000..24_000 + 2 * 960).contains(&step), "{step} samples");
    }

    #[test]
    fn a_late_thread_is_no_step() {
        let late = |n: u32| if n % 500 < 5 { 9_000 - i64::from(n % 500) * 960 } else { 0 };
        assert!(is_even(&stamps(0.0, 600, late)));
    }
}

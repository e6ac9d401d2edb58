//! Compensation of clock drift: the sender's clock makes the samples, the speaker's takes them, and they never run at the same
//! rate. The difference is corrected one sample at a time, which is not audible.

use std::collections::VecDeque;

use rubato::audioadapter_buffers::direct::SequentialSlice;
use rubato::{Adjustable, FixedAsync, Resampler, Slip};

use crate::format::BLOCK;

/// Blocks whose delays are remembered: 640 ms. A device asks for several blocks at once, and the last of them finds the least
/// in the buffer: that is the one that counts.
const WINDOW: usize = 64;
/// Change of the rate for each sample of delay too much or too little. A clock that is off by 200 ppm stays 2 ms from the
/// target, and a third of any distance is left after 10 s.
const GAIN: f64 = 2e-6;
/// Largest change of the rate: 3.5 cents, which is not audible as another pitch.
const MOST: f64 = 0.002;

/// Follows the delay of one stream and takes samples a little faster or slower.
#[derive(Debug)]
pub(crate) struct DriftCompensator {
    /// Delay over the target of the last blocks, in samples.
    excess: VecDeque<i64>,
    /// Drops or repeats a sample behind a crossfade, which costs neither delay nor treble.
    slip: Slip<f32>,
    input: Vec<f32>,
}

impl Default for DriftCompensator {
    fn default() -> Self {
        // The only error is a block too short for a crossfade (4 samples).
        #[allow(clippy::expect_used)]
        let slip = Slip::new(BLOCK, 1, FixedAsync::Output).expect("a block holds a crossfade");
        Self { excess: VecDeque::with_capacity(WINDOW), input: Vec::with_capacity(slip.input_frames_max()), slip }
    }
}

impl DriftCompensator {
    /// Samples that the next block takes.
    pub(crate) fn samples_needed(&self) -> usize {
        self.slip.input_frames_next()
    }

    /// The next block begins with this delay over the target, in samples; `None` while nothing plays.
    pub(crate) fn measure(&mut self, excess: Option<i64>) {
        let Some(excess) = excess else { return self.excess.clear() };
        if self.excess.len() == WINDOW {
            self.excess.pop_front();
        }
        self.excess.push_back(excess);
        let least = self.least().unwrap_or_default();
        let ratio = 1.0 - (GAIN * least as f64).clamp(-MOST, MOST);
        if let Err(error) = self.slip.set_resample_ratio(ratio, false) {
            tracing::debug!(%error, "the rate of a stream is not corrected");
        }
    }

    /// The least delay over the target in the last blocks, in samples.
    pub(crate) fn least(&self) -> Option<i64> {
        self.excess.iter().copied().min()
    }

    /// As [`Self::least`], once the window is full: all of it is too much.
    pub(crate) fn steady(&self) -> Option<i64> {
        self.least().filter(|_| self.excess.len() == WINDOW)
    }

    /// The delay was changed by so many samples at once.
    pub(crate) fn shift(&mut self, by: i64) {
        self.excess.iter_mut().for_each(|excess| *excess += by);
    }

    /// Makes a block of the [`Self::samples_needed`] samples that `next` gives.
    pub(crate) fn fill(&mut self, block: &mut [f32; BLOCK], next: impl FnMut() -> f32) {
        self.input.clear();
        self.input.extend(std::iter::repeat_with(next).take(self.slip.input_frames_next()));
        let frames = self.input.len();
        let (Ok(input), Ok(mut output)) =
            (SequentialSlice::new(&self.input, 1, frames), SequentialSlice::new_mut(&mut block[..], 1, BLOCK))
        else {
            return;
        };
        if let Err(error) = self.slip.process_into_buffer(&input, &mut output, None) {
            tracing::debug!(%error, "a block is not corrected");
        }
    }
}

#[cfg(test)]
#[path = "drift_tests.rs"]
mod tests;

//! The buffer of one program's sound: filled by the clock of its speaker, drained by ours.

use std::collections::VecDeque;

use crate::audio::dsp::drift::DriftCompensator;
use crate::audio::dsp::fade::Fade;
use crate::format::BLOCK;

/// Samples that wait before a sound begins, and what is kept of too many: 60 ms.
const START: usize = 6 * BLOCK;
/// Samples that are to wait at least, before each block: 40 ms, two fragments of the server's.
const TARGET: usize = 4 * BLOCK;
/// Most samples that wait: half a second.
const MOST: usize = 50 * BLOCK;
/// Loudest sample that is believed; beyond four times full scale is nothing that a program means.
const LOUDEST: f32 = 4.0;

/// A queue of sound that never clicks: it begins when there is enough, keeps to the other clock, and fades when it runs dry.
#[derive(Debug, Default)]
pub(super) struct StreamBuffer {
    ready: VecDeque<f32>,
    playing: bool,
    drift: DriftCompensator,
    fade: Fade,
}

impl StreamBuffer {
    /// Takes sound as the server sends it: 32-bit floats, little-endian.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        let samples = bytes.as_chunks::<4>().0.iter().map(|sample| f32::from_le_bytes(*sample));
        // A program may play what is no number, which would silence the sum for good.
        self.ready.extend(samples.map(|sample| if sample.is_finite() { sample.clamp(-LOUDEST, LOUDEST) } else { 0.0 }));
        if self.ready.len() > MOST {
            self.ready.drain(..self.ready.len() - START);
            self.drift.measure(None);
        }
    }

    /// Nothing comes any more: what is here is played to its end.
    pub(super) fn end(&mut self) {
        self.playing = !self.ready.is_empty();
    }

    /// True once it is silent.
    pub(super) fn is_silent(&self) -> bool {
        !self.playing && self.fade.is_over()
    }

    /// Adds the next 10 ms to a sum.
    pub(super) fn add_to(&mut self, sum: &mut [f32; BLOCK]) {
        self.playing |= self.ready.len() >= START;
        if self.is_silent() {
            return;
        }
        let waiting = self.playing.then_some(self.ready.len() as i64 - TARGET as i64);
        self.drift.measure(waiting);
        let (ready, fade, playing) = (&mut self.ready, &mut self.fade, self.playing);
        let mut block = [0.0; BLOCK];
        self.drift.fill(&mut block, || fade.next(if playing { ready.pop_front() } else { None }));
        self.playing &= !self.ready.is_empty();
        sum.iter_mut().zip(&block).for_each(|(sum, sample)| *sum += sample);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::dsp::level::tone_amplitude;

    const HZ: f32 = 440.0;

    /// `count` samples of a tone from sample `from` on, as the server sends them.
    fn tone(from: usize, count: usize) -> Vec<u8> {
        let sample = |n: usize| (n as f32 * HZ * std::f32::consts::TAU / 48_000.0).sin() * 0.5;
        (from..from + count).flat_map(|n| sample(n).to_le_bytes()).collect()
    }

    fn pull(buffer: &mut StreamBuffer) -> [f32; BLOCK] {
        let mut block = [0.0; BLOCK];
        buffer.add_to(&mut block);
        block
    }

    fn largest_step(sound: &[f32]) -> f32 {
        sound.windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(0.0, f32::max)
    }

    #[test]
    fn a_clock_that_is_off_is_heard_as_neither_gap_nor_click() {
        // 300 ppm slower and faster than ours, in fragments of 20 ms, for a minute.
        for rate in [48_000.0 * 0.9997, 48_000.0 * 1.0003] {
            let (mut buffer, mut sent, mut sound) = (StreamBuffer::default(), 0, Vec::new());
            for block in 0..6_000 {
                let due = (f64::from(block) * 0.01 * rate) as usize;
                while sent + 2 * BLOCK <= due {
                    buffer.push(&tone(sent, 2 * BLOCK));
                    sent += 2 * BLOCK;
                }
                sound.extend(pull(&mut buffer));
            }
            let later = &sound[48_000..];
            assert!(largest_step(later) < 0.06, "{rate}: a step of {}", largest_step(later));
            // Short enough that a pitch that is off by so little does not count.
            for tenth in later.chunks_exact(4_800) {
                let amplitude = tone_amplitude(tenth, HZ, 48_000);
                assert!(amplitude > 0.45, "{rate}: {amplitude}");
            }
            assert!(buffer.ready.len() < 2 * START, "{rate}: {} samples wait", buffer.ready.len());
        }
    }

    #[test]
    fn what_ends_is_heard_to_its_end_and_fades() {
        let mut buffer = StreamBuffer::default();
        buffer.push(&tone(0, START + 100));
        let mut sound: Vec<f32> = pull(&mut buffer).to_vec();
        buffer.end();
        while !buffer.is_silent() {
            sound.extend(pull(&mut buffer));
        }
        assert!(sound.len() > START && sound.len() < START + 6 * BLOCK, "{} samples", sound.len());
        assert!(largest_step(&sound) < 0.06, "a step of {}", largest_step(&sound));
        assert_eq!(pull(&mut buffer), [0.0; BLOCK]);
    }

    #[test]
    fn too_much_and_what_is_no_number_does_no_harm() {
        let mut buffer = StreamBuffer::default();
        buffer.push(&tone(0, 10 * MOST));
        assert!(buffer.ready.len() <= MOST);
        buffer.push(&[f32::NAN, f32::INFINITY, -1e30].map(f32::to_le_bytes).concat());
        while !buffer.ready.is_empty() {
            assert!(pull(&mut buffer).iter().all(|sample| sample.abs() <= LOUDEST));
        }
    }
}

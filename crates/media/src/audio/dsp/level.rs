//! Loudness: root mean square, 0..1, and frequency content for tests.

use std::sync::atomic::{AtomicU32, Ordering};

/// Root mean square of samples in -1..1.
pub fn rms(samples: &[f32]) -> f32 {
    if samples.is_empty() {
        return 0.0;
    }
    (samples.iter().map(|v| v * v).sum::<f32>() / samples.len() as f32).sqrt()
}

/// Amplitude of the sine of `hz` in `samples` taken at `rate` Hz (Goertzel's algorithm). Its bandwidth is about
/// `rate / samples.len()` Hz.
pub fn tone_amplitude(samples: &[f32], hz: f32, rate: u32) -> f32 {
    let omega = f64::from(hz) * std::f64::consts::TAU / f64::from(rate);
    let coefficient = 2.0 * omega.cos();
    let (mut one, mut two) = (0.0f64, 0.0f64);
    for sample in samples {
        let now = f64::from(*sample) + coefficient * one - two;
        (one, two) = (now, one);
    }
    let power = one * one + two * two - coefficient * one * two;
    (2.0 * power.max(0.0).sqrt() / samples.len().max(1) as f64) as f32
}

/// A level written by one thread and read by others.
#[derive(Debug, Default)]
pub(crate) struct Level(AtomicU32);

impl Level {
    pub(crate) fn set(&self, value: f32) {
        self.0.store(value.to_bits(), Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> f32 {
        f32::from_bits(self.0.load(Ordering::Relaxed))
    }

    /// Follows the loudness of a block of 10 ms: up within two blocks, down within about 150 ms.
    pub(crate) fn follow(&self, block: &[f32]) {
        let (now, before) = (rms(block), self.get());
        let weight = if now > before { 0.6 } else { 0.15 };
        let next = before + (now - before) * weight;
        self.set(if next < 1e-5 { 0.0 } else { next });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tone_is_found_where_it_is() {
        let samples: Vec<f32> =
            (0..4800).map(|i| (i as f32 * 440.0 * std::f32::consts::TAU / 48_000.0).sin() * 0.5).collect();
        assert!((tone_amplitude(&samples, 440.0, 48_000) - 0.5).abs() < 0.01);
        assert!(tone_amplitude(&samples, 880.0, 48_000) < 0.01);
        assert!((rms(&samples) - 0.3535).abs() < 0.001);
        assert_eq!(rms(&[]), 0.0);
    }

    #[test]
    fn a_level_falls_to_zero() {
        let level = Level::default();
        level.follow(&[0.5; 480]);
        level.follow(&[0.5; 480]);
        assert!(level.get() > 0.4);
        for _ in 0..100 {
            level.follow(&[0.0; 480]);
        }
        assert_eq!(level.get(), 0.0);
    }
}

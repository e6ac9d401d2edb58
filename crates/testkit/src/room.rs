//! A room between a speaker and a microphone.

use std::time::Duration;

/// Samples per second.
const RATE: f32 = 48_000.0;
/// Reflections in a second: from about this many on, an ear hears no single one.
const REFLECTIONS: f32 = 1000.0;

/// What becomes of a sound on its way from the speaker to the microphone: it comes later, weaker, and with the reflections of
/// a room. The reflections are velvet noise (Karjalainen and Järveläinen 2007): single impulses of either sign at random
/// distances, which die away exponentially. The same room each time.
#[derive(Debug, Clone)]
pub struct Room {
    /// Samples after which an impulse comes, and how strong.
    taps: Vec<(usize, f32)>,
}

impl Room {
    /// A room whose direct sound comes after `delay` and is weaker by `loss_db`; the reflections lose 60 dB within `rt60`.
    pub fn new(delay: Duration, rt60: Duration, loss_db: f32) -> Self {
        let delay = (delay.as_secs_f32() * RATE) as usize;
        let direct = 10.0_f32.powf(-loss_db / 20.0);
        let mut random = Random(0x2545_F491);
        let mut taps = vec![(delay, direct)];
        let spacing = RATE / REFLECTIONS;
        for n in 1..(rt60.as_secs_f32() * REFLECTIONS) as usize {
            let after = (n as f32 + random.next()) * spacing;
            let decay = 10.0_f32.powf(-3.0 * after / RATE / rt60.as_secs_f32());
            // All reflections together are about as strong as the direct sound.
            let strength = direct * decay * 0.2;
            taps.push((delay + after as usize, if random.next() < 0.5 { -strength } else { strength }));
        }
        Self { taps }
    }

    /// What the microphone hears of `sound`: as many samples.
    pub fn echo(&self, sound: &[f32]) -> Vec<f32> {
        let mut echo = vec![0.0; sound.len()];
        for &(after, strength) in &self.taps {
            for (out, sample) in echo.iter_mut().skip(after).zip(sound) {
                *out += sample * strength;
            }
        }
        echo
    }
}

/// Noise of a level in dBFS (root mean square), the same each time.
pub fn noise(samples: usize, level_db: f32) -> Vec<f32> {
    let mut random = Random(0x9E37_79B9);
    // Evenly spread between -1 and 1: the root mean square is 1/√3.
    let amplitude = 10.0_f32.powf(level_db / 20.0) * 3.0_f32.sqrt();
    (0..samples).map(|_| (random.next() * 2.0 - 1.0) * amplitude).collect()
}

/// Numbers from 0 to 1 (xorshift32, Marsaglia 2003).
struct Random(u32);

impl Random {
    fn next(&mut self) -> f32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        (self.0 >> 8) as f32 / (1 << 24) as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sound::Sound;

    #[test]
    fn an_impulse_comes_late_and_dies_away() {
        let mut impulse = vec![0.0; 48_000];
        impulse[0] = 1.0;
        let echo = Room::new(Duration::from_millis(100), Duration::from_millis(300), 6.0).echo(&impulse);
        assert!(echo[..4800].iter().all(|sample| *sample == 0.0));
        assert!((echo[4800] - 0.501).abs() < 0.01);
        let power = |from: usize, to: usize| echo[from..to].iter().map(|v| v * v).sum::<f32>();
        let fall = 10.0 * (power(4_900, 7_300) / power(12_100, 14_500)).log10();
        assert!((25.0..35.0).contains(&fall), "{fall} dB in 150 ms");
        let level = 20.0 * Sound { samples: noise(48_000, -40.0), rate: 48_000 }.rms().log10();
        assert!((level + 40.0).abs() < 0.5, "{level} dB");
    }
}

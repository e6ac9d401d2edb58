//! What was heard: levels and tones in WAV files.

use std::path::Path;

/// A mono signal.
#[derive(Debug, Clone)]
pub struct Sound {
    /// Samples, -1 to 1.
    pub samples: Vec<f32>,
    /// Samples per second.
    pub rate: u32,
}

impl Sound {
    /// Reads the first channel of a WAV file.
    pub fn read(path: &Path) -> Result<Self, hound::Error> {
        let mut reader = hound::WavReader::open(path)?;
        let spec = reader.spec();
        let channels = usize::from(spec.channels.max(1));
        let samples: Result<Vec<f32>, _> = match spec.sample_format {
            hound::SampleFormat::Float => reader.samples::<f32>().step_by(channels).collect(),
            hound::SampleFormat::Int => {
                let scale = (1_i64 << (spec.bits_per_sample - 1)) as f32;
                let samples = reader.samples::<i32>().step_by(channels);
                samples.map(|sample| sample.map(|sample| sample as f32 / scale)).collect()
            }
        };
        Ok(Self { samples: samples?, rate: spec.sample_rate })
    }

    /// Root mean square of the whole signal.
    pub fn rms(&self) -> f32 {
        rms(&self.samples)
    }

    /// Amplitude of the tone of `hz` in the signal, 0 to 1, by the Goertzel algorithm (Goertzel, 1958) over windows of
    /// 100 ms whose largest value counts, so that a tone that is there for a part of the time is found.
    pub fn tone(&self, hz: f32) -> f32 {
        let window = (self.rate / 10) as usize;
        self.samples.chunks_exact(window.max(1)).map(|chunk| goertzel(chunk, hz, self.rate)).fold(0.0, f32::max)
    }

    /// Share of 100 ms windows, 0 to 1, in which the tone of `hz` has at least `amplitude`.
    pub fn tone_share(&self, hz: f32, amplitude: f32) -> f32 {
        let window = (self.rate / 10) as usize;
        let chunks = self.samples.chunks_exact(window.max(1));
        let all = chunks.len().max(1) as f32;
        chunks.filter(|chunk| goertzel(chunk, hz, self.rate) >= amplitude).count() as f32 / all
    }

    /// The longest time, in seconds, without a sound of at least `level` (RMS of 10 ms) between the first and the last of
    /// them; infinite if there is none.
    pub fn longest_gap(&self, level: f32) -> f32 {
        let window = (self.rate / 100) as usize;
        let loud: Vec<usize> = self
            .samples
            .chunks_exact(window.max(1))
            .enumerate()
            .filter(|(_, chunk)| rms(chunk) >= level)
            .map(|(index, _)| index)
            .collect();
        let gap = loud.windows(2).map(|pair| pair[1] - pair[0] - 1).max();
        gap.map_or(f32::INFINITY, |windows| (windows * window) as f32 / self.rate as f32)
    }
}

pub(crate) fn rms(samples: &[f32]) -> f32 {
    let power: f32 = samples.iter().map(|sample| sample * sample).sum();
    (power / samples.len().max(1) as f32).sqrt()
}

/// Pearson's correlation of two rows of the same length; 0 where one of them is constant.
pub(crate) fn correlation(x: &[f32], y: &[f32]) -> f32 {
    let mean = |row: &[f32]| row.iter().sum::<f32>() / row.len() as f32;
    let (mean_x, mean_y) = (mean(x), mean(y));
    let (mut xy, mut xx, mut yy) = (0.0, 0.0, 0.0);
    for (x, y) in x.iter().zip(y) {
        let (x, y) = (x - mean_x, y - mean_y);
        xy += x * y;
        xx += x * x;
        yy += y * y;
    }
    let norm = (xx * yy).sqrt();
    if norm > f32::MIN_POSITIVE { xy / norm } else { 0.0 }
}

fn goertzel(samples: &[f32], hz: f32, rate: u32) -> f32 {
    let omega = std::f32::consts::TAU * hz / rate as f32;
    let coefficient = 2.0 * omega.cos();
    let (mut s1, mut s2) = (0.0_f32, 0.0_f32);
    for sample in samples {
        (s1, s2) = (sample + coefficient * s1 - s2, s1);
    }
    let power = s1 * s1 + s2 * s2 - coefficient * s1 * s2;
    2.0 * power.max(0.0).sqrt() / samples.len() as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tone_is_found_by_its_pitch() {
        let samples = (0..48_000).map(|n| 0.3 * (std::f32::consts::TAU * 440.0 * n as f32 / 48_000.0).sin()).collect();
        let sound = Sound { samples, rate: 48_000 };
        assert!((sound.tone(440.0) - 0.3).abs() < 0.01);
        assert!(sound.tone(660.0) < 0.01);
        assert!(sound.tone_share(440.0, 0.2) > 0.99);
        assert!((sound.rms() - 0.212).abs() < 0.005);
    }

    #[test]
    fn a_gap_is_measured_between_sounds() {
        let silence = |seconds: f32| vec![0.0_f32; (48_000.0 * seconds) as usize];
        let samples = [silence(1.0), vec![0.3; 4800], silence(0.15), vec![0.3; 4800], silence(2.0)].concat();
        let sound = Sound { samples, rate: 48_000 };
        assert!((sound.longest_gap(0.1) - 0.15).abs() < 0.011, "{}", sound.longest_gap(0.1));
        assert_eq!(sound.longest_gap(0.5), f32::INFINITY);
    }
}

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
        let power: f32 = self.samples.iter().map(|sample| sample * sample).sum();
        (power / self.samples.len().max(1) as f32).sqrt()
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
}

//! Resampling: from the rate of any device or file to 48 kHz and back.

use rubato::audioadapter_buffers::direct::SequentialSlice;
use rubato::{Fft, FixedSync, Resampler};

use crate::error::{Error, ErrorKind};

/// Resamples one channel by a fixed ratio; passes it through where the rates are equal.
pub(crate) struct MonoResampler {
    fft: Option<Fft<f32>>,
    input: Vec<f32>,
    output: Vec<f32>,
}

impl std::fmt::Debug for MonoResampler {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let ratio = self.fft.as_ref().map(Resampler::resample_ratio);
        f.debug_struct("MonoResampler").field("ratio", &ratio).finish_non_exhaustive()
    }
}

impl MonoResampler {
    /// A resampler between two rates in Hz, in steps of about 10 ms.
    pub(crate) fn new(from: u32, to: u32) -> Result<Self, Error> {
        if from == to {
            return Ok(Self { fft: None, input: Vec::new(), output: Vec::new() });
        }
        let chunk = (from as usize / 100).max(32);
        let fft = Fft::new(from as usize, to as usize, chunk, 1, FixedSync::Both)
            .map_err(|error| Error::with_detail(ErrorKind::Internal, format!("{from} to {to} Hz: {error}")))?;
        let output = vec![0.0; fft.output_frames_max()];
        Ok(Self { input: Vec::with_capacity(2 * fft.input_frames_max()), output, fft: Some(fft) })
    }

    /// Takes samples of the first rate and appends what they make at the second to `out`.
    pub(crate) fn push(&mut self, samples: &[f32], out: &mut Vec<f32>) {
        let Some(fft) = &mut self.fft else {
            out.extend_from_slice(samples);
            return;
        };
        self.input.extend_from_slice(samples);
        let mut used = 0;
        loop {
            let needed = fft.input_frames_next();
            let Some(chunk) = self.input.get(used..used + needed) else { break };
            used += needed;
            let length = self.output.len();
            let (Ok(input), Ok(mut output)) =
                (SequentialSlice::new(chunk, 1, needed), SequentialSlice::new_mut(&mut self.output, 1, length))
            else {
                break;
            };
            match fft.process_into_buffer(&input, &mut output, None) {
                Ok((_, written)) => out.extend_from_slice(&self.output[..written]),
                Err(error) => tracing::debug!(%error, "resampling"),
            }
        }
        self.input.drain(..used);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::dsp::level::tone_amplitude;

    #[test]
    fn a_tone_keeps_frequency_and_level_at_any_rate() {
        for rate in [8_000, 11_025, 16_000, 22_050, 44_100, 48_000, 96_000, 192_000] {
            let mut resampler = MonoResampler::new(rate, 48_000).expect("a resampler");
            let mut out = Vec::new();
            let tone: Vec<f32> =
                (0..rate).map(|i| (i as f32 * 1000.0 * std::f32::consts::TAU / rate as f32).sin() * 0.5).collect();
            for part in tone.chunks(137) {
                resampler.push(part, &mut out);
            }
            assert!((45_000..=48_000).contains(&out.len()), "{rate}: {} samples", out.len());
            let amplitude = tone_amplitude(&out[9_600..28_800], 1000.0, 48_000);
            assert!((amplitude - 0.5).abs() < 0.01, "{rate}: {amplitude}");
        }
    }
}

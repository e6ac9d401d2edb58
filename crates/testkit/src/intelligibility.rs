//! How well speech is understood after its way through microphones, codecs and networks.
//!
//! STOI, the short-time objective intelligibility measure: C. H. Taal, R. C. Hendriks, R. Heusdens, J. Jensen, "An Algorithm
//! for Intelligibility Prediction of Time-Frequency Weighted Noisy Speech", IEEE Transactions on Audio, Speech and Language
//! Processing 19(7), 2011. Frames, bands and constants are those of the paper; the bands are taken from the spectrum at the
//! signal's own rate instead of at 10 kHz.

use realfft::{RealFftPlanner, RealToComplex};
use std::sync::Arc;

use crate::sound::{Sound, correlation};

/// Length of a frame in seconds; the next begins half of it later.
const FRAME: f32 = 0.0256;
/// One-third octave bands, and the centre of the lowest in Hz.
const BANDS: usize = 15;
const LOWEST: f32 = 150.0;
/// Frames that are compared as one: 384 ms.
const SEGMENT: usize = 30;
/// Frames of the source this much weaker than its strongest count as silence, in dB.
const SILENCE: f32 = 40.0;
/// Least signal-to-distortion ratio of a band, in dB: what is worse counts as this bad.
const CLIPPING: f32 = -15.0;
/// Parts that are aligned on their own: a jitter buffer stretches time.
const PART: f32 = 3.0;
/// How far the parts may have moved against each other, in seconds.
const DRIFT: f32 = 0.3;
/// Resolution of an alignment, in seconds.
const STEP: f32 = 0.001;

/// How much of `source` is understood in `heard`, 0 to 1, wherever in it the source begins: speech over a telephone has
/// about 0.9, under 0.6 few words are understood. Both at one rate; `None` if nothing of the source can be found.
pub fn stoi(source: &Sound, heard: &Sound) -> Option<f32> {
    let scores = parts(source, heard)?;
    Some(scores.iter().sum::<f32>() / scores.len() as f32)
}

/// The same for each three seconds of `source` that say something, for who must allow for a machine that stalls now and then.
pub fn parts(source: &Sound, heard: &Sound) -> Option<Vec<f32>> {
    assert_eq!(source.rate, heard.rate, "both at one rate");
    let bands = Bands::new(source.rate);
    let part = (PART * source.rate as f32) as usize;
    let begin = delay(source, heard, 0..heard.samples.len())?;
    let slack = (DRIFT * source.rate as f32) as usize;
    let mut scores = Vec::new();
    for (index, samples) in source.samples.chunks(part).enumerate() {
        let expected = begin + index * part;
        let window = expected.saturating_sub(slack)..(expected + slack + samples.len()).min(heard.samples.len());
        let said = Sound { samples: samples.to_vec(), rate: source.rate };
        let at = if window.len() > samples.len() { delay(&said, heard, window) } else { None };
        let at = at.unwrap_or(expected).min(heard.samples.len());
        let mut understood = heard.samples[at..(at + samples.len()).min(heard.samples.len())].to_vec();
        understood.resize(samples.len(), 0.0);
        let (score, segments) = bands.compare(samples, &understood);
        if segments > 0 {
            scores.push(score / segments as f32);
        }
    }
    (!scores.is_empty()).then_some(scores)
}

/// Samples from the start of `heard` to where `source` fits best within `window`, by the correlation of their loudness.
pub fn delay(source: &Sound, heard: &Sound, window: std::ops::Range<usize>) -> Option<usize> {
    let step = ((STEP * source.rate as f32) as usize).max(1);
    let (x, y) = (envelope(&source.samples, step), envelope(heard.samples.get(window.clone())?, step));
    let least = (x.len() / 2).max(1);
    let best = (0..y.len().checked_sub(least)?)
        .map(|lag| (lag, correlation(&x[..x.len().min(y.len() - lag)], &y[lag..(lag + x.len()).min(y.len())])))
        .max_by(|a, b| a.1.total_cmp(&b.1))?;
    (best.1 > 0.2).then_some(window.start + best.0 * step)
}

/// Loudness in steps of `step` samples, smoothed over ten of them, in a scale that counts quiet sounds as well.
fn envelope(samples: &[f32], step: usize) -> Vec<f32> {
    let power: Vec<f32> =
        samples.chunks(step).map(|part| part.iter().map(|v| v * v).sum::<f32>() / step as f32).collect();
    let mut smooth = 0.0;
    power
        .iter()
        .map(|power| {
            smooth += (power - smooth) * 0.1;
            smooth.powf(0.25)
        })
        .collect()
}

/// Takes sounds apart into bands.
struct Bands {
    frame: usize,
    window: Vec<f32>,
    fft: Arc<dyn RealToComplex<f32>>,
    /// First and last bin of each band.
    edges: Vec<(usize, usize)>,
}

impl Bands {
    fn new(rate: u32) -> Self {
        let frame = (FRAME * rate as f32) as usize / 2 * 2;
        let length = 2 * frame;
        let window =
            (0..frame).map(|n| (std::f32::consts::PI * (n as f32 + 0.5) / frame as f32).sin().powi(2)).collect();
        let bin = |hz: f32| (hz * length as f32 / rate as f32).round() as usize;
        let edge = |band: usize, side: f32| bin(LOWEST * 2f32.powf((band as f32 + side / 2.0) / 3.0));
        let edges = (0..BANDS).map(|band| (edge(band, -1.0), edge(band, 1.0))).collect();
        Self { frame, window, fft: RealFftPlanner::new().plan_fft_forward(length), edges }
    }

    /// Amplitudes of the bands of each frame.
    fn split(&self, samples: &[f32]) -> Vec<[f32; BANDS]> {
        let (mut input, mut output) = (self.fft.make_input_vec(), self.fft.make_output_vec());
        let frames = samples.windows(self.frame).step_by(self.frame / 2);
        frames
            .map(|frame| {
                input.fill(0.0);
                input.iter_mut().zip(frame).zip(&self.window).for_each(|((out, v), weight)| *out = v * weight);
                let mut bands = [0.0; BANDS];
                if self.fft.process(&mut input, &mut output).is_ok() {
                    for (band, (from, to)) in bands.iter_mut().zip(&self.edges) {
                        *band = output[*from..*to].iter().map(|bin| bin.norm_sqr()).sum::<f32>().sqrt();
                    }
                }
                bands
            })
            .collect()
    }

    /// Sum of the likeness of all bands of all segments, and how many there are, of two aligned sounds.
    fn compare(&self, source: &[f32], heard: &[f32]) -> (f32, usize) {
        let (source, heard) = (self.split(source), self.split(heard));
        let power = |frame: &[f32; BANDS]| frame.iter().map(|v| v * v).sum::<f32>();
        let strongest = source.iter().map(power).fold(0.0, f32::max);
        let silence = strongest * 10f32.powf(-SILENCE / 10.0);
        let spoken: Vec<(&[f32; BANDS], &[f32; BANDS])> =
            source.iter().zip(&heard).filter(|(frame, _)| power(frame) > silence).collect();
        let mut sum = (0.0, 0);
        for segment in spoken.windows(SEGMENT) {
            for band in 0..BANDS {
                let x: Vec<f32> = segment.iter().map(|(x, _)| x[band]).collect();
                let y: Vec<f32> = segment.iter().map(|(_, y)| y[band]).collect();
                sum = (sum.0 + likeness(&x, &y), sum.1 + 1);
            }
        }
        sum
    }
}

/// Likeness of one band of a segment (equations 3 to 5 of the paper).
fn likeness(x: &[f32], y: &[f32]) -> f32 {
    let energy = |row: &[f32]| row.iter().map(|v| v * v).sum::<f32>();
    let gain = (energy(x) / energy(y).max(f32::MIN_POSITIVE)).sqrt();
    let most = 1.0 + 10f32.powf(-CLIPPING / 20.0);
    let clipped: Vec<f32> = x.iter().zip(y).map(|(x, y)| (gain * y).min(x * most)).collect();
    correlation(x, &clipped)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::room::noise;
    use crate::speech::{self, Speaker};

    fn spoken() -> Sound {
        Sound { samples: speech::samples(Speaker::Ann, 9.0).expect("espeak-ng and sox"), rate: 48_000 }
    }

    fn later(sound: &Sound, samples: usize, change: impl Fn(usize, f32) -> f32) -> Sound {
        let moved = sound.samples.iter().enumerate().map(|(index, sample)| change(index, *sample));
        Sound {
            samples: vec![0.0; samples].into_iter().chain(moved).chain(vec![0.0; 24_000]).collect(),
            rate: sound.rate,
        }
    }

    #[test]
    fn what_only_comes_later_and_quieter_is_understood() {
        let source = spoken();
        let heard = later(&source, 31_000, |_, sample| sample * 0.2);
        let at = delay(&source, &heard, 0..heard.samples.len()).expect("found");
        assert!(at.abs_diff(31_000) <= 48, "{at}");
        assert!(stoi(&source, &heard).expect("found") > 0.99);
    }

    #[test]
    fn noise_and_gaps_cost_what_they_cost() {
        let source = spoken();
        let scores: Vec<f32> = [-46.0, -26.0, -16.0]
            .into_iter()
            .map(|level| {
                let noise = noise(source.samples.len(), level);
                stoi(&source, &later(&source, 5_000, |index, sample| sample + noise[index])).expect("found")
            })
            .collect();
        assert!(scores[0] > 0.9 && scores.windows(2).all(|pair| pair[0] > pair[1] + 0.05), "{scores:?}");
        // 60 ms of each 300 ms are gone.
        let holes =
            stoi(&source, &later(&source, 0, |index, sample| if index / 2_880 % 5 == 0 { 0.0 } else { sample }));
        assert!(holes.expect("found") < 0.9, "{holes:?}");
    }

    #[test]
    fn what_another_says_is_not_it() {
        let other = Sound { samples: speech::samples(Speaker::Ben, 9.0).expect("espeak-ng and sox"), rate: 48_000 };
        assert!(stoi(&spoken(), &other).is_none_or(|score| score < 0.5));
        assert_eq!(stoi(&spoken(), &Sound { samples: vec![0.0; 96_000], rate: 48_000 }), None);
    }
}

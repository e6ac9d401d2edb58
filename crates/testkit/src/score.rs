//! What was heard of what was said: how much later, how loud, and with which gaps.

use crate::sound::{correlation, rms};

/// Samples per second of both.
pub const RATE: usize = 48_000;
/// Distance of two values of an envelope: 1 ms.
const HOP: usize = RATE / 1000;
/// Samples of which each value is made: 5 ms, shorter than any sound of speech.
const WINDOW: usize = 5 * HOP;
/// Values of a second.
const SECOND: usize = RATE / HOP;
/// Level under which what was said is no loss to anybody: -45 dBFS, the breath between words.
const AUDIBLE: f32 = 0.0056;
/// Share of the level of what was said under which it was not heard: -20 dB.
const LOST: f32 = 0.1;
/// Longest gap that is told apart from a longer one: half a second.
const LONGEST_GAP: usize = 500;
/// Share of a second that has to be audible for it to be compared.
const SPOKEN: f32 = 0.3;

/// One second of speech, as it was heard.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HeardSecond {
    /// How much later it was heard, in ms.
    pub delay: f32,
    /// The longest time in which something audible was said and nothing was heard, in ms.
    pub gap: f32,
    /// How much louder it was heard, in dB.
    pub level: f32,
    /// Correlation of the envelopes of what was said and heard: 1 is equal.
    pub likeness: f32,
}

/// Compares what was said with what was heard, second by second, where there is speech. Both begin at the same time; what
/// was heard comes at most `most_delay` ms later.
pub fn compare(said: &[f32], heard: &[f32], most_delay: usize) -> Vec<HeardSecond> {
    let (said, heard) = (envelope(said), envelope(heard));
    let seconds = (0..said.len()).step_by(SECOND).map_while(|start| {
        let said = said.get(start..start + SECOND + LONGEST_GAP)?;
        let heard = heard.get(start..start + SECOND + LONGEST_GAP + most_delay)?;
        let spoken = said[..SECOND].iter().filter(|level| **level > AUDIBLE).count() as f32 / SECOND as f32;
        Some((spoken > SPOKEN).then(|| second_of(said, heard, most_delay)))
    });
    seconds.flatten().collect()
}

/// The value under which this share of the values is (0.5: the median); 0 of none.
pub fn quantile(values: impl IntoIterator<Item = f32>, share: f32) -> f32 {
    let mut values: Vec<f32> = values.into_iter().collect();
    values.sort_by(f32::total_cmp);
    let rank = ((values.len().max(1) - 1) as f32 * share).round() as usize;
    values.get(rank).copied().unwrap_or_default()
}

/// Both hold the second and what comes after it, so that a gap is not cut in two.
fn second_of(said: &[f32], heard: &[f32], most_delay: usize) -> HeardSecond {
    let second = &said[..SECOND];
    let likeness = |delay: usize| correlation(second, &heard[delay..delay + SECOND]);
    let delays = (0..=most_delay).map(|delay| (delay, likeness(delay)));
    let (delay, likeness) = delays.max_by(|a, b| a.1.total_cmp(&b.1)).unwrap_or_default();
    let heard = &heard[delay..];
    let power = |levels: &[f32]| levels.iter().map(|level| level * level).sum::<f32>().max(f32::MIN_POSITIVE);
    let level = 10.0 * (power(&heard[..SECOND]) / power(second)).log10();
    HeardSecond { delay: delay as f32, gap: longest_gap(said, heard) as f32, level, likeness }
}

/// Of the gaps that begin in the second.
fn longest_gap(said: &[f32], heard: &[f32]) -> usize {
    let lost: Vec<bool> = said.iter().zip(heard).map(|(said, heard)| *said > AUDIBLE && *heard < said * LOST).collect();
    let begins = (0..SECOND).filter(|at| lost[*at] && (*at == 0 || !lost[at - 1]));
    begins.map(|at| lost[at..].iter().take_while(|lost| **lost).count()).max().unwrap_or_default()
}

/// Root mean squares of 5 ms each, one a millisecond.
fn envelope(samples: &[f32]) -> Vec<f32> {
    let starts = (0..samples.len().saturating_sub(WINDOW - 1)).step_by(HOP);
    starts.map(|start| rms(&samples[start..start + WINDOW])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A tone that swells and fades four times a second, never twice the same.
    fn said() -> Vec<f32> {
        (0..10 * RATE)
            .map(|sample| {
                let time = sample as f32 / RATE as f32;
                let swell = 0.6 + 0.4 * (time * 25.0 + (time * 3.7).sin() * 2.0).sin();
                0.2 * swell * (time * 300.0 * std::f32::consts::TAU).sin()
            })
            .collect()
    }

    fn later(samples: &[f32], ms: usize) -> Vec<f32> {
        [&vec![0.0; ms * HOP], samples].concat()
    }

    #[test]
    fn what_comes_later_and_quieter_is_found_so() {
        let said = said();
        let heard: Vec<f32> = later(&said, 120).iter().map(|sample| sample * 0.5).collect();
        let seconds = compare(&said, &heard, 300);
        assert!(seconds.len() >= 8, "{seconds:?}");
        for second in seconds {
            assert!((second.delay - 120.0).abs() <= 1.0 && second.gap == 0.0, "{second:?}");
            assert!((second.level + 6.0).abs() < 0.1 && second.likeness > 0.99, "{second:?}");
        }
    }

    #[test]
    fn a_gap_is_as_long_as_it_is() {
        let said = said();
        let mut heard = later(&said, 50);
        heard[3 * RATE..3 * RATE + 80 * HOP].fill(0.0);
        let seconds = compare(&said, &heard, 300);
        let longest = quantile(seconds.iter().map(|second| second.gap), 1.0);
        assert!((60.0..=80.0).contains(&longest), "{longest} ms");
        assert_eq!(
            seconds.iter().filter(|second| second.gap > 0.0).count(),
            2,
            "it begins in one second and ends in the next"
        );
    }
}

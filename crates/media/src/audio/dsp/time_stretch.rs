//! Time stretching without a change of pitch: takes one pitch period out of decoded sound, or repeats one.

/// Shortest and longest pitch period, in samples at 48 kHz: 400 Hz down to 67 Hz.
const PERIODS: std::ops::RangeInclusive<usize> = 120..=720;
/// Samples that are compared and faded over: 5 ms.
const OVERLAP: usize = 240;
/// Least correlation of two stretches (1 is equal) for a splice that is not audible.
const LIKENESS: f32 = 0.6;
/// Mean square under which any splice is inaudible: -60 dBFS.
const QUIET: f32 = 1e-6;

/// A chunk has to be this long for any splice, in samples.
pub const MIN_CHUNK: usize = *PERIODS.start() + OVERLAP;

/// The best period in samples and its correlation, at most 1. Anything quieter than -60 dBFS has correlation 1.
pub fn period(chunk: &[f32]) -> Option<(usize, f32)> {
    let longest = chunk.len().checked_sub(OVERLAP)?.min(*PERIODS.end());
    let head = &chunk[..OVERLAP];
    let energy = |part: &[f32]| part.iter().map(|v| v * v).sum::<f32>();
    let own = energy(head);
    if own < QUIET * OVERLAP as f32 {
        return (longest >= *PERIODS.start()).then_some((longest, 1.0));
    }
    // Every second lag and sample: speech has no pitch above 12 kHz, and this is a quarter of the work.
    (*PERIODS.start()..=longest)
        .step_by(2)
        .map(|lag| {
            let other = &chunk[lag..lag + OVERLAP];
            let product: f32 = head.iter().zip(other).step_by(2).map(|(a, b)| a * b).sum();
            (lag, 2.0 * product / (own * energy(other)).sqrt().max(f32::MIN_POSITIVE))
        })
        .max_by(|a, b| a.1.total_cmp(&b.1))
}

/// Fades from the samples at `from` of `chunk` to those at `to`.
fn fade(chunk: &[f32], from: usize, to: usize) -> [f32; OVERLAP] {
    std::array::from_fn(|i| {
        let weight = (i as f32 + 0.5) / OVERLAP as f32;
        chunk[from + i] * (1.0 - weight) + chunk[to + i] * weight
    })
}

/// Takes one period out of `chunk`. With `force`, also where that is audible. Returns the samples removed.
pub fn shorten(chunk: &mut Vec<f32>, force: bool) -> usize {
    let Some((lag, _)) = period(chunk).filter(|(_, likeness)| force || *likeness > LIKENESS) else { return 0 };
    let faded = fade(chunk, 0, lag);
    chunk.drain(..lag);
    chunk[..OVERLAP].copy_from_slice(&faded);
    lag
}

/// Repeats one period of `chunk`. Returns the samples added.
pub fn lengthen(chunk: &mut Vec<f32>) -> usize {
    let Some((lag, _)) = period(chunk).filter(|(_, likeness)| *likeness > LIKENESS) else { return 0 };
    let (faded, length) = (fade(chunk, lag, 0), chunk.len());
    chunk.resize(length + lag, 0.0);
    chunk.copy_within(OVERLAP..length, lag + OVERLAP);
    chunk[lag..lag + OVERLAP].copy_from_slice(&faded);
    lag
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sine(hz: f32) -> Vec<f32> {
        (0..960).map(|i| (i as f32 * hz * std::f32::consts::TAU / 48_000.0).sin() * 0.5).collect()
    }

    fn largest_step(chunk: &[f32]) -> f32 {
        chunk.windows(2).map(|w| (w[1] - w[0]).abs()).fold(0.0, f32::max)
    }

    #[test]
    fn a_periodic_sound_is_spliced_without_a_click() {
        for hz in [90.0, 120.0, 220.0, 440.0, 1000.0] {
            let original = sine(hz);
            let mut chunk = original.clone();
            let removed = shorten(&mut chunk, false);
            assert!(removed >= 120 && chunk.len() == 960 - removed, "{hz} Hz: {removed}");
            assert!(largest_step(&chunk) < 1.1 * largest_step(&original), "{hz} Hz clicks");
            let mut chunk = original.clone();
            let added = lengthen(&mut chunk);
            assert!(added >= 120 && chunk.len() == 960 + added, "{hz} Hz: {added}");
            assert!(largest_step(&chunk) < 1.1 * largest_step(&original), "{hz} Hz clicks");
        }
    }

    #[test]
    fn noise_is_only_spliced_by_force_and_silence_always() {
        let mut state = 1u32;
        let mut noise: Vec<f32> = (0..960)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 8) as f32 / (1 << 24) as f32 - 0.5
            })
            .collect();
        assert_eq!(shorten(&mut noise.clone(), false), 0);
        assert!(shorten(&mut noise, true) > 0);
        assert_eq!(shorten(&mut vec![0.0; 960], false), 720);
        assert_eq!(shorten(&mut vec![0.0; 100], true), 0);
    }
}

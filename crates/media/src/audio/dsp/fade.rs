//! Fades for sound that breaks off: a step to silence clicks, so the last sample decays instead.

/// Decay per sample: a time constant of 1 ms.
const DECAY: f32 = 0.98;
/// An inaudible sample: a fade ends here.
const INAUDIBLE: f32 = 1e-5;

/// Crossfades into `sound` from the sample `last` of another sound: the step between them decays.
pub(crate) fn crossfade_from(last: f32, sound: &mut [f32]) {
    let mut between = sound.first().map_or(0.0, |first| last - first);
    for sample in sound {
        between *= DECAY;
        *sample += between;
    }
}

/// A sound, sample by sample, and its decay after the last.
#[derive(Debug, Default)]
pub(crate) struct Fade {
    last: f32,
}

impl Fade {
    /// The sample to play: the next of the sound, or without any the decayed last one.
    pub(crate) fn next(&mut self, sample: Option<f32>) -> f32 {
        self.last = sample.unwrap_or(if self.is_over() { 0.0 } else { self.last * DECAY });
        self.last
    }

    /// The sample played last.
    pub(crate) fn last(&self) -> f32 {
        self.last
    }

    /// True once the last sample has decayed.
    pub(crate) fn is_over(&self) -> bool {
        self.last.abs() < INAUDIBLE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_on_from_another_sample_has_no_step_and_is_soon_itself() {
        let mut sound = vec![0.3; 480];
        crossfade_from(-0.2, &mut sound);
        let first = (sound[0] + 0.2).abs();
        let largest = sound.windows(2).map(|two| (two[1] - two[0]).abs()).fold(first, f32::max);
        assert!(largest < 0.011, "a step of {largest}");
        assert!((sound[479] - 0.3).abs() < 1e-4);
        crossfade_from(1.0, &mut []);
    }
}

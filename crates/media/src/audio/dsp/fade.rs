//! Fades for sound that breaks off: a step to silence clicks, so the last sample decays instead.

/// What is left of a sample after the next: a time constant of 1 ms.
const LEFT: f32 = 0.98;
/// A sample that is not heard: a fade ends here.
const INAUDIBLE: f32 = 1e-5;

/// Lets `sound` go on from the sample `last`, which came of something else: what is between them runs out.
pub(crate) fn join(last: f32, sound: &mut [f32]) {
    let mut between = sound.first().map_or(0.0, |first| last - first);
    for sample in sound {
        between *= LEFT;
        *sample += between;
    }
}

/// A sound, sample by sample, and what is heard after its last.
#[derive(Debug, Default)]
pub(crate) struct Fade {
    last: f32,
}

impl Fade {
    /// The sample that is heard: the next of the sound, or without any what is left of the last.
    pub(crate) fn next(&mut self, sample: Option<f32>) -> f32 {
        self.last = sample.unwrap_or(if self.is_over() { 0.0 } else { self.last * LEFT });
        self.last
    }

    /// What was heard last.
    pub(crate) fn last(&self) -> f32 {
        self.last
    }

    /// True if nothing is heard any more of what came last.
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
        join(-0.2, &mut sound);
        let first = (sound[0] + 0.2).abs();
        let largest = sound.windows(2).map(|two| (two[1] - two[0]).abs()).fold(first, f32::max);
        assert!(largest < 0.011, "a step of {largest}");
        assert!((sound[479] - 0.3).abs() < 1e-4);
        join(1.0, &mut []);
    }
}

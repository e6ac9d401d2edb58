//! The end of a sound that breaks off: a step to silence clicks, so the last sample runs out instead.

/// What is left of a sample after the next: a time constant of 1 ms.
const LEFT: f32 = 0.98;
/// A sample that is not heard: a fade ends here.
const INAUDIBLE: f32 = 1e-5;

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

    /// True if nothing is heard any more of what came last.
    pub(crate) fn is_over(&self) -> bool {
        self.last.abs() < INAUDIBLE
    }
}

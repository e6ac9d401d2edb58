//! Processing of a microphone's sound: echo cancellation, noise suppression and gain control by `sonora`, the port of WebRTC's
//! audio processing (AEC3, NS, AGC2) to Rust. Blocks of 10 ms, on the thread of the capture.

mod component;
mod far_end;

use confab_wire::media::Processing;
use sonora::config::{
    AdaptiveDigital, EchoCanceller, GainController2, NoiseSuppression, NoiseSuppressionLevel, TransparentModeType,
};
use sonora::{Config, Error};
use tokio::sync::watch;

use component::Component;
pub use far_end::FarEnd;
pub(crate) use far_end::{FarEndReader, FarEndWriter};

use crate::format::BLOCK;

/// How a microphone is processed.
#[derive(Debug, Clone)]
pub struct MicrophoneProcessing {
    /// Which components are on; obeyed while the capture runs, without a gap in its sound.
    pub processing: watch::Receiver<Processing>,
    /// What the speaker plays, as the echo canceller's far end; silent without a speaker.
    pub far_end: FarEnd,
}

/// The components in the order of processing.
#[derive(Debug)]
pub(crate) struct AudioProcessor {
    processing: watch::Receiver<Processing>,
    far_end: FarEndReader,
    echo: Component,
    noise: Component,
    gain: Component,
}

impl AudioProcessor {
    /// A processor whose filters have not adapted yet.
    pub(crate) fn new(mut settings: MicrophoneProcessing) -> Self {
        let on = *settings.processing.borrow_and_update();
        Self {
            far_end: settings.far_end.reader(),
            processing: settings.processing,
            echo: Component::new(echo_cancellation(), on.echo_cancellation),
            noise: Component::new(noise_suppression(), on.noise_suppression),
            gain: Component::new(gain_control(), on.gain_control),
        }
    }

    /// True while noise is suppressed.
    pub(crate) fn suppresses_noise(&self) -> bool {
        self.noise.is_enabled()
    }

    /// Processes sound of a whole number of blocks.
    ///
    /// AEC3 finds the delay between a block of the far end and its echo by itself, up to about half a second, as long as
    /// both sides go on block by block. So nothing has to be known of rings and devices on the way.
    pub(crate) fn process(&mut self, sound: &mut [f32]) -> Result<(), Error> {
        // Reads a counter; takes the lock only after a change.
        if self.processing.has_changed().unwrap_or(false) {
            let on = *self.processing.borrow_and_update();
            self.echo.set_enabled(on.echo_cancellation);
            self.noise.set_enabled(on.noise_suppression);
            self.gain.set_enabled(on.gain_control);
        }
        if self.far_end.speaker_replaced() {
            // Another echo path: filters adapt to it sooner from the start than from the old one.
            self.echo.reset();
        }
        let (blocks, _) = sound.as_chunks_mut::<BLOCK>();
        for block in blocks {
            let far = self.far_end.next().unwrap_or([0.0; BLOCK]);
            self.echo.far_end(&far)?;
            self.echo.process(block)?;
            self.noise.process(block)?;
            self.gain.process(block)?;
        }
        Ok(())
    }
}

/// The hidden Markov model detects sooner than the default's counters that there is no echo: whoever wears
/// headphones is not suppressed then while others talk.
fn echo_cancellation() -> Config {
    let canceller = EchoCanceller { transparent_mode: TransparentModeType::Hmm, ..EchoCanceller::default() };
    Config { echo_canceller: Some(canceller), ..Config::default() }
}

/// As strong as in browsers: 18 dB.
fn noise_suppression() -> Config {
    let suppression = NoiseSuppression { level: NoiseSuppressionLevel::High, ..NoiseSuppression::default() };
    Config { noise_suppression: Some(suppression), ..Config::default() }
}

/// Brings the peaks of a voice to 5 dB under full scale by at most 6 dB a second, and limits them. The volume of the device
/// stays as it is. Less gain to begin with than the 15 dB of a browser, which makes the first words of a good microphone
/// too loud.
fn gain_control() -> Config {
    let digital = AdaptiveDigital { initial_gain_db: 6.0, ..AdaptiveDigital::default() };
    let control = GainController2 { adaptive_digital: Some(digital), ..GainController2::default() };
    Config { gain_controller2: Some(control), ..Config::default() }
}

#[cfg(test)]
#[path = "processing_tests.rs"]
mod tests;

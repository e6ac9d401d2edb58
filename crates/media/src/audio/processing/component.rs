//! One component of audio processing, which can be enabled and disabled without a gap in the sound.

use sonora::config::{MaxProcessingRate, Pipeline};
use sonora::{AudioProcessing, Config, Error, StreamConfig};

use crate::format::BLOCK;
use confab_wire::media::AUDIO_CLOCK_HZ;

/// One `sonora` engine per component: switching one leaves the adapted filters of the others alone.
#[derive(Debug)]
pub(super) struct Component {
    config: Config,
    engine: Option<AudioProcessing>,
    on: bool,
    /// Share of processed sound in the output, 0 to 1.
    wet: f32,
    /// The engine has just begun: the delay of its filters is not filled yet.
    fresh: bool,
}

impl Component {
    /// A component that does what `config` says, on from the first block or off.
    pub(super) fn new(config: Config, on: bool) -> Self {
        let pipeline =
            Pipeline { maximum_internal_processing_rate: MaxProcessingRate::Rate48kHz, ..Pipeline::default() };
        let config = Config { pipeline, ..config };
        let mut component = Self { config, engine: None, on: false, wet: 0.0, fresh: false };
        component.set_enabled(on);
        if on {
            (component.wet, component.fresh) = (1.0, false);
        }
        component
    }

    /// Enables or disables it. The sound is crossfaded within a block or two.
    pub(super) fn set_enabled(&mut self, on: bool) {
        self.on = on;
        if on && self.engine.is_none() {
            let stream = StreamConfig::new(AUDIO_CLOCK_HZ, 1);
            let builder = AudioProcessing::builder().config(self.config.clone());
            self.engine = Some(builder.capture_config(stream).render_config(stream).build());
            (self.wet, self.fresh) = (0.0, true);
        }
    }

    /// True unless switched off.
    pub(super) fn is_enabled(&self) -> bool {
        self.on
    }

    /// Starts with filters that have not adapted.
    pub(super) fn reset(&mut self) {
        self.engine = None;
        self.set_enabled(self.on);
    }

    /// Feeds what the speaker plays, before the block of the microphone that may hold its echo.
    pub(super) fn far_end(&mut self, block: &[f32; BLOCK]) -> Result<(), Error> {
        let Some(engine) = &mut self.engine else { return Ok(()) };
        engine.process_render_f32(&[block], &mut [&mut [0.0; BLOCK]])
    }

    /// Processes a block, or leaves it alone while off.
    pub(super) fn process(&mut self, block: &mut [f32; BLOCK]) -> Result<(), Error> {
        let Some(engine) = &mut self.engine else { return Ok(()) };
        let mut processed = [0.0; BLOCK];
        engine.process_capture_f32(&[block], &mut [&mut processed])?;
        let from = self.wet;
        let to = if self.on && !std::mem::take(&mut self.fresh) { 1.0 } else { 0.0 };
        for (n, (sample, processed)) in block.iter_mut().zip(&processed).enumerate() {
            let wet = from + (to - from) * (n + 1) as f32 / BLOCK as f32;
            *sample += (processed - *sample) * wet;
        }
        self.wet = to;
        if !self.on {
            self.engine = None;
        }
        Ok(())
    }
}

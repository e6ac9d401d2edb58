//! One part of voice processing, which can be switched on and off while sound runs through it.

use sonora::config::{MaxProcessingRate, Pipeline};
use sonora::{AudioProcessing, Config, Error, StreamConfig};

use crate::format::BLOCK;
use confab_wire::media::AUDIO_CLOCK_HZ;

/// An engine of its own for each part: switching one leaves what the others have learnt.
#[derive(Debug)]
pub(super) struct Part {
    config: Config,
    engine: Option<AudioProcessing>,
    on: bool,
    /// How much of what is heard is processed, 0 to 1.
    share: f32,
    /// The engine has just begun: the delay of its filters is not filled yet.
    fresh: bool,
}

impl Part {
    /// A part that does what `config` says, on from the first block or off.
    pub(super) fn new(config: Config, on: bool) -> Self {
        let pipeline =
            Pipeline { maximum_internal_processing_rate: MaxProcessingRate::Rate48kHz, ..Pipeline::default() };
        let config = Config { pipeline, ..config };
        let mut part = Self { config, engine: None, on: false, share: 0.0, fresh: false };
        part.switch(on);
        if on {
            (part.share, part.fresh) = (1.0, false);
        }
        part
    }

    /// Switches the part. The sound goes over within a block or two.
    pub(super) fn switch(&mut self, on: bool) {
        self.on = on;
        if on && self.engine.is_none() {
            let stream = StreamConfig::new(AUDIO_CLOCK_HZ, 1);
            let builder = AudioProcessing::builder().config(self.config.clone());
            self.engine = Some(builder.capture_config(stream).render_config(stream).build());
            (self.share, self.fresh) = (0.0, true);
        }
    }

    /// True unless switched off.
    pub(super) fn is_on(&self) -> bool {
        self.on
    }

    /// Forgets what it has learnt.
    pub(super) fn begin_anew(&mut self) {
        self.engine = None;
        self.switch(self.on);
    }

    /// Shows the part what the speaker plays, before the block of the microphone that may hold its echo.
    pub(super) fn far_end(&mut self, block: &[f32; BLOCK]) -> Result<(), Error> {
        let Some(engine) = &mut self.engine else { return Ok(()) };
        engine.process_render_f32(&[block], &mut [&mut [0.0; BLOCK]])
    }

    /// Processes a block, or leaves it alone while off.
    pub(super) fn process(&mut self, block: &mut [f32; BLOCK]) -> Result<(), Error> {
        let Some(engine) = &mut self.engine else { return Ok(()) };
        let mut processed = [0.0; BLOCK];
        engine.process_capture_f32(&[block], &mut [&mut processed])?;
        let from = self.share;
        let to = if self.on && !std::mem::take(&mut self.fresh) { 1.0 } else { 0.0 };
        for (n, (sample, processed)) in block.iter_mut().zip(&processed).enumerate() {
            let share = from + (to - from) * (n + 1) as f32 / BLOCK as f32;
            *sample += (processed - *sample) * share;
        }
        self.share = to;
        if !self.on {
            self.engine = None;
        }
        Ok(())
    }
}

//! The test picture as a source.

use crate::clock;
use crate::error::Error;
use crate::testing::pattern;
use crate::thread::stop::StopFlag;
use crate::video::i420::I420Frame;
use crate::video::source::pacer::FramePacer;
use crate::video::types::{VideoConfig, VideoFrameSource};

/// Draws the test picture at a steady rate.
pub(super) struct Pattern {
    pacer: FramePacer,
    width: u32,
    height: u32,
}

impl Pattern {
    /// The test picture in the greatest size and rate of `config`.
    pub(super) fn new(config: VideoConfig) -> Self {
        let pacer = FramePacer::new(f64::from(config.fps.clamp(1, 120)));
        Self { pacer, width: config.width, height: config.height }
    }
}

impl VideoFrameSource for Pattern {
    fn next(&mut self, picture: &mut I420Frame, wanted: bool, stop: &StopFlag) -> Result<bool, Error> {
        let Some(number) = self.pacer.wait(stop).filter(|_| wanted) else { return Ok(false) };
        picture.resize(self.width, self.height);
        pattern::draw(picture, number, clock::unix_ms());
        Ok(true)
    }
}

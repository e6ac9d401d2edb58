//! The test picture as a source.

use confab_wire::UserError;

use crate::clock;
use crate::testing::pattern;
use crate::thread::stop::StopFlag;
use crate::video::i420::I420Frame;
use crate::video::source::pace::Pace;
use crate::video::types::{PictureSource, VideoConfig};

/// Draws the test picture at a steady rate.
pub(super) struct Pattern {
    pace: Pace,
    width: u32,
    height: u32,
}

impl Pattern {
    /// The test picture in the greatest size and rate of `config`.
    pub(super) fn new(config: VideoConfig) -> Self {
        let pace = Pace::new(f64::from(config.fps.clamp(1, 120)));
        Self { pace, width: config.width, height: config.height }
    }
}

impl PictureSource for Pattern {
    fn next(&mut self, picture: &mut I420Frame, wanted: bool, stop: &StopFlag) -> Result<bool, UserError> {
        let Some(number) = self.pace.wait(stop).filter(|_| wanted) else { return Ok(false) };
        picture.resize(self.width, self.height);
        pattern::draw(picture, number, clock::unix_ms());
        Ok(true)
    }
}

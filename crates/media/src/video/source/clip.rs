//! A file of pictures as a source.

use std::path::Path;

use confab_wire::UserError;

use crate::file::y4m::Y4mReader;
use crate::thread::stop::StopFlag;
use crate::video::i420::I420Frame;
use crate::video::source::pace::Pace;
use crate::video::types::PictureSource;

/// Plays a Y4M file in a loop at its own rate.
pub(super) struct Clip {
    pace: Pace,
    reader: Y4mReader,
}

impl Clip {
    /// Opens the file. Fails with `FileUnreadable` or `FileFormat`.
    pub(super) fn open(path: &Path) -> Result<Self, UserError> {
        let reader = Y4mReader::open(path)?;
        let pace = Pace::new(reader.header().frames_per_second());
        Ok(Self { pace, reader })
    }
}

impl PictureSource for Clip {
    fn next(&mut self, picture: &mut I420Frame, wanted: bool, stop: &StopFlag) -> Result<bool, UserError> {
        // A file nobody watches is not read; it goes on where it was.
        if self.pace.wait(stop).is_none() || !wanted {
            return Ok(false);
        }
        self.reader.read_looped(picture)?;
        Ok(true)
    }
}

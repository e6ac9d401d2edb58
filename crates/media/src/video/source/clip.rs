//! A file of pictures as a source.

use std::path::Path;

use crate::error::Error;
use crate::file::y4m::Y4mReader;
use crate::thread::stop::StopFlag;
use crate::video::i420::I420Frame;
use crate::video::source::pacer::FramePacer;
use crate::video::types::VideoFrameSource;

/// Plays a Y4M file in a loop at its own rate.
pub(super) struct Clip {
    pacer: FramePacer,
    reader: Y4mReader,
}

impl Clip {
    /// Opens the file. Fails with `FileUnreadable` or `FileFormat`.
    pub(super) fn open(path: &Path) -> Result<Self, Error> {
        let reader = Y4mReader::open(path)?;
        let pacer = FramePacer::new(reader.header().frames_per_second());
        Ok(Self { pacer, reader })
    }
}

impl VideoFrameSource for Clip {
    fn next(&mut self, picture: &mut I420Frame, wanted: bool, stop: &StopFlag) -> Result<bool, Error> {
        // While its frames are not wanted the file is not read; it resumes where it was.
        if self.pacer.wait(stop).is_none() || !wanted {
            return Ok(false);
        }
        self.reader.read_looped(picture)?;
        Ok(true)
    }
}

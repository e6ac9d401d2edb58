//! A camera as a source of pictures: raw buffers in whatever format they come, made I420.

use crate::error::{Error, ErrorKind};
use crate::thread::stop::StopFlag;
use crate::video::camera::convert::{CameraConverter, ConvertError};
use crate::video::camera::open::open as open_device;
use crate::video::camera::types::CameraStream;
use crate::video::i420::I420Frame;
use crate::video::types::{VideoConfig, VideoFrameSource};

/// So many damaged pictures in a row are a broken camera or cable: two seconds at 30 a second.
const MOST_DAMAGED: u32 = 60;

struct CameraSource {
    stream: Box<dyn CameraStream>,
    converter: CameraConverter,
    damaged: u64,
    damaged_in_a_row: u32,
}

/// Opens the camera with this id, name or number, or the first one, near the wished size and rate. Fails with
/// `CameraMissing`, `CameraBusy` or `CameraFailed`.
pub(crate) fn open(name: Option<&str>, config: VideoConfig) -> Result<Box<dyn VideoFrameSource>, Error> {
    let stream = open_device(name, config)?;
    Ok(Box::new(CameraSource { stream, converter: CameraConverter::default(), damaged: 0, damaged_in_a_row: 0 }))
}

impl CameraSource {
    /// Cheap cameras send a damaged picture now and then, most as their first.
    fn pass_over(&mut self, error: &ConvertError) -> Result<(), Error> {
        tracing::debug!(%error, "a camera picture is damaged");
        self.damaged += 1;
        self.damaged_in_a_row += 1;
        if self.damaged_in_a_row < MOST_DAMAGED {
            return Ok(());
        }
        let detail = format!("{MOST_DAMAGED} in a row, the last one: {error}");
        Err(Error::with_detail(ErrorKind::CameraDamaged, detail))
    }
}

impl VideoFrameSource for CameraSource {
    fn next(&mut self, picture: &mut I420Frame, wanted: bool, _: &StopFlag) -> Result<bool, Error> {
        let raw = self.stream.next()?;
        if !wanted {
            return Ok(false);
        }
        match self.converter.convert(&raw, picture) {
            Ok(()) => self.damaged_in_a_row = 0,
            Err(error) => {
                self.pass_over(&error)?;
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn damaged(&self) -> u64 {
        self.damaged
    }
}

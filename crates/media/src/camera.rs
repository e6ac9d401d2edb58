//! Cameras: raw buffers in whatever format they come, made I420.

use confab_ipc::Device;
use confab_wire::{ErrorCode, UserError};

use crate::i420::I420Frame;
use crate::picture_source::PictureSource;
use crate::stop::Stop;
use crate::video::VideoConfig;

mod convert;
mod huffman;
mod native;
mod nodes;
mod permission;
mod refusal;
mod system;

use convert::{ConvertError, RawFormat};

/// A picture as a camera delivers it.
#[derive(Debug)]
pub(crate) struct RawPicture {
    pub(crate) data: bytes::Bytes,
    pub(crate) format: RawFormat,
    pub(crate) width: u32,
    pub(crate) height: u32,
    /// Bytes from one line to the next; 0 where there are no lines.
    pub(crate) stride: u32,
    /// The driver says that something is wrong with it.
    pub(crate) damaged: bool,
}

/// So many damaged pictures in a row are a broken camera or cable: two seconds at 30 a second.
const MOST_DAMAGED: u32 = 60;

/// The cameras of a platform.
pub(crate) trait CameraBackend {
    /// The cameras there are, the one that is taken if none is chosen first.
    fn list() -> Vec<Device>;

    /// Opens the camera with this id, name or number, or the first one, near the wished size and rate. Fails with
    /// `CameraMissing`, `CameraBusy` or `CameraFailed`.
    fn open(name: Option<&str>, config: VideoConfig) -> Result<Box<dyn CameraStream>, UserError>;
}

/// An open camera; dropping it releases the device.
pub(crate) trait CameraStream {
    /// Waits for the next picture. An error is final: the camera is gone.
    fn next(&mut self) -> Result<RawPicture, UserError>;
}

/// See [`CameraBackend::list`]. Blocks.
pub(crate) fn list() -> Vec<Device> {
    native::Native::list()
}

struct Camera {
    stream: Box<dyn CameraStream>,
    converter: convert::Converter,
    damaged: u64,
    damaged_in_a_row: u32,
}

/// See [`CameraBackend::open`].
pub(crate) fn open(name: Option<&str>, config: VideoConfig) -> Result<Box<dyn PictureSource>, UserError> {
    let stream = native::Native::open(name, config)?;
    Ok(Box::new(Camera { stream, converter: convert::Converter::default(), damaged: 0, damaged_in_a_row: 0 }))
}

impl Camera {
    /// Cheap cameras send a damaged picture now and then, most as their first.
    fn pass_over(&mut self, error: &ConvertError) -> Result<(), UserError> {
        tracing::debug!(%error, "a camera picture is damaged");
        self.damaged += 1;
        self.damaged_in_a_row += 1;
        if self.damaged_in_a_row < MOST_DAMAGED {
            return Ok(());
        }
        let message = "Your camera sends damaged pictures. Try another cable or socket, then turn the camera on.";
        let detail = Some(format!("{MOST_DAMAGED} in a row, the last one: {error}"));
        Err(UserError { detail, ..UserError::with_message(ErrorCode::CameraFailed, message) })
    }
}

impl PictureSource for Camera {
    fn next(&mut self, picture: &mut I420Frame, wanted: bool, _: &Stop) -> Result<bool, UserError> {
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

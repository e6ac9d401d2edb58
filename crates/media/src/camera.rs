//! Cameras: raw buffers in whatever format they come, made I420.

use confab_protocol::UserError;
use confab_protocol::ipc::Device;

use crate::i420::I420Frame;
use crate::picture_source::PictureSource;
use crate::stop::Stop;
use crate::video::VideoConfig;

mod convert;
mod native;
mod nodes;
mod permission;

use convert::RawFormat;

/// A picture as a camera delivers it.
#[derive(Debug)]
pub(crate) struct RawPicture {
    pub(crate) data: bytes::Bytes,
    pub(crate) format: RawFormat,
    pub(crate) width: u32,
    pub(crate) height: u32,
}

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
}

/// See [`CameraBackend::open`].
pub(crate) fn open(name: Option<&str>, config: VideoConfig) -> Result<Box<dyn PictureSource>, UserError> {
    let stream = native::Native::open(name, config)?;
    Ok(Box::new(Camera { stream, converter: convert::Converter::default() }))
}

impl PictureSource for Camera {
    fn next(&mut self, picture: &mut I420Frame, wanted: bool, _: &Stop) -> Result<bool, UserError> {
        let raw = self.stream.next()?;
        if !wanted {
            return Ok(false);
        }
        match self.converter.convert(&raw, picture) {
            Ok(()) => Ok(true),
            // Cheap cameras send a broken picture now and then, most as their first.
            Err(error) => {
                tracing::debug!(%error, "a camera picture is damaged");
                Ok(false)
            }
        }
    }
}

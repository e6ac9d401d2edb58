//! Windows and macOS: nokhwa does it all.

use bytes::Bytes;
use nokhwa::Camera;
use nokhwa::utils::{ApiBackend, CameraIndex, CameraInfo, FrameFormat};

use super::types::CameraSystem;
use crate::error::{Error, ErrorKind};
use crate::video::camera::open_error::OpenError;
use crate::video::camera::types::RawFormat;
use crate::video::camera::types::{CameraStream, RawPicture};

/// See the module.
#[derive(Debug)]
pub(in crate::video::camera) struct PlatformCameras;

impl CameraSystem for PlatformCameras {
    fn listed() -> Result<Vec<CameraInfo>, OpenError> {
        Ok(nokhwa::query(ApiBackend::Auto)?)
    }

    fn unit(_: &CameraIndex) -> Option<String> {
        None
    }

    fn prepare(_: &CameraIndex) -> Result<(), OpenError> {
        Ok(())
    }

    fn stream(mut camera: Camera) -> Result<Box<dyn CameraStream>, OpenError> {
        camera.open_stream()?;
        Ok(Box::new(NokhwaStream(camera)))
    }
}

struct NokhwaStream(Camera);

impl CameraStream for NokhwaStream {
    fn next(&mut self) -> Result<RawPicture, Error> {
        let buffer = self.0.frame().map_err(|error| Error::with_detail(ErrorKind::CameraFailed, error))?;
        let format = match buffer.source_frame_format() {
            FrameFormat::MJPEG => RawFormat::Mjpeg,
            FrameFormat::YUYV => RawFormat::Yuyv,
            FrameFormat::NV12 => RawFormat::Nv12,
            FrameFormat::GRAY => RawFormat::Gray,
            FrameFormat::RAWRGB => RawFormat::Rgb,
            FrameFormat::RAWBGR => RawFormat::Bgr,
        };
        let (width, height) = (buffer.resolution().width(), buffer.resolution().height());
        let data: Bytes = buffer.buffer_bytes();
        // Both systems hand out lines without padding.
        Ok(RawPicture { data, format, width, height, stride: format.line(width) as u32, damaged: false })
    }
}

impl Drop for NokhwaStream {
    fn drop(&mut self) {
        if let Err(error) = self.0.stop_stream() {
            tracing::debug!(%error, "camera stream not stopped");
        }
    }
}

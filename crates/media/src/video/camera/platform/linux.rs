//! Linux: V4L2 by the crate under nokhwa. nokhwa gives neither the length of a picture in its buffer nor its stride nor
//! that the driver takes it for damaged, and panics at what is called "video" and is no camera.

use std::time::Duration;

use bytes::Bytes;
use nokhwa::Camera;
use nokhwa::utils::{CameraIndex, CameraInfo};
use v4l::buffer::{Flags, Type};
use v4l::context::Node;
use v4l::io::traits::{CaptureStream, Stream as _};
use v4l::prelude::MmapStream;
use v4l::video::Capture;
use v4l::video::capture::Parameters;
use v4l::{Device, Format, FourCC};

use super::types::CameraSystem;
use crate::error::{Error, ErrorKind};
use crate::video::camera::open_error::OpenError;
use crate::video::camera::types::RawFormat;
use crate::video::camera::types::{CameraStream, RawPicture};

/// Buffers that the driver fills while one is converted.
const BUFFERS: u32 = 4;
/// A camera that is silent so long is gone.
const SILENCE: Duration = Duration::from_secs(5);

/// Pictures per second that every camera has.
const USUAL_RATE: u32 = 30;

/// See the module.
#[derive(Debug)]
pub(in crate::video::camera) struct PlatformCameras;

impl CameraSystem for PlatformCameras {
    fn listed() -> Result<Vec<CameraInfo>, OpenError> {
        let mut cameras = Vec::new();
        for entry in std::fs::read_dir("/dev")? {
            let path = entry?.path();
            // Rules of udev add links with names of their own, to nodes that have one.
            let number = path.file_name().and_then(|name| name.to_str()?.strip_prefix("video")?.parse().ok());
            if let Some(number) = number {
                let name = Node::new(&path).name().unwrap_or_else(|| path.display().to_string());
                cameras.push(CameraInfo::new(&name, "", "", CameraIndex::Index(number)));
            }
        }
        Ok(cameras)
    }

    fn unit(index: &CameraIndex) -> Option<String> {
        let device = format!("/sys/class/video4linux/video{}/device", index.as_index().ok()?);
        Some(std::fs::canonicalize(device).ok()?.display().to_string())
    }

    /// Another program may have left the camera at a rate or in a format that nokhwa does not know and fails to open.
    fn prepare(index: &CameraIndex) -> Result<(), OpenError> {
        let device = Device::new(index.as_index()? as usize)?;
        // What is no camera is refused when it is opened.
        let (Ok(left), Ok(rate)) = (device.format(), device.params()) else { return Ok(()) };
        if raw_format(left.fourcc).is_some() && rate.interval.numerator == 1 {
            return Ok(());
        }
        let mut formats = device.enum_formats()?.into_iter().map(|format| format.fourcc);
        if let Some(known) = formats.find(|fourcc| raw_format(*fourcc).is_some()) {
            device.set_format(&Format::new(left.width, left.height, known))?;
            device.set_params(&Parameters::with_fps(USUAL_RATE))?;
        }
        Ok(())
    }

    fn stream(camera: Camera) -> Result<Box<dyn CameraStream>, OpenError> {
        let index = camera.index().as_index()?;
        // The mode stays set, and only one of us can have the buffers.
        drop(camera);
        let device = Device::new(index as usize)?;
        let format = device.format()?;
        let unknown = || std::io::Error::other(format!("the format {}", format.fourcc));
        let raw = raw_format(format.fourcc).ok_or_else(unknown)?;
        let mut stream = MmapStream::with_buffers(&device, Type::VideoCapture, BUFFERS)?;
        stream.set_timeout(SILENCE);
        Ok(Box::new(V4lStream { stream: Some(stream), format, raw }))
    }
}

fn raw_format(fourcc: FourCC) -> Option<RawFormat> {
    match &fourcc.repr {
        b"MJPG" => Some(RawFormat::Mjpeg),
        b"YUYV" => Some(RawFormat::Yuyv),
        b"NV12" => Some(RawFormat::Nv12),
        b"GRAY" => Some(RawFormat::Gray),
        b"RGB3" => Some(RawFormat::Rgb),
        b"BGR3" => Some(RawFormat::Bgr),
        _ => None,
    }
}

struct V4lStream {
    /// There until it is dropped.
    stream: Option<MmapStream<'static>>,
    format: Format,
    raw: RawFormat,
}

impl CameraStream for V4lStream {
    fn next(&mut self) -> Result<RawPicture, Error> {
        let gone = |error: std::io::Error| Error::with_detail(ErrorKind::CameraFailed, error);
        let stream = self.stream.as_mut().ok_or(ErrorKind::Internal)?;
        let (buffer, about) = stream.next().map_err(gone)?;
        let used = buffer.len().min(about.bytesused as usize);
        Ok(RawPicture {
            data: Bytes::copy_from_slice(&buffer[..used]),
            format: self.raw,
            width: self.format.width,
            height: self.format.height,
            stride: self.format.stride,
            damaged: about.flags.contains(Flags::ERROR),
        })
    }
}

impl Drop for V4lStream {
    fn drop(&mut self) {
        let Some(mut stream) = self.stream.take() else { return };
        match stream.stop() {
            Ok(()) => {}
            // Unplugged: there is nothing to stop.
            Err(error) if error.raw_os_error() == Some(NO_DEVICE) => {}
            Err(error) => {
                // Dropping it would panic twice, which ends the program: its buffers are left to the system.
                tracing::warn!(%error, "a camera is not released");
                std::mem::forget(stream);
            }
        }
    }
}

/// ENODEV.
const NO_DEVICE: i32 = 19;

//! Cameras by nokhwa: V4L2, Media Foundation or AVFoundation. Only its raw buffers: its decoders go through RGB.

use confab_protocol::ipc::Device;
use confab_protocol::{ErrorCode, UserError};
use nokhwa::utils::{ApiBackend, CameraFormat, CameraIndex, FrameFormat, RequestedFormat, RequestedFormatType};
use nokhwa::{Camera, NokhwaError};

use super::convert::RawFormat;
use super::nodes::{self, Found};
use super::permission::{Asker, Permission};
use super::{CameraBackend, CameraStream, RawPicture};
use crate::video::VideoConfig;

/// Every format that is converted, the cheapest first.
const FORMATS: [FrameFormat; 6] = [
    FrameFormat::NV12,
    FrameFormat::YUYV,
    FrameFormat::MJPEG,
    FrameFormat::RAWRGB,
    FrameFormat::RAWBGR,
    FrameFormat::GRAY,
];

/// See the module.
#[derive(Debug)]
pub(crate) struct Native;

impl CameraBackend for Native {
    fn list() -> Vec<Device> {
        match found() {
            Ok(cameras) => cameras.into_iter().map(|camera| camera.device).collect(),
            Err(error) => {
                tracing::debug!(%error, "no list of cameras");
                Vec::new()
            }
        }
    }

    fn open(name: Option<&str>, config: VideoConfig) -> Result<Box<dyn CameraStream>, UserError> {
        let failed = |error: &NokhwaError| UserError::with_detail(code(error), error);
        Asker::ask()?;
        let cameras = found().map_err(|error| failed(&error))?;
        let (nodes, mut reason) = match name {
            None => (
                cameras.into_iter().flat_map(|camera| camera.nodes).collect(),
                UserError::new(ErrorCode::CameraMissing),
            ),
            Some(name) => (
                nodes::called(&cameras, name).map(|camera| camera.nodes.clone()).unwrap_or_default(),
                UserError::with_detail(ErrorCode::CameraMissing, format!("no camera is called {name}")),
            ),
        };
        for node in nodes {
            match open(node.clone(), config) {
                Ok(stream) => return Ok(Box::new(stream)),
                Err(error) => {
                    tracing::debug!(camera = %node, %error, "camera does not open");
                    // "In use" tells a person more than whatever the other nodes say.
                    if reason.code != ErrorCode::CameraBusy {
                        reason = failed(&error);
                    }
                }
            }
        }
        Err(reason)
    }
}

/// The cameras that nokhwa lists.
fn found() -> Result<Vec<Found>, NokhwaError> {
    Ok(nodes::cameras(nokhwa::query(ApiBackend::Auto)?, unit))
}

/// The piece of hardware behind a node: several nodes of V4L2 may share one.
#[cfg(target_os = "linux")]
fn unit(index: &CameraIndex) -> Option<String> {
    let device = format!("/sys/class/video4linux/video{}/device", index.as_index().ok()?);
    Some(std::fs::canonicalize(device).ok()?.display().to_string())
}

/// Each node is a camera.
#[cfg(not(target_os = "linux"))]
fn unit(_: &CameraIndex) -> Option<String> {
    None
}

/// nokhwa keeps only the system's words.
fn code(error: &NokhwaError) -> ErrorCode {
    let text = error.to_string().to_lowercase();
    // EBUSY on Linux, MF_E_HW_MFT_FAILED_START_STREAMING / sharing violation on Windows.
    let busy = ["os error 16", "busy", "0xc00d3704", "sharing violation", "in use"];
    if busy.iter().any(|word| text.contains(word)) { ErrorCode::CameraBusy } else { ErrorCode::CameraFailed }
}

/// The mode nearest to the wish: full rate first, then the largest picture that is not larger than wished, then the
/// cheapest format.
fn choose(modes: &[CameraFormat], config: VideoConfig) -> Option<CameraFormat> {
    let wished = config.width * config.height;
    let rank = |mode: &CameraFormat| {
        let format = FORMATS.iter().position(|format| *format == mode.format())?;
        let area = mode.width().saturating_mul(mode.height());
        let fit = if area <= wished { i64::from(area) } else { -i64::from(area) };
        let same_shape = mode.width() * config.height == mode.height() * config.width;
        Some((mode.frame_rate().min(config.fps), fit, same_shape, FORMATS.len() - format))
    };
    modes.iter().filter_map(|mode| Some((rank(mode)?, *mode))).max_by_key(|(rank, _)| *rank).map(|(_, mode)| mode)
}

fn open(index: CameraIndex, config: VideoConfig) -> Result<Stream, NokhwaError> {
    let any = RequestedFormat::with_formats(RequestedFormatType::None, &FORMATS);
    let mut camera = Camera::new(index, any)?;
    let modes = camera.compatible_camera_formats()?;
    if let Some(mode) = choose(&modes, config) {
        camera.set_camera_requset(RequestedFormat::with_formats(RequestedFormatType::Exact(mode), &FORMATS))?;
    }
    camera.open_stream()?;
    tracing::debug!(mode = %camera.camera_format(), "camera open");
    Ok(Stream(camera))
}

struct Stream(Camera);

impl CameraStream for Stream {
    fn next(&mut self) -> Result<RawPicture, UserError> {
        let buffer = self.0.frame().map_err(|error| UserError::with_detail(ErrorCode::CameraFailed, error))?;
        let format = match buffer.source_frame_format() {
            FrameFormat::MJPEG => RawFormat::Mjpeg,
            FrameFormat::YUYV => RawFormat::Yuyv,
            FrameFormat::NV12 => RawFormat::Nv12,
            FrameFormat::GRAY => RawFormat::Gray,
            FrameFormat::RAWRGB => RawFormat::Rgb,
            FrameFormat::RAWBGR => RawFormat::Bgr,
        };
        let size = buffer.resolution();
        Ok(RawPicture { data: buffer.buffer_bytes(), format, width: size.width(), height: size.height() })
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        if let Err(error) = self.0.stop_stream() {
            tracing::debug!(%error, "camera stream not stopped");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nokhwa::utils::Resolution;

    fn mode(width: u32, height: u32, format: FrameFormat, fps: u32) -> CameraFormat {
        CameraFormat::new(Resolution::new(width, height), format, fps)
    }

    #[test]
    fn the_mode_is_the_nearest_to_the_wish() {
        let webcam = [
            mode(640, 480, FrameFormat::YUYV, 30),
            mode(1280, 720, FrameFormat::YUYV, 10),
            mode(1280, 720, FrameFormat::MJPEG, 30),
            mode(1280, 720, FrameFormat::MJPEG, 60),
            mode(1920, 1080, FrameFormat::MJPEG, 30),
        ];
        let best = choose(&webcam, VideoConfig::default()).expect("a mode");
        assert_eq!((best.width(), best.format()), (1280, FrameFormat::MJPEG));
        let small = VideoConfig { width: 640, height: 480, ..VideoConfig::default() };
        assert_eq!(choose(&webcam, small), Some(webcam[0]));
        let only_large = [mode(3840, 2160, FrameFormat::NV12, 30), mode(1920, 1080, FrameFormat::NV12, 30)];
        assert_eq!(choose(&only_large, VideoConfig::default()), Some(only_large[1]));
        assert_eq!(choose(&[], VideoConfig::default()), None);
    }

    #[test]
    fn busy_has_its_own_code() {
        let error = |text: &str| NokhwaError::OpenDeviceError("0".to_owned(), text.to_owned());
        let busy = error("V4L2 Error: Device or resource busy (os error 16)");
        assert_eq!(code(&busy), ErrorCode::CameraBusy);
        assert_eq!(code(&error("V4L2 Error: Input/output error (os error 5)")), ErrorCode::CameraFailed);
    }
}

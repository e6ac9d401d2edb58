//! Cameras by nokhwa: V4L2, Media Foundation or AVFoundation. Only its raw buffers: its decoders go through RGB.

use std::cmp::Reverse;

use nokhwa::Camera;
use nokhwa::utils::{CameraFormat, CameraIndex, FrameFormat, RequestedFormat, RequestedFormatType};

use super::nodes::{self, FoundCamera};
use super::open_error::OpenError;
use super::permission::{PlatformPermission, types::Permission};
use super::platform::{PlatformCameras, types::CameraSystem};
use super::types::CameraStream;
use crate::devices::types::Device;
use crate::error::{Error, ErrorKind};
use crate::video::types::VideoConfig;

/// Every format that is converted, the cheapest first.
const FORMATS: [FrameFormat; 6] = [
    FrameFormat::NV12,
    FrameFormat::YUYV,
    FrameFormat::MJPEG,
    FrameFormat::RAWRGB,
    FrameFormat::RAWBGR,
    FrameFormat::GRAY,
];

/// The cameras there are, the one that is taken if none is chosen first. Blocks.
pub(crate) fn list() -> Vec<Device> {
    match found() {
        Ok(cameras) => cameras.into_iter().map(|camera| camera.device).collect(),
        Err(error) => {
            tracing::debug!(?error, "no list of cameras");
            Vec::new()
        }
    }
}

/// Opens the camera with this id, name or number, or the first one. Fails with `CameraMissing`, `CameraBusy` or `CameraFailed`.
pub(super) fn open(name: Option<&str>, config: VideoConfig) -> Result<Box<dyn CameraStream>, Error> {
    PlatformPermission::ask()?;
    let cameras = found()?;
    let nodes: Vec<CameraIndex> = match name {
        None => cameras.into_iter().flat_map(|camera| camera.nodes).collect(),
        Some(name) => nodes::find_camera(&cameras, name).ok_or_else(|| missing(name, &cameras))?.nodes.clone(),
    };
    let mut open_error: Option<OpenError> = None;
    for node in nodes {
        match open_node(node.clone(), config) {
            Ok(stream) => return Ok(stream),
            Err(error) => {
                tracing::debug!(camera = %node, ?error, "camera does not open");
                if open_error.as_ref().is_none_or(|known| known.reason < error.reason) {
                    open_error = Some(error);
                }
            }
        }
    }
    Err(open_error.map_or_else(|| ErrorKind::CameraMissing.into(), Error::from))
}

/// The cameras there are.
fn found() -> Result<Vec<FoundCamera>, OpenError> {
    Ok(nodes::cameras(PlatformCameras::listed()?, PlatformCameras::unit))
}

fn missing(name: &str, cameras: &[FoundCamera]) -> Error {
    if cameras.is_empty() {
        return ErrorKind::CameraMissing.into();
    }
    ErrorKind::CameraNotFound { name: name.to_owned() }.into()
}

/// The mode nearest to the wish: full rate first, then the largest picture that is not larger than wished, then no more
/// pictures than wished, then the cheapest format.
fn choose(modes: &[CameraFormat], config: VideoConfig) -> Option<CameraFormat> {
    let wished = config.width * config.height;
    let rank = |mode: &CameraFormat| {
        let format = FORMATS.iter().position(|format| *format == mode.format())?;
        let area = mode.width().saturating_mul(mode.height());
        let fit = if area <= wished { i64::from(area) } else { -i64::from(area) };
        let same_shape = mode.width() * config.height == mode.height() * config.width;
        let rate = mode.frame_rate();
        Some((rate.min(config.fps), fit, same_shape, Reverse(rate), FORMATS.len() - format))
    };
    modes.iter().filter_map(|mode| Some((rank(mode)?, *mode))).max_by_key(|(rank, _)| *rank).map(|(_, mode)| mode)
}

fn open_node(index: CameraIndex, config: VideoConfig) -> Result<Box<dyn CameraStream>, OpenError> {
    let any = RequestedFormat::with_formats(RequestedFormatType::None, &FORMATS);
    PlatformCameras::prepare(&index)?;
    let mut camera = Camera::new(index, any)?;
    let modes = camera.compatible_camera_formats()?;
    if let Some(mode) = choose(&modes, config) {
        camera.set_camera_requset(RequestedFormat::with_formats(RequestedFormatType::Exact(mode), &FORMATS))?;
    }
    tracing::debug!(mode = %camera.camera_format(), "camera open");
    PlatformCameras::stream(camera)
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
        assert_eq!(best, webcam[2]);
        let small = VideoConfig { width: 640, height: 480, ..VideoConfig::default() };
        assert_eq!(choose(&webcam, small), Some(webcam[0]));
        let only_large = [mode(3840, 2160, FrameFormat::NV12, 30), mode(1920, 1080, FrameFormat::NV12, 30)];
        assert_eq!(choose(&only_large, VideoConfig::default()), Some(only_large[1]));
        assert_eq!(choose(&[], VideoConfig::default()), None);
    }
}

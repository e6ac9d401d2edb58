//! Opening a source of pictures: test picture, file, camera or screen.

use std::time::Duration;

use crate::error::{Error, ErrorKind};
use crate::selector::VideoSource;
use crate::thread::stop::StopFlag;
use crate::video::source::clip::Clip;
use crate::video::source::pattern::Pattern;
use crate::video::types::{VideoConfig, VideoFrameSource};
use crate::video::{camera, screen};

/// How long a device may take to open.
const OPEN_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a person may take to choose in a dialog of the system.
const CHOICE_TIMEOUT: Duration = Duration::from_secs(300);

/// How long [`open`] may take, and what it means that it took longer.
pub(crate) fn open_timeout(source: &VideoSource) -> (Duration, ErrorKind) {
    match source {
        VideoSource::Screen(_) if screen::source::asks() => (CHOICE_TIMEOUT, ErrorKind::ShareCancelled),
        VideoSource::Screen(_) => (OPEN_TIMEOUT, ErrorKind::ScreenFailed),
        _ => (OPEN_TIMEOUT, ErrorKind::CameraFailed),
    }
}

/// Fails as opening a file of pictures would; blocks for as long as it takes to read its beginning. Other sources are not looked at.
pub fn check_picture_file(source: &VideoSource) -> Result<(), Error> {
    if let VideoSource::Y4m(path) = source { Clip::open(path).map(drop) } else { Ok(()) }
}

/// Opens a source; blocks until the device is open, the dialog of the desktop is answered, or `stop` is raised.
pub(crate) fn open(
    source: &VideoSource,
    config: VideoConfig,
    stop: &StopFlag,
) -> Result<Box<dyn VideoFrameSource>, Error> {
    match source {
        VideoSource::None => Err(Error::with_detail(ErrorKind::Internal, "no source to open")),
        VideoSource::Pattern => Ok(Box::new(Pattern::new(config))),
        VideoSource::Y4m(path) => Ok(Box::new(Clip::open(path)?)),
        VideoSource::Camera(name) => camera::open(name.as_deref(), config),
        VideoSource::Screen(selector) => screen::source::open(selector, config, stop),
    }
}

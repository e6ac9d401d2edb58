//! The sources behind one trait: test picture, file, camera, screen.

use std::time::{Duration, Instant};

use confab_wire::{ErrorCode, UserError};

use crate::i420::I420Frame;
use crate::source::VideoSource;
use crate::stop::Stop;
use crate::video::VideoConfig;
use crate::y4m::Y4mReader;
use crate::{camera, clock, pattern, screen};

/// Something that yields pictures at its own pace, on a thread of its own.
pub(crate) trait PictureSource {
    /// Waits for the next picture and writes it into `picture` (resized as needed). `false`: there is none to look at,
    /// because the time was not wanted or the wait was ended by `stop`. An error is final.
    fn next(&mut self, picture: &mut I420Frame, wanted: bool, stop: &Stop) -> Result<bool, UserError>;

    /// True while there is nothing new to see, because a person put what is shown away.
    fn hidden(&self) -> bool {
        false
    }

    /// Pictures that came damaged and were passed over.
    fn damaged(&self) -> u64 {
        0
    }
}

/// How long a device may take to open.
const OPEN_TIMEOUT: Duration = Duration::from_secs(10);
/// A camera that is silent this long is taken for dead. In the dark they go down to a few pictures a second.
const CAMERA_SILENT: Duration = Duration::from_secs(5);
/// How long a person may take to choose in a dialog of the system.
const CHOICE_TIMEOUT: Duration = Duration::from_secs(300);

/// How long [`open`] may take, and what it means that it took longer.
pub(crate) fn open_timeout(source: &VideoSource) -> (Duration, ErrorCode) {
    match source {
        VideoSource::Screen(_) if screen::asks() => (CHOICE_TIMEOUT, ErrorCode::ShareCancelled),
        VideoSource::Screen(_) => (OPEN_TIMEOUT, ErrorCode::ScreenFailed),
        _ => (OPEN_TIMEOUT, ErrorCode::CameraFailed),
    }
}

/// How long a source may be silent while its pictures are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Silence {
    /// The most that is taken for life.
    pub(crate) most: Duration,
    /// What it means that it took longer.
    pub(crate) meaning: ErrorCode,
}

impl Silence {
    /// That of a source; `None` where silence is no failure: some desktops say nothing of a screen before it changes.
    pub(crate) fn of(source: &VideoSource) -> Option<Self> {
        let camera = Self { most: CAMERA_SILENT, meaning: ErrorCode::CameraFailed };
        matches!(source, VideoSource::Camera(_)).then_some(camera)
    }
}

/// Opens a source; blocks as long as the device takes, or the person who is asked, or until `stop` is raised meanwhile.
pub(crate) fn open(
    source: &VideoSource,
    config: VideoConfig,
    stop: &Stop,
) -> Result<Box<dyn PictureSource>, UserError> {
    match source {
        VideoSource::None => Err(UserError::with_detail(ErrorCode::Internal, "no source to open")),
        VideoSource::Pattern => Ok(Box::new(Pattern {
            pace: Pace::new(f64::from(config.fps.clamp(1, 120))),
            width: config.width,
            height: config.height,
        })),
        VideoSource::Y4m(path) => {
            let reader = Y4mReader::open(path)?;
            let pace = Pace::new(reader.header().frames_per_second());
            Ok(Box::new(Clip { pace, reader }))
        }
        VideoSource::Camera(name) => camera::open(name.as_deref(), config),
        VideoSource::Screen(selector) => screen::open(selector, config, stop),
    }
}

/// A steady beat that does not drift; beats that were missed are skipped, not caught up.
#[derive(Debug)]
pub(crate) struct Pace {
    start: Instant,
    period: Duration,
    next: u32,
}

impl Pace {
    pub(crate) fn new(fps: f64) -> Self {
        Self { start: Instant::now(), period: Duration::from_secs_f64(1.0 / fps), next: 0 }
    }

    /// Sleeps until the next beat and returns its number; `None` if stopped.
    pub(crate) fn wait(&mut self, stop: &Stop) -> Option<u32> {
        let late = self.start.elapsed().as_nanos() / self.period.as_nanos().max(1);
        let late = u32::try_from(late).unwrap_or(u32::MAX);
        let beat = self.next.max(late);
        if stop.sleep_until(self.start + self.period * beat) {
            return None;
        }
        self.next = beat.saturating_add(1);
        Some(beat)
    }
}

struct Pattern {
    pace: Pace,
    width: u32,
    height: u32,
}

impl PictureSource for Pattern {
    fn next(&mut self, picture: &mut I420Frame, wanted: bool, stop: &Stop) -> Result<bool, UserError> {
        let Some(number) = self.pace.wait(stop).filter(|_| wanted) else { return Ok(false) };
        picture.resize(self.width, self.height);
        pattern::draw(picture, number, clock::unix_ms());
        Ok(true)
    }
}

struct Clip {
    pace: Pace,
    reader: Y4mReader,
}

impl PictureSource for Clip {
    fn next(&mut self, picture: &mut I420Frame, wanted: bool, stop: &Stop) -> Result<bool, UserError> {
        // A file nobody watches is not read; it goes on where it was.
        if self.pace.wait(stop).is_none() || !wanted {
            return Ok(false);
        }
        self.reader.read_looped(picture)?;
        Ok(true)
    }
}

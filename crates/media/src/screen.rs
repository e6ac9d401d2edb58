//! Screens and single windows as sources of pictures, and the list of them to choose from.
//!
//! The picture is looked at at a fixed rate and given on only when it changed. While it rests it comes a few times a
//! second, so that the encoder makes it sharp and who joins late does not wait.

use std::time::{Duration, Instant};

use confab_ipc::ShareSource;
use confab_wire::UserError;

use crate::i420::I420Frame;
use crate::picture_source::{Pace, PictureSource};
use crate::source::ScreenSelector;
use crate::stop::Stop;
use crate::video::VideoConfig;

mod bgrx;
#[cfg(target_os = "linux")]
mod linux;
mod listed;
#[cfg(not(target_os = "linux"))]
mod other;
#[cfg(target_os = "linux")]
mod wayland;
#[cfg(target_os = "linux")]
mod x11;

use bgrx::{Bgrx, Converter};
#[cfg(target_os = "linux")]
use linux::Native;
#[cfg(not(target_os = "linux"))]
use other::Native;

/// How long a picture that stopped changing still comes at the full rate: as long as the encoder needs to make it sharp.
const SETTLING: Duration = Duration::from_secs(3);
/// Time between two pictures that do not differ.
const STILL: Duration = Duration::from_millis(200);
/// Greatest width and height of a thumbnail in pixels.
pub(crate) const THUMBNAIL_SIDE: u32 = 320;

/// The screens and windows of a platform.
pub(crate) trait ScreenBackend {
    /// What there is, screens first, each with a thumbnail if wanted; the id of each is a [`ScreenSelector`] as text. Blocks.
    fn list(thumbnails: bool) -> Result<Vec<ShareSource>, UserError>;

    /// Whether a person chooses in a dialog of the system what [`ScreenBackend::open`] opens.
    fn asks() -> bool;

    /// Opens one, looked at `fps` times a second. Fails with `ScreenMissing`, `ScreenUnsupported`, `ScreenFailed`, or
    /// `ShareCancelled` if a person chose nothing. Blocks, at most until `stop` is raised.
    fn open(selector: &ScreenSelector, fps: u32, stop: &Stop) -> Result<Box<dyn ScreenStream>, UserError>;
}

/// An open screen or window; dropping it releases what it holds.
pub(crate) trait ScreenStream {
    /// Whether anything changed since it was asked last, the pointer included. An error is final: what is shared is gone.
    fn changed(&mut self) -> Result<bool, UserError>;

    /// What is shown now, with the pointer in it; `None` if it can't be had at this moment. An error is final.
    fn grab(&mut self) -> Result<Option<Bgrx<'_>>, UserError>;

    /// True while it is not shown (a minimized window): its last picture stands.
    fn hidden(&self) -> bool;
}

/// The screens and windows that can be shared, screens first; the id of each is a [`ScreenSelector`] as text. Blocks, for
/// some milliseconds each if thumbnails are wanted: a PNG of at most 320 pixels a side.
/// Fails with `ScreenUnsupported` or `ScreenFailed`.
pub fn list_screens(thumbnails: bool) -> Result<Vec<ShareSource>, UserError> {
    Native::list(thumbnails)
}

/// See [`ScreenBackend::asks`].
pub(crate) fn asks() -> bool {
    Native::asks()
}

/// See [`ScreenBackend::open`].
pub(crate) fn open(
    selector: &ScreenSelector,
    config: VideoConfig,
    stop: &Stop,
) -> Result<Box<dyn PictureSource>, UserError> {
    Ok(Box::new(Screen::new(Native::open(selector, config.fps, stop)?, config)))
}

struct Screen {
    stream: Box<dyn ScreenStream>,
    pace: Pace,
    converter: Converter,
    /// When it changed last.
    changed: Instant,
    /// When a picture was given on last.
    given: Option<Instant>,
}

impl Screen {
    fn new(stream: Box<dyn ScreenStream>, config: VideoConfig) -> Self {
        let pace = Pace::new(f64::from(config.fps.clamp(1, 60)));
        Self { stream, pace, converter: Converter::default(), changed: Instant::now(), given: None }
    }

    /// Whether the picture is to be given on, which changed now or did not.
    fn is_due(&mut self, changed: bool, now: Instant) -> bool {
        if changed {
            self.changed = now;
        }
        let settling = now.duration_since(self.changed) < SETTLING;
        settling || self.given.is_none_or(|given| now.duration_since(given) >= STILL)
    }
}

impl PictureSource for Screen {
    fn next(&mut self, picture: &mut I420Frame, wanted: bool, stop: &Stop) -> Result<bool, UserError> {
        if self.pace.wait(stop).is_none() {
            return Ok(false);
        }
        // Also while nobody looks: that the window was closed is told at once.
        let changed = self.stream.changed()?;
        let now = Instant::now();
        if !wanted || !self.is_due(changed, now) {
            return Ok(false);
        }
        let Some(shown) = self.stream.grab()? else { return Ok(false) };
        self.converter.convert(&shown, picture)?;
        self.given = Some(now);
        Ok(true)
    }

    fn hidden(&self) -> bool {
        self.stream.hidden()
    }
}

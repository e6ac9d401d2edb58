//! The traits behind which each platform's screens stand.

use crate::error::Error;
use crate::selector::ScreenSelector;
use crate::thread::stop::StopFlag;
use crate::video::screen::bgrx::Bgrx;

/// Kind of what can be captured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ShareKind {
    /// A whole screen.
    Screen,
    /// One window.
    Window,
    /// Whatever is chosen in a dialog of the desktop, which opens with the capture.
    System,
}

/// A screen or window that can be captured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShareSource {
    /// The [`ScreenSelector`] that captures it, as text.
    pub id: String,
    /// Screen, window, or the desktop's choice.
    pub kind: ShareKind,
    /// Title of the window, or name of the screen.
    pub title: String,
    /// Width in pixels; 0 if it is not known yet.
    pub width: u32,
    /// Height in pixels; 0 if it is not known yet.
    pub height: u32,
    /// A small picture of it, as a PNG file; `None` if none is wanted or it can't be had.
    pub thumbnail: Option<Vec<u8>>,
}

/// Greatest width and height of a thumbnail in pixels.
pub(crate) const THUMBNAIL_SIDE: u32 = 320;

/// The screens and windows of a platform.
pub(crate) trait ScreenBackend {
    /// What there is, screens first, each with a thumbnail if wanted; the id of each is a [`ScreenSelector`] as text. Blocks.
    fn list(thumbnails: bool) -> Result<Vec<ShareSource>, Error>;

    /// Whether [`ScreenBackend::open`] opens a dialog of the desktop in which a person chooses.
    fn asks() -> bool;

    /// Opens one, checked `fps` times a second. Fails with `ScreenMissing`, `ScreenUnsupported`, `ScreenFailed`, or
    /// `ShareCancelled` if nothing was chosen. Blocks, at most until `stop` is raised.
    fn open(selector: &ScreenSelector, fps: u32, stop: &StopFlag) -> Result<Box<dyn ScreenStream>, Error>;
}

/// An open screen or window; dropping it releases what it holds.
pub(crate) trait ScreenStream {
    /// Whether anything changed since it was asked last, the pointer included. An error is final: what is shared is gone.
    fn changed(&mut self) -> Result<bool, Error>;

    /// What is shown now, with the pointer in it; `None` if it can't be had at this moment. An error is final.
    fn grab(&mut self) -> Result<Option<Bgrx<'_>>, Error>;

    /// True while it is not shown (a minimized window): its last picture stands.
    fn hidden(&self) -> bool;
}

//! The traits behind which each platform's screens stand.

use confab_ipc::ShareSource;
use confab_wire::UserError;

use crate::selector::ScreenSelector;
use crate::thread::stop::StopFlag;
use crate::video::screen::bgrx::Bgrx;

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
    fn open(selector: &ScreenSelector, fps: u32, stop: &StopFlag) -> Result<Box<dyn ScreenStream>, UserError>;
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

//! Screens and windows of an X server: shared memory for the pixels, Composite for windows that are covered, Damage to
//! know of changes, XFixes for the pointer.

use confab_ipc::ShareSource;
use confab_wire::{ErrorCode, UserError};

use super::ScreenStream;
use crate::source::ScreenSelector;
use desktop::Desktop;
use grabber::Grabber;

mod desktop;
mod grabber;
mod image;
mod listing;
mod monitor;
mod pointer;
#[allow(unsafe_code)]
mod shared;
mod window;

/// See [`ScreenBackend::list`](super::ScreenBackend::list), of the display of the environment.
pub(super) fn list(thumbnails: bool) -> Result<Vec<ShareSource>, UserError> {
    listing::list(&Desktop::connect(None)?, thumbnails)
}

/// See [`ScreenBackend::open`](super::ScreenBackend::open).
pub(super) fn open(selector: &ScreenSelector) -> Result<Box<dyn ScreenStream>, UserError> {
    Ok(Box::new(Grabber::open(Desktop::connect(None)?, selector)?))
}

/// What the X server or the way to it said, as the technical cause.
fn failed(error: impl std::fmt::Display) -> UserError {
    UserError::with_detail(ErrorCode::ScreenFailed, error)
}

#[cfg(test)]
#[path = "x11_tests.rs"]
mod tests;

//! Screens and windows of an X server: shared memory for the pixels, Composite for windows that are covered, Damage to
//! know of changes, XFixes for the pointer.

use confab_ipc::ShareSource;
use confab_wire::UserError;

use super::types::ScreenStream;
use crate::selector::ScreenSelector;
use desktop::Desktop;
use stream::Grabber;

mod desktop;
mod error;
mod image;
mod listing;
mod monitor;
mod pointer;
#[allow(unsafe_code)]
mod shared_memory;
mod stream;
mod target;
mod window;

/// See [`ScreenBackend::list`](super::types::ScreenBackend::list), of the display of the environment.
pub(super) fn list(thumbnails: bool) -> Result<Vec<ShareSource>, UserError> {
    listing::list(&Desktop::connect(None)?, thumbnails)
}

/// See [`ScreenBackend::open`](super::types::ScreenBackend::open).
pub(super) fn open(selector: &ScreenSelector) -> Result<Box<dyn ScreenStream>, UserError> {
    Ok(Box::new(Grabber::open(Desktop::connect(None)?, selector)?))
}

#[cfg(test)]
#[path = "x11_tests.rs"]
mod tests;

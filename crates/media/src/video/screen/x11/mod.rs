//! Screens and windows of an X server: shared memory for the pixels, Composite for windows that are covered, Damage to
//! know of changes, XFixes for the pointer.

use crate::selector::ScreenSelector;
use crate::video::screen::types::ShareSource;

use super::types::ScreenStream;
use crate::error::Error;
use desktop::Desktop;
use stream::X11Stream;

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
mod text;
mod window;
mod window_type;

/// See [`ScreenBackend::list`](super::types::ScreenBackend::list), of the display of the environment.
pub(super) fn list(thumbnails: bool) -> Result<Vec<ShareSource>, Error> {
    listing::list(&Desktop::connect(None)?, thumbnails)
}

/// See [`ScreenBackend::open`](super::types::ScreenBackend::open).
pub(super) fn open(selector: &ScreenSelector) -> Result<Box<dyn ScreenStream>, Error> {
    Ok(Box::new(X11Stream::open(Desktop::connect(None)?, selector)?))
}

#[cfg(test)]
#[path = "x11_tests.rs"]
mod tests;

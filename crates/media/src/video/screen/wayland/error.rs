//! What the errors of the portal and of PipeWire mean.

use crate::error::{Error, ErrorKind};

/// The error of the portal or of PipeWire, as the technical cause.
pub(super) fn failed(error: impl std::fmt::Display) -> Error {
    Error::with_detail(ErrorKind::ScreenFailed, error)
}

/// What was shared is gone, or the person ended the sharing in the desktop's own window.
pub(super) fn gone() -> Error {
    ErrorKind::ShareEndedByDesktop.into()
}

//! What the errors of an X server mean.

use crate::error::{Error, ErrorKind};

/// The error of the X server or of the connection to it, as the technical cause.
pub(super) fn failed(error: impl std::fmt::Display) -> Error {
    Error::with_detail(ErrorKind::ScreenFailed, error)
}

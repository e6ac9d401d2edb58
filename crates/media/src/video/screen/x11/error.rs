//! What the errors of an X server mean.

use crate::error::{Error, ErrorKind};

/// What the X server or the way to it said, as the technical cause.
pub(super) fn failed(error: impl std::fmt::Display) -> Error {
    Error::with_detail(ErrorKind::ScreenFailed, error)
}

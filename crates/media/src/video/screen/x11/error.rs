//! What the errors of an X server mean.

use confab_wire::{ErrorCode, UserError};

/// What the X server or the way to it said, as the technical cause.
pub(super) fn failed(error: impl std::fmt::Display) -> UserError {
    UserError::with_detail(ErrorCode::ScreenFailed, error)
}

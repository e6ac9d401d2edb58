//! What the errors of the portal and of PipeWire mean.

use confab_wire::{ErrorCode, UserError};

/// What the portal or PipeWire said, as the technical cause.
pub(super) fn failed(error: impl std::fmt::Display) -> UserError {
    UserError::with_detail(ErrorCode::ScreenFailed, error)
}

/// What was shared is gone, or the person ended the sharing in the desktop's own window.
pub(super) fn gone() -> UserError {
    let message = "What you shared was closed, or the desktop ended it, so you are not sharing any more.";
    UserError::with_message(ErrorCode::ShareEnded, message)
}

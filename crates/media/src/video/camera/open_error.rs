//! Why a camera does not open.

use confab_wire::{ErrorCode, UserError};
use nokhwa::NokhwaError;

/// The later one tells a person more, where the nodes of a camera refuse for different reasons.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reason {
    /// It is no camera, but something beside one.
    NoPictures,
    /// Whatever else.
    Broken,
    /// This program may not.
    Forbidden,
    /// Another program has it.
    Busy,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) reason: Reason,
    /// The system's words.
    detail: String,
}

impl Refusal {
    /// nokhwa keeps only the system's words.
    fn of(detail: String) -> Self {
        let text = detail.to_lowercase();
        let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
        // EBUSY and EACCES of Linux; on Windows a sharing violation, MF_E_HW_MFT_FAILED_START_STREAMING and E_ACCESSDENIED.
        let reason = if says(&["os error 16)", "busy", "0xc00d3704", "sharing violation", "in use"]) {
            Reason::Busy
        } else if says(&["os error 13)", "permission denied", "0x80070005"]) {
            Reason::Forbidden
        } else if says(&["failed to fufill"]) {
            // nokhwa's words for a device without a format that it knows.
            Reason::NoPictures
        } else {
            Reason::Broken
        };
        Self { reason, detail }
    }
}

impl From<NokhwaError> for Refusal {
    fn from(error: NokhwaError) -> Self {
        Self::of(error.to_string())
    }
}

impl From<std::io::Error> for Refusal {
    fn from(error: std::io::Error) -> Self {
        Self::of(error.to_string())
    }
}

impl From<Refusal> for UserError {
    fn from(Refusal { reason, detail }: Refusal) -> Self {
        let error = match reason {
            Reason::Busy => Self::new(ErrorCode::CameraBusy),
            Reason::Broken => Self::new(ErrorCode::CameraFailed),
            Reason::Forbidden => Self::with_message(
                ErrorCode::CameraFailed,
                "Your system doesn't let Confab use the camera. Allow it there (on Linux, be in the group \"video\"), then \
                 turn the camera on.",
            ),
            Reason::NoPictures => Self::with_message(
                ErrorCode::CameraFailed,
                "This device gives no pictures. Choose another camera in the settings.",
            ),
        };
        Self { detail: Some(detail), ..error }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_found_in_the_words_of_the_system() {
        let reason = |text: &str| Refusal::from(NokhwaError::OpenDeviceError("0".to_owned(), text.to_owned())).reason;
        assert_eq!(reason("V4L2 Error: Device or resource busy (os error 16)"), Reason::Busy);
        assert_eq!(reason("V4L2 Error: Permission denied (os error 13)"), Reason::Forbidden);
        assert_eq!(reason("V4L2 Error: Input/output error (os error 5)"), Reason::Broken);
        assert!(Reason::Busy > Reason::Forbidden && Reason::Broken > Reason::NoPictures);
    }
}

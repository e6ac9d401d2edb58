//! Why a camera does not open.

use nokhwa::NokhwaError;

use crate::error::{Error, ErrorKind};

/// Ordered: of different reasons of the nodes of one camera, the greatest is the most helpful.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum OpenErrorReason {
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
pub(super) struct OpenError {
    pub(super) reason: OpenErrorReason,
    /// What the system said.
    detail: String,
}

impl OpenError {
    /// nokhwa keeps only the system's message.
    fn of(detail: String) -> Self {
        let text = detail.to_lowercase();
        let says = |texts: &[&str]| texts.iter().any(|known| text.contains(known));
        // EBUSY and EACCES of Linux; on Windows a sharing violation, MF_E_HW_MFT_FAILED_START_STREAMING and E_ACCESSDENIED.
        let reason = if says(&["os error 16)", "busy", "0xc00d3704", "sharing violation", "in use"]) {
            OpenErrorReason::Busy
        } else if says(&["os error 13)", "permission denied", "0x80070005"]) {
            OpenErrorReason::Forbidden
        } else if says(&["failed to fufill"]) {
            // nokhwa's message for a device without a format that it knows.
            OpenErrorReason::NoPictures
        } else {
            OpenErrorReason::Broken
        };
        Self { reason, detail }
    }
}

impl From<NokhwaError> for OpenError {
    fn from(error: NokhwaError) -> Self {
        Self::of(error.to_string())
    }
}

impl From<std::io::Error> for OpenError {
    fn from(error: std::io::Error) -> Self {
        Self::of(error.to_string())
    }
}

impl From<OpenError> for Error {
    fn from(OpenError { reason, detail }: OpenError) -> Self {
        let kind = match reason {
            OpenErrorReason::Busy => ErrorKind::CameraBusy,
            OpenErrorReason::Broken => ErrorKind::CameraFailed,
            OpenErrorReason::Forbidden => ErrorKind::CameraNotAllowed,
            OpenErrorReason::NoPictures => ErrorKind::CameraWithoutPictures,
        };
        Self::with_detail(kind, detail)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_found_in_the_words_of_the_system() {
        let reason = |text: &str| OpenError::from(NokhwaError::OpenDeviceError("0".to_owned(), text.to_owned())).reason;
        assert_eq!(reason("V4L2 Error: Device or resource busy (os error 16)"), OpenErrorReason::Busy);
        assert_eq!(reason("V4L2 Error: Permission denied (os error 13)"), OpenErrorReason::Forbidden);
        assert_eq!(reason("V4L2 Error: Input/output error (os error 5)"), OpenErrorReason::Broken);
        assert!(
            OpenErrorReason::Busy > OpenErrorReason::Forbidden && OpenErrorReason::Broken > OpenErrorReason::NoPictures
        );
    }
}

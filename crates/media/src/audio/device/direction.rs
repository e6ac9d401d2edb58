//! The direction of a stream of sound, and what its errors mean.

use confab_wire::{ErrorCode, UserError};

/// Which way sound goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    Input,
    Output,
}

impl Direction {
    pub(crate) fn missing(self) -> ErrorCode {
        if self == Self::Input { ErrorCode::MicrophoneMissing } else { ErrorCode::SpeakerMissing }
    }

    pub(crate) fn failed(self) -> ErrorCode {
        // There is no code for a broken speaker; to a person it is one that is not there.
        if self == Self::Input { ErrorCode::MicrophoneFailed } else { ErrorCode::SpeakerMissing }
    }

    /// `error` as a person is told it.
    pub(crate) fn error(self, error: &cpal::Error) -> UserError {
        let code = match error.kind() {
            cpal::ErrorKind::HostUnavailable => ErrorCode::NoSoundServer,
            cpal::ErrorKind::DeviceNotAvailable => self.missing(),
            _ => self.failed(),
        };
        UserError::with_detail(code, error)
    }
}

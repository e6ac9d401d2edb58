//! The direction of a stream of sound, and what its errors mean.

use crate::error::{Error, ErrorKind};

/// Which way sound goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    Input,
    Output,
}

impl Direction {
    pub(crate) fn missing(self) -> ErrorKind {
        if self == Self::Input { ErrorKind::MicrophoneMissing } else { ErrorKind::SpeakerMissing }
    }

    pub(crate) fn failed(self) -> ErrorKind {
        if self == Self::Input { ErrorKind::MicrophoneFailed } else { ErrorKind::SpeakerFailed }
    }

    /// The error of this crate for one of cpal.
    pub(crate) fn error(self, error: &cpal::Error) -> Error {
        let code = match error.kind() {
            cpal::ErrorKind::HostUnavailable => ErrorKind::NoSoundServer,
            cpal::ErrorKind::DeviceNotAvailable => self.missing(),
            _ => self.failed(),
        };
        Error::with_detail(code, error)
    }
}

//! The error of this crate: a kind that programs match on, and a technical detail.

use std::fmt::Display;
use std::path::Path;

use thiserror::Error as ThisError;

/// Why something failed.
#[derive(Debug, Clone, PartialEq, Eq, ThisError)]
#[non_exhaustive]
pub enum ErrorKind {
    /// No camera is connected.
    #[error("no camera")]
    CameraMissing,
    /// There are cameras, but none of this name.
    #[error("no camera called {name}")]
    CameraNotFound {
        /// The name that was asked for.
        name: String,
    },
    /// Another program uses the camera.
    #[error("camera in use")]
    CameraBusy,
    /// The camera does not answer, or its driver failed.
    #[error("camera failed")]
    CameraFailed,
    /// The camera sends one damaged picture after the other.
    #[error("damaged camera pictures")]
    CameraDamaged,
    /// The system does not let this program use the camera.
    #[error("camera not allowed")]
    CameraNotAllowed,
    /// The device is listed as a camera and has no format with pictures.
    #[error("device without pictures")]
    CameraWithoutPictures,
    /// There is no such screen or window.
    #[error("no such screen or window")]
    ScreenMissing,
    /// This desktop asks in a dialog of its own which screen to share: it can't be named.
    #[error("screen chosen by the desktop only")]
    ScreenChosenByDesktop,
    /// The system gives programs no pictures of its screens.
    #[error("screen capture unsupported")]
    ScreenUnsupported,
    /// No portal for screen capture runs on this desktop.
    #[error("no screen capture portal")]
    ScreenPortalMissing,
    /// The system failed to capture a screen that is there.
    #[error("screen capture failed")]
    ScreenFailed,
    /// Nothing was chosen in the dialog of the desktop, or opening was given up.
    #[error("screen capture cancelled")]
    ShareCancelled,
    /// The captured window was closed.
    #[error("captured window closed")]
    ShareEnded,
    /// The captured screen was disconnected.
    #[error("captured screen disconnected")]
    ScreenDisconnected,
    /// The desktop ended the capture, or what was captured is gone.
    #[error("screen capture ended by the desktop")]
    ShareEndedByDesktop,
    /// What other programs play can't be captured here.
    #[error("system sound unsupported")]
    SystemSoundUnsupported,
    /// The capture of what other programs play ended.
    #[error("system sound ended")]
    SystemSoundEnded,
    /// There is no microphone, or none of the name.
    #[error("no microphone")]
    MicrophoneMissing,
    /// The microphone does not answer, or its driver failed.
    #[error("microphone failed")]
    MicrophoneFailed,
    /// There is no speaker, or none of the name.
    #[error("no speaker")]
    SpeakerMissing,
    /// The speaker does not answer, or its driver failed.
    #[error("speaker failed")]
    SpeakerFailed,
    /// No sound server answers.
    #[error("no sound server")]
    NoSoundServer,
    /// A media file can't be read.
    #[error("file unreadable")]
    FileUnreadable,
    /// A media file has a format that is not played.
    #[error("file format")]
    FileFormat,
    /// A recording can't be written.
    #[error("recording failed")]
    RecordingFailed,
    /// A library refused what this crate asked of it, or a thread could not be started.
    #[error("internal")]
    Internal,
}

/// An error of a device, codec or file.
#[derive(Debug, Clone, PartialEq, Eq, ThisError)]
#[error("{kind}{}", .detail.as_ref().map(|detail| format!(": {detail}")).unwrap_or_default())]
pub struct Error {
    kind: ErrorKind,
    detail: Option<String>,
}

impl Error {
    /// An error with a technical cause: mostly what a system or library said.
    pub fn with_detail(kind: ErrorKind, detail: impl Display) -> Self {
        Self { kind, detail: Some(detail.to_string()) }
    }

    /// The same of a file, which the technical cause names.
    pub(crate) fn of_file(self, path: &Path) -> Self {
        let cause = self.detail.unwrap_or_else(|| self.kind.to_string());
        Self { kind: self.kind, detail: Some(format!("{}: {cause}", path.display())) }
    }

    /// Why it failed.
    pub fn kind(&self) -> &ErrorKind {
        &self.kind
    }

    /// The technical cause, if one is known.
    pub fn detail(&self) -> Option<&str> {
        self.detail.as_deref()
    }
}

impl From<ErrorKind> for Error {
    fn from(kind: ErrorKind) -> Self {
        Self { kind, detail: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_names_kind_and_detail() {
        assert_eq!(Error::from(ErrorKind::CameraBusy).to_string(), "camera in use");
        let named = ErrorKind::CameraNotFound { name: "Webcam".to_owned() };
        assert_eq!(Error::with_detail(named, "2 others").to_string(), "no camera called Webcam: 2 others");
    }
}

//! Errors of media as codes that the window and the terminal know.

use confab_ipc::{ErrorCode, UserError};
use confab_media::{Error, ErrorKind};

/// The error for a person.
pub fn user_error(error: Error) -> UserError {
    let (code, message) = match error.kind() {
        ErrorKind::CameraMissing => (ErrorCode::CameraMissing, None),
        ErrorKind::CameraNotFound { name } => (
            ErrorCode::CameraMissing,
            Some(format!("There is no camera called {name}. Choose another one in the settings.")),
        ),
        ErrorKind::CameraBusy => (ErrorCode::CameraBusy, None),
        ErrorKind::CameraFailed => (ErrorCode::CameraFailed, None),
        ErrorKind::CameraDamaged => (
            ErrorCode::CameraFailed,
            sentence("Your camera sends damaged pictures. Try another cable or socket, then turn the camera on."),
        ),
        ErrorKind::CameraNotAllowed => (
            ErrorCode::CameraFailed,
            sentence(
                "Your system doesn't let Confab use the camera. Allow it there (on Linux, be in the group \"video\"), then \
                 turn the camera on.",
            ),
        ),
        ErrorKind::CameraWithoutPictures => {
            (ErrorCode::CameraFailed, sentence("This device gives no pictures. Choose another camera in the settings."))
        }
        ErrorKind::ScreenMissing => (ErrorCode::ScreenMissing, None),
        ErrorKind::ScreenChosenByDesktop => (
            ErrorCode::ScreenMissing,
            sentence("On this desktop you choose in a dialog of the desktop what to share: share \"screen\"."),
        ),
        ErrorKind::ScreenUnsupported => (ErrorCode::ScreenUnsupported, None),
        ErrorKind::ScreenPortalMissing => (
            ErrorCode::ScreenUnsupported,
            sentence(
                "Screens can't be shared on this desktop yet. Install xdg-desktop-portal and its part for your desktop \
                 (such as xdg-desktop-portal-gnome, -kde or -wlr), then log in again.",
            ),
        ),
        ErrorKind::ScreenFailed => (ErrorCode::ScreenFailed, None),
        ErrorKind::ShareCancelled => (ErrorCode::ShareCancelled, None),
        ErrorKind::ShareEnded => (ErrorCode::ShareEnded, None),
        ErrorKind::ScreenDisconnected => (
            ErrorCode::ShareEnded,
            sentence("The screen you shared was disconnected, so you are not sharing any more."),
        ),
        ErrorKind::ShareEndedByDesktop => (
            ErrorCode::ShareEnded,
            sentence("What you shared was closed, or the desktop ended it, so you are not sharing any more."),
        ),
        ErrorKind::SystemSoundUnsupported => (ErrorCode::ShareSoundUnsupported, None),
        ErrorKind::SystemSoundEnded => (ErrorCode::ShareSoundEnded, None),
        ErrorKind::MicrophoneMissing => (ErrorCode::MicrophoneMissing, None),
        ErrorKind::MicrophoneFailed => (ErrorCode::MicrophoneFailed, None),
        // For a person a broken speaker is one that is not there.
        ErrorKind::SpeakerMissing | ErrorKind::SpeakerFailed => (ErrorCode::SpeakerMissing, None),
        ErrorKind::NoSoundServer => (ErrorCode::NoSoundServer, None),
        ErrorKind::FileUnreadable => (ErrorCode::FileUnreadable, None),
        ErrorKind::FileFormat => (ErrorCode::FileFormat, None),
        ErrorKind::RecordingFailed => (ErrorCode::RecordFailed, None),
        _ => (ErrorCode::Internal, None),
    };
    let user_error = match message {
        Some(message) => UserError::with_message(code, message),
        None => UserError::new(code),
    };
    UserError { detail: error.detail().map(str::to_owned), ..user_error }
}

fn sentence(text: &str) -> Option<String> {
    Some(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_of_media_keeps_its_detail_and_what_it_names() {
        let plain = user_error(Error::with_detail(ErrorKind::CameraBusy, "EBUSY"));
        assert_eq!(plain, UserError::with_detail(ErrorCode::CameraBusy, "EBUSY"));
        let named = user_error(ErrorKind::CameraNotFound { name: "Holiday".to_owned() }.into());
        assert_eq!(named.code, ErrorCode::CameraMissing);
        assert_eq!(named.message, "There is no camera called Holiday. Choose another one in the settings.");
    }

    #[test]
    fn causes_of_one_code_have_sentences_of_their_own() {
        let kinds = [
            ErrorKind::CameraFailed,
            ErrorKind::CameraDamaged,
            ErrorKind::CameraNotAllowed,
            ErrorKind::CameraWithoutPictures,
            ErrorKind::ScreenMissing,
            ErrorKind::ScreenChosenByDesktop,
            ErrorKind::ScreenUnsupported,
            ErrorKind::ScreenPortalMissing,
            ErrorKind::ShareEnded,
            ErrorKind::ScreenDisconnected,
            ErrorKind::ShareEndedByDesktop,
        ];
        let mut sentences = kinds.map(|kind| user_error(kind.into()).message).to_vec();
        sentences.sort();
        sentences.dedup();
        assert_eq!(sentences.len(), 11, "{sentences:?}");
    }
}

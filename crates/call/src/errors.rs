//! Errors of media as codes that the window and the terminal know.

use confab_ipc::{ErrorCode, ErrorReason, UserError};
use confab_media::{Error, ErrorKind};

/// The error for a person.
pub fn user_error(error: Error) -> UserError {
    let user_error = match error.kind() {
        ErrorKind::CameraMissing => ErrorCode::CameraMissing.into(),
        ErrorKind::CameraNotFound { name } => UserError::from(ErrorReason::CameraNotFound).param("name", name),
        ErrorKind::CameraBusy => ErrorCode::CameraBusy.into(),
        ErrorKind::CameraFailed => ErrorCode::CameraFailed.into(),
        ErrorKind::CameraDamaged => ErrorReason::CameraDamaged.into(),
        ErrorKind::CameraNotAllowed => ErrorReason::CameraNotAllowed.into(),
        ErrorKind::CameraWithoutPictures => ErrorReason::CameraWithoutPictures.into(),
        ErrorKind::ScreenMissing => ErrorCode::ScreenMissing.into(),
        ErrorKind::ScreenChosenByDesktop => ErrorReason::ScreenChosenByDesktop.into(),
        ErrorKind::ScreenUnsupported => ErrorCode::ScreenUnsupported.into(),
        ErrorKind::ScreenPortalMissing => ErrorReason::ScreenPortalMissing.into(),
        ErrorKind::ScreenFailed => ErrorCode::ScreenFailed.into(),
        ErrorKind::ShareCancelled => ErrorCode::ShareCancelled.into(),
        ErrorKind::ShareEnded => ErrorCode::ShareEnded.into(),
        ErrorKind::ScreenDisconnected => ErrorReason::ScreenDisconnected.into(),
        ErrorKind::ShareEndedByDesktop => ErrorReason::ShareEndedByDesktop.into(),
        ErrorKind::SystemSoundUnsupported => ErrorCode::ShareSoundUnsupported.into(),
        ErrorKind::SystemSoundEnded => ErrorCode::ShareSoundEnded.into(),
        ErrorKind::MicrophoneMissing => ErrorCode::MicrophoneMissing.into(),
        ErrorKind::MicrophoneFailed => ErrorCode::MicrophoneFailed.into(),
        // For a person a broken speaker is one that is not there.
        ErrorKind::SpeakerMissing | ErrorKind::SpeakerFailed => ErrorCode::SpeakerMissing.into(),
        ErrorKind::NoSoundServer => ErrorCode::NoSoundServer.into(),
        ErrorKind::FileUnreadable => ErrorCode::FileUnreadable.into(),
        ErrorKind::FileFormat => ErrorCode::FileFormat.into(),
        ErrorKind::RecordingFailed => ErrorCode::RecordFailed.into(),
        _ => ErrorCode::Internal.into(),
    };
    UserError { detail: error.detail().map(str::to_owned), ..user_error }
}

#[cfg(test)]
mod tests {
    use super::*;
    use confab_testkit::sentences::sentence;

    #[test]
    fn an_error_of_media_keeps_its_detail_and_what_it_names() {
        let plain = user_error(Error::with_detail(ErrorKind::CameraBusy, "EBUSY"));
        assert_eq!(plain, UserError::with_detail(ErrorCode::CameraBusy, "EBUSY"));
        let named = user_error(ErrorKind::CameraNotFound { name: "Holiday".to_owned() }.into());
        assert_eq!(named.code, ErrorCode::CameraMissing);
        assert_eq!(sentence(&named), "There is no camera called Holiday. Choose another one in the settings.");
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
        let mut sentences = kinds.map(|kind| sentence(&user_error(kind.into()))).to_vec();
        sentences.sort();
        sentences.dedup();
        assert_eq!(sentences.len(), 11, "{sentences:?}");
    }
}

//! Files that are to be played, looked at before a call.

use crate::errors::user_error;
use confab_ipc::{ErrorCode, UserError};
use confab_media::{AudioSource, VideoSource, check_picture_file, check_sound_file};

/// Fails with [`ErrorCode::FileUnreadable`] or [`ErrorCode::FileFormat`] if one of the sources is a file that can't be played.
pub async fn check_files(pictures: Vec<VideoSource>, sounds: Vec<AudioSource>) -> Result<(), UserError> {
    let check = move || {
        pictures.iter().try_for_each(check_picture_file)?;
        sounds.iter().try_for_each(check_sound_file)
    };
    let checked = tokio::task::spawn_blocking(check).await;
    checked.map_err(|error| UserError::with_detail(ErrorCode::Internal, error))?.map_err(user_error)
}

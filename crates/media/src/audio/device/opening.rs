//! Waiting for a thread that opens a device, within a time limit.

use std::time::Duration;

use confab_wire::{ErrorCode, UserError};
use tokio::sync::oneshot;

/// The end of a start: the thread that opens the device has answered, in time or not.
pub(crate) async fn opened(
    opening: oneshot::Receiver<Result<(), UserError>>,
    limit: Duration,
) -> Result<(), UserError> {
    match tokio::time::timeout(limit, opening).await {
        Ok(Ok(result)) => result,
        Ok(Err(_)) => Err(UserError::with_detail(ErrorCode::Internal, "a sound thread ended early")),
        Err(_) => {
            let detail = format!("the sound server did not answer in {} s", limit.as_secs());
            Err(UserError::with_detail(ErrorCode::NoSoundServer, detail))
        }
    }
}

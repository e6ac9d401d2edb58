//! Waiting for a thread that opens a device, within a time limit.

use std::time::Duration;

use crate::error::{Error, ErrorKind};

use tokio::sync::oneshot;

/// The end of a start: the thread that opens the device has answered, in time or not.
pub(crate) async fn opened(opening: oneshot::Receiver<Result<(), Error>>, limit: Duration) -> Result<(), Error> {
    match tokio::time::timeout(limit, opening).await {
        Ok(Ok(result)) => result,
        Ok(Err(_)) => Err(Error::with_detail(ErrorKind::Internal, "a sound thread ended early")),
        Err(_) => {
            let detail = format!("the sound server did not answer in {} s", limit.as_secs());
            Err(Error::with_detail(ErrorKind::NoSoundServer, detail))
        }
    }
}

//! What a handle asks of a peer's task.

use crate::error::JoinError;
use tokio::sync::oneshot;

#[derive(Debug)]
pub(super) enum Command {
    Join { channel: String, include_sender_metadata: bool, reply: oneshot::Sender<Result<(), JoinError>> },
    Close { reason: String, reply: oneshot::Sender<()> },
}

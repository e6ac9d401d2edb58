//! What the handles ask of a client's task.

use crate::error::{ConnectError, RequestError};
use crate::frame::Welcome;
use serde_json::Value;
use tokio::sync::oneshot;

/// What is asked of the server.
#[derive(Debug)]
pub(super) enum Request {
    Subscribe { channel: String, include_sender_metadata: bool },
    Unsubscribe { channel: String },
    Publish { channel: String, data: Value },
    Send { to: String, data: Value },
}

/// Where the answer goes.
pub(super) type Reply = oneshot::Sender<Result<(), RequestError>>;

#[derive(Debug)]
pub(super) enum Command {
    Connect(oneshot::Sender<Result<Welcome, ConnectError>>),
    Request(Request, Reply),
    Close(String),
}

//! What the task of signaling is asked to do.

use crate::AckError;
use confab_wire::signaling::Signal;
use serde_json::Value;
use std::time::Duration;
use tokio::sync::oneshot;

/// Answers a request.
pub(super) type AckReply = oneshot::Sender<Result<Vec<Value>, AckError>>;

/// What the task is asked to do.
#[derive(Debug)]
pub(crate) enum Command {
    /// Emit an application event.
    Emit { event: String, args: Vec<Value> },
    /// Emit an application event that the server acknowledges.
    Request { event: String, args: Vec<Value>, timeout: Duration, reply: AckReply },
    /// Relay a signal to a peer.
    Relay { target: String, signal: Signal },
    /// The application is in its room, and this is its id there: what waited for that may go.
    Release { source: String },
    /// The addresses of this machine are others; `stranded`: that of the link is gone.
    AddressesChanged { stranded: bool },
    /// A peer is silent: the network may be gone, and the server with it.
    Doubt,
    /// Connect, if there is no connection.
    Connect,
    /// Close the connection until told to connect.
    Disconnect,
}

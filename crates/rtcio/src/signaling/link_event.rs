//! What comes out of a connection to a signaling server.

use serde_json::Value;

/// An event of a [`super::link::Link`].
#[derive(Debug)]
pub(crate) enum LinkEvent {
    /// An event of the server.
    Event { name: String, args: Vec<Value> },
    /// The answer to the request with this number.
    Ack(u64, Vec<Value>),
    /// It is time to send something: [`super::link::Link::attend`].
    Due,
}

/// The link is broken, and why.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Broken(pub(crate) String);

//! An event of a socket as it came.

use socketioxide::adapter::Adapter;
use socketioxide::handler::FromMessage;
use socketioxide::socket::Socket;
use std::convert::Infallible;
use std::sync::Arc;

/// An event that is not parsed yet: its size decides whether it will be.
pub(super) struct RawEvent {
    text: Option<socketioxide_core::Str>,
    /// The sender waits for an answer.
    pub(super) wants_answer: bool,
}

impl<A: Adapter> FromMessage<A> for RawEvent {
    type Error = Infallible;

    fn from_message(_: Arc<Socket<A>>, value: socketioxide_core::Value, ack: Option<i64>) -> Result<Self, Self::Error> {
        let text = match value {
            socketioxide_core::Value::Str(text, None) => Some(text),
            // Nothing on this wire is binary.
            _ => None,
        };
        Ok(Self { text, wants_answer: ack.is_some() })
    }
}

impl RawEvent {
    /// The JSON array of the event; empty if it was binary.
    pub(super) fn text(&self) -> &str {
        self.text.as_ref().map_or("", |text| text.as_str())
    }
}

//! Messages from one member to another through the server.

use crate::limits;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// `direct-message` of a client: to one member of a room that both are in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DirectMessage {
    /// Receiver's id.
    pub target: String,
    /// Anything, at most [`limits::DIRECT_MESSAGE_BYTES`] as JSON.
    pub data: Value,
}

/// `direct-message` as it is delivered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DirectDelivery {
    /// Sender's id. The server stamps it.
    pub source: String,
    /// As it was sent.
    pub data: Value,
}

/// Acknowledgement of a [`DirectMessage`]: `{}`, or `{ error }`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DirectReply {
    /// Why it was not delivered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<DirectRefusal>,
}

/// Why a [`DirectMessage`] was not delivered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DirectRefusal {
    /// For programs.
    pub code: DirectCode,
    /// A diagnosis in English, for the developer of a client that has no text of its own for the code.
    #[serde(default)]
    pub message: String,
}

impl From<DirectCode> for DirectRefusal {
    fn from(code: DirectCode) -> Self {
        Self { code, message: code.to_string() }
    }
}

/// Code of a [`DirectRefusal`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum DirectCode {
    /// Not `{ target, data }`.
    #[error("a direct message is {{ target, data }}")]
    Malformed,
    /// The sender is in no room.
    #[error("the sender is in no room")]
    NotJoined,
    /// The receiver is the sender.
    #[error("a message to oneself is not sent")]
    SelfSend,
    /// The receiver is in no room of the sender, or its queue is full.
    #[error("there is no such member in the sender's rooms, or it takes no messages now")]
    Unreachable,
    /// Over [`limits::DIRECT_MESSAGE_BYTES`].
    #[error("the message has more than {} bytes", limits::DIRECT_MESSAGE_BYTES)]
    TooLarge,
    /// Over [`limits::DIRECT_PER_SECOND`].
    #[error("too many messages; wait a moment, then send again")]
    TooMany,
    /// A code that this program does not know.
    #[error("the server refuses")]
    #[serde(other)]
    Unknown,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_unknown_code_is_a_refusal_all_the_same() {
        let reply = |code| serde_json::from_value::<DirectReply>(json!({ "error": { "code": code } })).unwrap();
        assert_eq!(reply("too-many").error.map(|error| error.code), Some(DirectCode::TooMany));
        assert_eq!(reply("banned").error.map(|error| error.code), Some(DirectCode::Unknown));
    }
}

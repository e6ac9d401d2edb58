//! Joining a room, and what its members learn of each other.

use super::ice::IceServer;
use super::refusal::Refusal;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
#[cfg(feature = "typescript")]
use ts_rs::TS;

/// `join-room` of a client. Fields beyond these are allowed and ignored (stock applications send their own).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JoinRoom {
    /// Room to join.
    pub room_id: String,
    /// Name that others see.
    #[serde(default)]
    pub name: String,
    /// Token of an earlier [`Welcome`]: give me back the id I had. Ours only; stock clients send none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resume: Option<String>,
    /// Peers to which a connection still stands: they get no `#rtcio:init-offer` for us. Obeyed only with a valid
    /// `resume`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub connected: Vec<String>,
}

/// A member of a room, also the payload of `user-connected`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Socket id.
    pub id: String,
    /// Display name; may be empty for a stock client that gave none.
    #[serde(default)]
    pub name: String,
    /// What the token of the member says about it (`peerMetadata`). Ours only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Map<String, Value>>,
}

/// `{ id }` of `user-disconnected` and `#rtcio:peer-left`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeerRef {
    /// Socket id.
    pub id: String,
}

/// `{ source }` of `#rtcio:init-offer`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InitOffer {
    /// Socket id of the newcomer.
    pub source: String,
    /// As [`Member::metadata`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Map<String, Value>>,
}

/// Acknowledgement of `join-room`: the welcome, or the refusal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum JoinReply {
    /// Refused.
    Refused {
        /// Why.
        error: Refusal,
    },
    /// Inside.
    Welcome(Welcome),
}

/// Acknowledgement of `peek-room`: who is inside, or the refusal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum PeekReply {
    /// Refused.
    Refused {
        /// Why.
        error: Refusal,
    },
    /// Who is inside.
    Inside(RoomPeek),
}

/// Who is in a room that one is not in.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(TS))]
pub struct RoomPeek {
    /// How many.
    pub count: u32,
    /// Their names, in the order in which they came; fewer than `count` where some are not told.
    pub names: Vec<String>,
}

/// What a newcomer learns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Welcome {
    /// The newcomer's own socket id.
    pub id: String,
    /// Members already inside, without the newcomer.
    pub members: Vec<Member>,
    /// ICE servers to use.
    #[serde(default)]
    pub ice_servers: Vec<IceServer>,
    /// Token for [`JoinRoom::resume`] after a reconnect. Absent on servers that cannot resume.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resume: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_reply_is_a_welcome_or_a_refusal() {
        let welcome: JoinReply = serde_json::from_value(json!({ "id": "a", "members": [], "iceServers": [] })).unwrap();
        assert!(matches!(welcome, JoinReply::Welcome(_)));
        let refused: JoinReply =
            serde_json::from_value(json!({ "error": { "code": "room-full", "message": "full" } })).unwrap();
        assert!(matches!(refused, JoinReply::Refused { .. }));
    }
}

//! Socket.IO events between a client and a signaling server (protocol sections 1 and 7).

use crate::limits;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::fmt;
#[cfg(feature = "typescript")]
use ts_rs::TS;

/// Prefix of every event that belongs to rtc.io itself.
pub const INTERNAL_PREFIX: &str = "#rtcio:";
/// Server → members already in the room: connect to `source` and offer.
pub const INIT_OFFER: &str = "#rtcio:init-offer";
/// Both ways: a [`Relayed`] message.
pub const MESSAGE: &str = "#rtcio:message";
/// Server → rooms of a leaving socket: a hint.
pub const PEER_LEFT: &str = "#rtcio:peer-left";
/// Client → server: [`JoinRoom`], acknowledged with [`JoinReply`].
pub const JOIN_ROOM: &str = "join-room";
/// Client → server: leave a room, or all.
pub const LEAVE_ROOM: &str = "leave-room";
/// Server → client: [`Member`].
pub const USER_CONNECTED: &str = "user-connected";
/// Server → client: `{ id }`.
pub const USER_DISCONNECTED: &str = "user-disconnected";
/// Client → server: [`DirectMessage`], acknowledged with [`DirectReply`]; server → client: [`DirectDelivery`]. Ours only;
/// a stock client sends none.
pub const DIRECT_MESSAGE: &str = "direct-message";
/// Client → server: `{ roomId }`, acknowledged with [`PeekReply`], to see who is in a room before one joins. Ours only; a
/// stock server does not answer it.
pub const PEEK_ROOM: &str = "peek-room";
/// Client → server: acknowledged with `{ iceServers }`.
pub const ASK_ICE: &str = "ask-ice";
/// Client → server: acknowledged with `{}`, to find out whether the server is there. Ours only; a stock server does not
/// answer it.
pub const PROBE: &str = "rtcio-probe";
/// Server → client: a [`crate::UserError`], before a disconnect or when a refused request wanted no acknowledgement.
/// Ours only; a stock client does not listen to it.
pub const SERVER_ERROR: &str = "server-error";

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
    /// For people.
    pub message: String,
}

/// Code of a [`DirectRefusal`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DirectCode {
    /// Not `{ target, data }`.
    Malformed,
    /// The sender is in no room.
    NotJoined,
    /// The receiver is the sender.
    SelfSend,
    /// The receiver is in no room of the sender.
    Unreachable,
    /// Over [`limits::DIRECT_MESSAGE_BYTES`].
    TooLarge,
    /// Over [`limits::DIRECT_PER_SECOND`].
    TooMany,
}

/// Acknowledgement of `join-room`: the welcome, or the refusal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum JoinReply {
    /// Refused.
    Refused {
        /// Why.
        error: crate::UserError,
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
        error: crate::UserError,
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

/// `RTCIceServer` of W3C webrtc-pc section 4.2.4; `urls` may be one string or a list on the wire. Its debug form says
/// whether there is a credential, not which.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IceServer {
    /// stun:, stuns:, turn: or turns: URLs.
    #[serde(deserialize_with = "one_or_many")]
    pub urls: Vec<String>,
    /// TURN user name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// TURN credential.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential: Option<String>,
}

impl fmt::Debug for IceServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let present = self.username.is_some() && self.credential.is_some();
        f.debug_struct("IceServer").field("urls", &self.urls).field("credential", &present).finish()
    }
}

impl IceServer {
    /// Keeps the servers that are well-formed, at most [`limits::ICE_SERVERS`] of them.
    pub fn sanitize(servers: Vec<IceServer>) -> Vec<IceServer> {
        servers.into_iter().filter(IceServer::is_valid).take(limits::ICE_SERVERS).collect()
    }

    fn is_valid(&self) -> bool {
        let fits = |s: &String| s.len() <= limits::ICE_FIELD_BYTES;
        !self.urls.is_empty()
            && self.urls.len() <= limits::ICE_URLS
            && self.urls.iter().all(|url| {
                fits(url) && ["stun:", "stuns:", "turn:", "turns:"].iter().any(|scheme| url.starts_with(scheme))
            })
            && self.username.as_ref().is_none_or(fits)
            && self.credential.as_ref().is_none_or(fits)
    }
}

fn one_or_many<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Urls {
        One(String),
        Many(Vec<String>),
    }
    Ok(match Urls::deserialize(deserializer)? {
        Urls::One(url) => vec![url],
        Urls::Many(urls) => urls,
    })
}

/// `#rtcio:message`: relayed as is to the socket `target`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Relayed {
    /// Sender's socket id. The server stamps it.
    #[serde(default)]
    pub source: String,
    /// Receiver's socket id.
    pub target: String,
    /// The message.
    pub data: Value,
}

/// `RTCSessionDescriptionInit` (W3C webrtc-pc section 4.6.1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Description {
    /// `offer`, `answer`, `pranswer` or `rollback`; peers of ours use the first two.
    #[serde(rename = "type")]
    pub kind: String,
    /// The SDP.
    pub sdp: String,
}

/// `RTCIceCandidateInit` (W3C webrtc-pc section 4.8.2). An empty `candidate` ends the candidates.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Candidate {
    /// The candidate line without `a=`.
    #[serde(default)]
    pub candidate: String,
    /// m-line identification; ours is null.
    #[serde(default)]
    pub sdp_mid: Option<String>,
    /// m-line index.
    #[serde(default)]
    pub sdp_m_line_index: Option<u16>,
    /// ICE user name fragment.
    #[serde(default)]
    pub username_fragment: Option<String>,
}

/// The four shapes of `data`.
#[derive(Debug, Clone, PartialEq)]
pub enum Signal {
    /// An offer or an answer.
    Description(Description),
    /// A trickled candidate.
    Candidate(Candidate),
    /// "Which stream is this?"
    StreamQuery {
        /// MediaStream id.
        mid: String,
    },
    /// "This is it."
    StreamEvents {
        /// MediaStream id.
        mid: String,
        /// Event name → argument array of the `emit` that carried the stream.
        events: Map<String, Value>,
    },
}

/// Why a `data` is none of the four shapes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignalError {
    /// Not an object, or none of the known fields.
    #[error("a signal must be a description, a candidate, a mid or stream events")]
    Shape,
    /// A field is of the wrong type.
    #[error("field {0} of a signal has the wrong type")]
    Field(&'static str),
    /// A field is larger than [`limits`] allow.
    #[error("field {0} of a signal is too large")]
    TooLarge(&'static str),
}

impl Signal {
    /// Parses and bounds the `data` of a [`Relayed`] message.
    pub fn parse(data: &Value) -> Result<Self, SignalError> {
        let object = data.as_object().ok_or(SignalError::Shape)?;
        let present = |key: &str| object.get(key).filter(|value| !value.is_null());
        if let Some(description) = present("description") {
            let description: Description =
                Description::deserialize(description).map_err(|_| SignalError::Field("description"))?;
            if description.sdp.len() > limits::SDP_BYTES {
                return Err(SignalError::TooLarge("sdp"));
            }
            return Ok(Signal::Description(description));
        }
        if let Some(candidate) = present("candidate") {
            let candidate: Candidate =
                Candidate::deserialize(candidate).map_err(|_| SignalError::Field("candidate"))?;
            let long = |s: &Option<String>| s.as_ref().is_some_and(|s| s.len() > limits::ID_BYTES);
            if candidate.candidate.len() > limits::CANDIDATE_BYTES
                || long(&candidate.sdp_mid)
                || long(&candidate.username_fragment)
            {
                return Err(SignalError::TooLarge("candidate"));
            }
            return Ok(Signal::Candidate(candidate));
        }
        let mid = present("mid").ok_or(SignalError::Shape)?.as_str().ok_or(SignalError::Field("mid"))?;
        if mid.len() > limits::ID_BYTES {
            return Err(SignalError::TooLarge("mid"));
        }
        let mid = mid.to_owned();
        match present("events") {
            None => Ok(Signal::StreamQuery { mid }),
            Some(events) => {
                let events = events.as_object().ok_or(SignalError::Field("events"))?;
                if events.len() > limits::EVENTS_PER_STREAM {
                    return Err(SignalError::TooLarge("events"));
                }
                if events.values().any(|args| !args.is_array()) {
                    return Err(SignalError::Field("events"));
                }
                Ok(Signal::StreamEvents { mid, events: events.clone() })
            }
        }
    }

    /// What it is, in a word for a log.
    pub fn name(&self) -> &'static str {
        match self {
            Signal::Description(description) if description.kind == "offer" => "offer",
            Signal::Description(description) if description.kind == "answer" => "answer",
            Signal::Description(_) => "description",
            Signal::Candidate(_) => "candidate",
            Signal::StreamQuery { .. } => "stream query",
            Signal::StreamEvents { .. } => "stream events",
        }
    }

    /// The `data` of a [`Relayed`] message.
    pub fn to_value(&self) -> Value {
        match self {
            Signal::Description(description) => serde_json::json!({ "description": description }),
            Signal::Candidate(candidate) => serde_json::json!({ "candidate": candidate }),
            Signal::StreamQuery { mid } => serde_json::json!({ "mid": mid }),
            Signal::StreamEvents { mid, events } => serde_json::json!({ "mid": mid, "events": events }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_four_shapes_survive_a_round_trip() {
        for data in [
            json!({ "description": { "type": "offer", "sdp": "v=0" } }),
            json!({ "candidate": { "candidate": "", "sdpMid": null, "sdpMLineIndex": 0, "usernameFragment": null } }),
            json!({ "mid": "stream" }),
            json!({ "mid": "stream", "events": { "camera": ["[RTCIOStream] u", { "a": 1 }] } }),
        ] {
            assert_eq!(Signal::parse(&data).map(|signal| signal.to_value()), Ok(data));
        }
    }

    #[test]
    fn rubbish_is_refused_by_name() {
        assert_eq!(Signal::parse(&json!(null)), Err(SignalError::Shape));
        assert_eq!(Signal::parse(&json!({})), Err(SignalError::Shape));
        assert_eq!(Signal::parse(&json!({ "description": 3 })), Err(SignalError::Field("description")));
        assert_eq!(Signal::parse(&json!({ "mid": 3 })), Err(SignalError::Field("mid")));
        assert_eq!(Signal::parse(&json!({ "mid": "m", "events": { "x": 1 } })), Err(SignalError::Field("events")));
        let long = "x".repeat(limits::SDP_BYTES + 1);
        assert_eq!(
            Signal::parse(&json!({ "description": { "type": "offer", "sdp": long } })),
            Err(SignalError::TooLarge("sdp"))
        );
    }

    #[test]
    fn ice_servers_of_other_schemes_are_left_out() {
        let servers: Vec<IceServer> = serde_json::from_value(json!([
            { "urls": "stun:a" }, { "urls": ["turn:b", "turns:c"], "username": "u", "credential": "p" }, { "urls": "http:d" }
        ]))
        .unwrap_or_default();
        let kept = IceServer::sanitize(servers);
        assert_eq!(kept.len(), 2);
        assert_eq!(kept[0].urls, ["stun:a"]);
    }

    #[test]
    fn a_reply_is_a_welcome_or_a_refusal() {
        let welcome: JoinReply = serde_json::from_value(json!({ "id": "a", "members": [], "iceServers": [] })).unwrap();
        assert!(matches!(welcome, JoinReply::Welcome(_)));
        let refused: JoinReply =
            serde_json::from_value(json!({ "error": { "code": "room-full", "message": "full" } })).unwrap();
        assert!(matches!(refused, JoinReply::Refused { .. }));
    }
}

//! Frames between a client of PeerJS and the server.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;
use tokio_tungstenite::tungstenite::Utf8Bytes;

/// Why a client is refused, or loses its place: `payload.msg` of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// An id, a token or a key is missing or empty.
    Incomplete,
    /// Another key than the server's.
    Key,
    /// The id belongs to a connected client with another token.
    Taken,
    /// As many clients as there may be.
    Full,
    /// An id or a token that is longer than it may be, or holds control characters. Ours: the stock server takes all.
    Unfit,
    /// More messages than one client may send. Ours.
    Flood,
}

impl Refusal {
    /// The frame that says it.
    pub(crate) fn frame(self) -> Utf8Bytes {
        let (kind, msg) = match self {
            Self::Incomplete => ("ERROR", "No id, token, or key supplied to websocket server"),
            Self::Key => ("ERROR", "Invalid key provided"),
            Self::Taken => ("ID-TAKEN", "ID is taken"),
            Self::Full => ("ERROR", "Server has reached its concurrent user limit"),
            Self::Unfit => ("ERROR", "Invalid id or token provided"),
            Self::Flood => ("ERROR", "Too many messages"),
        };
        format!(r#"{{"type":"{kind}","payload":{{"msg":"{msg}"}}}}"#).into()
    }
}

/// The client is connected under its id.
pub(crate) const OPEN: Utf8Bytes = Utf8Bytes::from_static(r#"{"type":"OPEN"}"#);

/// What the server relays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum RelayKind {
    Offer,
    Answer,
    Candidate,
    Leave,
    /// From the server only.
    Expire,
}

/// What a client says.
#[derive(Debug)]
pub(crate) enum Frame<'a> {
    /// It is alive.
    Heartbeat,
    /// Pass this on.
    Relay(Relay<'a>),
    /// It gives its own id back.
    Leave,
}

/// A message to another client.
#[derive(Debug)]
pub(crate) struct Relay<'a> {
    pub(crate) kind: RelayKind,
    pub(crate) dst: String,
    payload: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Incoming<'a> {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    dst: Option<String>,
    #[serde(borrow, default, deserialize_with = "present")]
    payload: Option<&'a RawValue>,
}

/// `null` is a payload as well.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

impl<'a> Frame<'a> {
    /// Reads a text or binary frame. None for what a server drops: what is no JSON object with a known type, and what is to
    /// nobody.
    pub(crate) fn parse(bytes: &'a [u8]) -> Option<Self> {
        // An array of the members is no frame, though serde takes it for the same.
        bytes.trim_ascii_start().strip_prefix(b"{")?;
        let Incoming { kind, dst, payload } = serde_json::from_slice(bytes).ok()?;
        let kind = match kind.as_str() {
            "HEARTBEAT" => return Some(Self::Heartbeat),
            "OFFER" => RelayKind::Offer,
            "ANSWER" => RelayKind::Answer,
            "CANDIDATE" => RelayKind::Candidate,
            "LEAVE" => RelayKind::Leave,
            _ => return None,
        };
        match dst.filter(|dst| !dst.is_empty()) {
            Some(dst) => Some(Self::Relay(Relay { kind, dst, payload })),
            None => (kind == RelayKind::Leave).then_some(Self::Leave),
        }
    }
}

#[derive(Serialize)]
struct Outgoing<'a> {
    #[serde(rename = "type")]
    kind: RelayKind,
    src: &'a str,
    dst: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<&'a RawValue>,
}

impl Outgoing<'_> {
    fn frame(&self) -> Utf8Bytes {
        // Strings and JSON that was read before: there is nothing that could have no JSON.
        serde_json::to_string(self).unwrap_or_default().into()
    }
}

impl Relay<'_> {
    /// The frame for its receiver, who learns from the server whom it is from.
    pub(crate) fn frame(&self, src: &str) -> Utf8Bytes {
        Outgoing { kind: self.kind, src, dst: &self.dst, payload: self.payload }.frame()
    }
}

/// Tells the client `dst` that its messages to `src` found nobody.
pub(crate) fn expire(src: &str, dst: &str) -> Utf8Bytes {
    Outgoing { kind: RelayKind::Expire, src, dst, payload: None }.frame()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn relayed(text: &str) -> Option<String> {
        match Frame::parse(text.as_bytes())? {
            Frame::Relay(relay) => Some(relay.frame("ann").as_str().to_owned()),
            other => Some(format!("{other:?}")),
        }
    }

    #[test]
    fn what_is_relayed_has_four_keys_and_the_true_sender() {
        let sent = r#"{"payload":{"sdp":"\ud800 ü", "n": 1.50},"dst":"bob","src":"eve","type":"OFFER","more":1}"#;
        let got = r#"{"type":"OFFER","src":"ann","dst":"bob","payload":{"sdp":"\ud800 ü", "n": 1.50}}"#;
        assert_eq!(relayed(sent).unwrap(), got);
        let bare = relayed(r#"{"type":"LEAVE","dst":"b\"ob"}"#).unwrap();
        assert_eq!(bare, r#"{"type":"LEAVE","src":"ann","dst":"b\"ob"}"#);
        let null = relayed(r#"{"type":"ANSWER","dst":"bob","payload":null}"#).unwrap();
        assert_eq!(null, r#"{"type":"ANSWER","src":"ann","dst":"bob","payload":null}"#);
        assert_eq!(expire("ghost", "c").as_str(), r#"{"type":"EXPIRE","src":"ghost","dst":"c"}"#);
    }

    #[test]
    fn what_is_to_nobody_or_of_no_known_type_is_dropped() {
        for text in [
            r#"{"type":"OFFER"}"#,
            r#"{"type":"CANDIDATE","dst":""}"#,
            r#"{"type":"OFFER","dst":null}"#,
            r#"{"type":"EXPIRE","dst":"bob"}"#,
            r#"{"type":"OPEN","dst":"bob"}"#,
            r#"{"type":7,"dst":"bob"}"#,
            "null",
            "7",
            "[]",
            r#"["OFFER","bob",1]"#,
            r#"["LEAVE"]"#,
            r#" ["HEARTBEAT",null,null]"#,
            "",
            "{",
        ] {
            assert_eq!(relayed(text), None, "{text}");
        }
        assert_eq!(relayed(r#"{"type":"LEAVE"}"#).unwrap(), "Leave");
        assert_eq!(relayed("\n\t {\"type\":\"LEAVE\"}").unwrap(), "Leave");
        assert_eq!(relayed(r#"{"type":"HEARTBEAT"}"#).unwrap(), "Heartbeat");
    }
}

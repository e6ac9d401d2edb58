//! The frames of `/v1`: one JSON object with a `type` each.

use crate::name;
use serde::Serialize;
use serde_json::{Map, Value};

/// A frame to the server.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub(crate) enum ClientFrame<'a> {
    #[serde(rename_all = "camelCase")]
    Subscribe {
        channel: &'a str,
        request_id: &'a str,
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        include_sender_metadata: bool,
    },
    #[serde(rename_all = "camelCase")]
    Unsubscribe {
        channel: &'a str,
        request_id: &'a str,
    },
    #[serde(rename_all = "camelCase")]
    Publish {
        channel: &'a str,
        data: &'a Value,
        request_id: &'a str,
    },
    #[serde(rename_all = "camelCase")]
    Send {
        to: &'a str,
        data: &'a Value,
        request_id: &'a str,
    },
    Ping,
}

impl ClientFrame<'_> {
    /// The frame as text.
    pub(crate) fn to_json(&self) -> String {
        // It has string keys only, so it can be written.
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// What the server says first.
#[derive(Debug, Clone, PartialEq)]
pub struct Welcome {
    /// The id of this client among its peers: the token's `sub`, or one that the server made for this connection.
    pub peer_id: String,
    /// When the token ends, in seconds since 1970; `None` for keys.
    pub expires_at: Option<f64>,
    /// The server's clock, in seconds since 1970.
    pub server_time: f64,
    /// Largest `data` that the server takes, in bytes of JSON.
    pub max_message_size: usize,
    /// The token's `metadata`, which only its owner sees.
    pub metadata: Option<Map<String, Value>>,
}

/// Somebody in a channel.
#[derive(Debug, Clone, PartialEq)]
pub struct PeerInfo {
    /// Its id.
    pub peer_id: String,
    /// Its token's `peerMetadata`.
    pub metadata: Option<Map<String, Value>>,
}

/// A frame of the server.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum ServerFrame {
    Welcome(Welcome),
    Ack { request_id: String },
    Error { request_id: Option<String>, code: String, message: String },
    Presence { channel: String, joined: Vec<PeerInfo>, left: Vec<String> },
    Message { channel: String, from: String, metadata: Option<Map<String, Value>>, data: Value },
    Direct { from: String, metadata: Option<Map<String, Value>>, data: Value },
    GoingAway { retry_after_ms: Option<u64> },
    Pong,
}

impl ServerFrame {
    /// Reads a frame. `None`: it is none, or lacks what one of its type must have, and is ignored as the SDK does.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let Value::Object(mut frame) = serde_json::from_str(text).ok()? else { return None };
        let kind = take_text(&mut frame, "type")?;
        Some(match kind.as_str() {
            "welcome" => Self::Welcome(welcome(&mut frame)?),
            "ack" => Self::Ack { request_id: take_text(&mut frame, "requestId")? },
            "error" => Self::Error {
                request_id: take_text(&mut frame, "requestId"),
                code: take_text(&mut frame, "code").filter(|code| !code.is_empty())?,
                message: take_text(&mut frame, "message").unwrap_or_default(),
            },
            "presence" => Self::Presence {
                channel: take_text(&mut frame, "channel")?,
                joined: peers(&mut frame, "joined")?,
                left: peers(&mut frame, "left")?.into_iter().map(|peer| peer.peer_id).collect(),
            },
            "message" => Self::Message {
                channel: take_text(&mut frame, "channel")?,
                from: take_text(&mut frame, "from")?,
                metadata: take_object(&mut frame, "fromMetadata"),
                data: frame.remove("data")?,
            },
            "direct" => Self::Direct {
                from: take_text(&mut frame, "from")?,
                metadata: take_object(&mut frame, "fromMetadata"),
                data: frame.remove("data")?,
            },
            "going_away" => Self::GoingAway { retry_after_ms: frame.get("retryAfterMs").and_then(Value::as_u64) },
            "pong" => Self::Pong,
            _ => return None,
        })
    }
}

fn welcome(frame: &mut Map<String, Value>) -> Option<Welcome> {
    let expires_at = match frame.get("expiresAt")? {
        Value::Null => None,
        Value::Number(seconds) => Some(seconds.as_f64()?),
        _ => return None,
    };
    let max_message_size = frame.get("maxMessageSize")?.as_f64()?;
    Some(Welcome {
        peer_id: take_text(frame, "peerId").filter(|id| name::is_peer_id(id))?,
        expires_at,
        server_time: frame.get("serverTime")?.as_f64()?,
        // Rounds down, and no number is out of range.
        max_message_size: max_message_size as usize,
        metadata: take_object(frame, "metadata"),
    })
}

/// One bad entry spoils the frame.
fn peers(frame: &mut Map<String, Value>, key: &str) -> Option<Vec<PeerInfo>> {
    let Value::Array(entries) = frame.remove(key)? else { return None };
    entries
        .into_iter()
        .map(|entry| {
            let Value::Object(mut entry) = entry else { return None };
            let metadata = take_object(&mut entry, "metadata");
            Some(PeerInfo { peer_id: take_text(&mut entry, "peerId")?, metadata })
        })
        .collect()
}

fn take_text(frame: &mut Map<String, Value>, key: &str) -> Option<String> {
    match frame.remove(key)? {
        Value::String(text) => Some(text),
        _ => None,
    }
}

fn take_object(frame: &mut Map<String, Value>, key: &str) -> Option<Map<String, Value>> {
    match frame.remove(key)? {
        Value::Object(object) => Some(object),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_sent_is_what_the_sdk_sends() {
        let frame = |frame: ClientFrame<'_>| serde_json::from_str::<Value>(&frame.to_json()).unwrap();
        let subscribe =
            |include_sender_metadata| ClientFrame::Subscribe { channel: "r", request_id: "1", include_sender_metadata };
        assert_eq!(frame(subscribe(false)), json!({ "type": "subscribe", "channel": "r", "requestId": "1" }));
        assert_eq!(frame(subscribe(true))["includeSenderMetadata"], true);
        assert_eq!(
            frame(ClientFrame::Unsubscribe { channel: "r", request_id: "1" }),
            json!({ "type": "unsubscribe", "channel": "r", "requestId": "1" })
        );
        assert_eq!(
            frame(ClientFrame::Publish { channel: "r", data: &Value::Null, request_id: "1" }),
            json!({ "type": "publish", "channel": "r", "data": null, "requestId": "1" })
        );
        assert_eq!(
            frame(ClientFrame::Send { to: "p", data: &json!({ "x": 1 }), request_id: "1" }),
            json!({ "type": "send", "to": "p", "data": { "x": 1 }, "requestId": "1" })
        );
        assert_eq!(frame(ClientFrame::Ping), json!({ "type": "ping" }));
    }

    #[test]
    fn frames_of_the_server_are_read() {
        let welcome = json!({ "type": "welcome", "peerId": "alice", "expiresAt": 1_796_058_983, "serverTime": 1_796_055_386,
            "maxMessageSize": 65536, "metadata": { "iceServers": [] } });
        let Some(ServerFrame::Welcome(welcome)) = ServerFrame::parse(&welcome.to_string()) else { panic!("a welcome") };
        assert_eq!(
            (welcome.peer_id.as_str(), welcome.expires_at, welcome.max_message_size),
            ("alice", Some(1_796_058_983.0), 65536)
        );
        assert!(welcome.metadata.is_some_and(|metadata| metadata.contains_key("iceServers")));
        let presence = json!({ "type": "presence", "channel": "r", "joined": [{ "peerId": "bob", "metadata": { "username": "BOB" } }],
            "left": [{ "peerId": "eve" }] });
        let Some(ServerFrame::Presence { joined, left, .. }) = ServerFrame::parse(&presence.to_string()) else {
            panic!("presence")
        };
        assert_eq!((joined[0].peer_id.as_str(), left.as_slice()), ("bob", ["eve".to_owned()].as_slice()));
        let message = json!({ "type": "message", "channel": "r", "from": "a", "fromMetadata": 3, "data": null });
        assert!(matches!(
            ServerFrame::parse(&message.to_string()),
            Some(ServerFrame::Message { metadata: None, data: Value::Null, .. })
        ));
        assert_eq!(ServerFrame::parse(r#"{"type":"pong"}"#), Some(ServerFrame::Pong));
        assert_eq!(
            ServerFrame::parse(r#"{"type":"going_away","retryAfterMs":1000}"#),
            Some(ServerFrame::GoingAway { retry_after_ms: Some(1000) })
        );
        let error = ServerFrame::parse(r#"{"type":"error","code":"internal_error"}"#);
        assert!(matches!(error, Some(ServerFrame::Error { request_id: None, .. })));
    }

    #[test]
    fn what_lacks_something_is_ignored() {
        for bad in [
            json!({ "type": "welcome", "peerId": "a", "serverTime": 1, "maxMessageSize": 1 }),
            json!({ "type": "welcome", "peerId": "", "expiresAt": null, "serverTime": 1, "maxMessageSize": 1 }),
            json!({ "type": "welcome", "peerId": "a", "expiresAt": "soon", "serverTime": 1, "maxMessageSize": 1 }),
            json!({ "type": "presence", "channel": "r", "joined": [] }),
            json!({ "type": "presence", "channel": "r", "joined": [{ "peerId": "a" }, {}], "left": [] }),
            json!({ "type": "message", "channel": "r", "from": "a" }),
            json!({ "type": "direct", "data": 1 }),
            json!({ "type": "error", "code": "" }),
            json!({ "type": "ack" }),
            json!({ "type": "other" }),
            json!([]),
        ] {
            assert_eq!(ServerFrame::parse(&bad.to_string()), None, "{bad}");
        }
        assert_eq!(ServerFrame::parse("{"), None);
    }
}

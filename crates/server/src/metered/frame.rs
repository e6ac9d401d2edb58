//! Frames between a client of Metered Realtime and the server: one JSON object each.

use confab_wire::limits;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use tokio_tungstenite::tungstenite::Utf8Bytes;

/// Largest `data`, as JSON: `maxMessageSize` of the welcome.
pub(crate) const DATA_BYTES: usize = 64 * 1024;
/// Longest name of a channel.
pub(crate) const CHANNEL_BYTES: usize = 256;
/// Longest `requestId`, in characters.
pub(crate) const REQUEST_ID_CHARS: usize = 128;
/// Beginnings of channels that are the service's own, in lower case.
const RESERVED: &[&str] = &["_metered/", "_internal/", "_system/"];

/// Why a frame is not obeyed: `code` of an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ErrorCode {
    Malformed,
    UnknownType,
    InvalidChannel,
    InvalidPeerId,
    ChannelNotAuthorized,
    ChannelReserved,
    ChannelLimit,
    PeerNotFound,
    MissingData,
    /// More than [`DATA_BYTES`]. Ours: the service closes.
    DataTooLarge,
    NotPermitted,
    OverQuota,
    /// The receiver takes nothing at the moment.
    Backend,
}

impl ErrorCode {
    /// The code on the wire.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Malformed => "malformed_message",
            Self::UnknownType => "unknown_type",
            Self::InvalidChannel => "invalid_channel",
            Self::InvalidPeerId => "invalid_peer_id",
            Self::ChannelNotAuthorized => "channel_not_authorized",
            Self::ChannelReserved => "channel_reserved",
            Self::ChannelLimit => "channel_limit_exceeded",
            Self::PeerNotFound => "peer_not_found",
            Self::MissingData => "missing_data",
            Self::DataTooLarge => "message_too_large",
            Self::NotPermitted => "action_not_permitted",
            Self::OverQuota => "over_message_quota",
            Self::Backend => "backend_error",
        }
    }
}

/// What a client asks for.
#[derive(Debug)]
pub(crate) enum Request<'a> {
    Subscribe { channel: String, with_metadata: bool },
    Unsubscribe { channel: String },
    Publish { channel: String, data: &'a RawValue },
    Send { to: String, data: &'a RawValue },
    Ping,
}

/// A frame of a client.
#[derive(Debug)]
pub(crate) struct ClientFrame<'a> {
    /// What its answer names; without one there is none, unless it is an error.
    pub(crate) request_id: Option<String>,
    pub(crate) request: Result<Request<'a>, ErrorCode>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Incoming<'a> {
    #[serde(rename = "type", default)]
    kind: Value,
    #[serde(default)]
    request_id: Value,
    #[serde(default)]
    channel: Value,
    #[serde(default)]
    to: Value,
    #[serde(default)]
    include_sender_metadata: Value,
    #[serde(borrow, default, deserialize_with = "present")]
    data: Option<&'a RawValue>,
}

/// `null` is data as well.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

impl<'a> ClientFrame<'a> {
    /// Reads a text frame.
    pub(crate) fn parse(text: &'a str) -> Self {
        let malformed = |request_id| Self { request_id, request: Err(ErrorCode::Malformed) };
        // An array of the values would be read as well.
        if !text.trim_start().starts_with('{') {
            return malformed(None);
        }
        let Ok(mut frame) = serde_json::from_str::<Incoming<'a>>(text) else { return malformed(None) };
        let request_id = match frame.request_id.take() {
            Value::Null => None,
            Value::String(id) if id.chars().count() <= REQUEST_ID_CHARS && !id.contains(char::is_control) => Some(id),
            _ => return malformed(None),
        };
        let Value::String(kind) = frame.kind.take() else { return malformed(request_id) };
        Self { request_id, request: frame.request(&kind) }
    }
}

impl<'a> Incoming<'a> {
    fn request(self, kind: &str) -> Result<Request<'a>, ErrorCode> {
        match kind {
            "subscribe" => {
                let with_metadata = match self.include_sender_metadata {
                    Value::Null => false,
                    Value::Bool(with) => with,
                    _ => return Err(ErrorCode::Malformed),
                };
                Ok(Request::Subscribe { channel: channel(self.channel)?, with_metadata })
            }
            "unsubscribe" => Ok(Request::Unsubscribe { channel: channel(self.channel)? }),
            "publish" => Ok(Request::Publish { channel: channel(self.channel)?, data: data(self.data)? }),
            "send" => {
                let to = named(self.to, limits::ID_BYTES).ok_or(ErrorCode::InvalidPeerId)?;
                Ok(Request::Send { to, data: data(self.data)? })
            }
            "ping" => Ok(Request::Ping),
            _ => Err(ErrorCode::UnknownType),
        }
    }
}

fn named(value: Value, most: usize) -> Option<String> {
    let Value::String(text) = value else { return None };
    (!text.is_empty() && text.len() <= most && !text.contains(char::is_control)).then_some(text)
}

fn channel(value: Value) -> Result<String, ErrorCode> {
    let name = named(value, CHANNEL_BYTES).ok_or(ErrorCode::InvalidChannel)?;
    let lower = name.to_ascii_lowercase();
    if RESERVED.iter().any(|reserved| lower.starts_with(reserved)) {
        return Err(ErrorCode::ChannelReserved);
    }
    Ok(name)
}

fn data(data: Option<&RawValue>) -> Result<&RawValue, ErrorCode> {
    let data = data.ok_or(ErrorCode::MissingData)?;
    if data.get().len() > DATA_BYTES { Err(ErrorCode::DataTooLarge) } else { Ok(data) }
}

/// A peer, as presence names it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PeerEntry<'a> {
    pub(crate) peer_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) metadata: Option<&'a RawValue>,
}

/// A frame of the server.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case", rename_all_fields = "camelCase")]
pub(crate) enum ServerFrame<'a> {
    Welcome {
        peer_id: &'a str,
        /// Seconds since 1970, as the next one.
        expires_at: Option<u64>,
        server_time: u64,
        max_message_size: usize,
        #[serde(skip_serializing_if = "Option::is_none")]
        metadata: Option<&'a RawValue>,
    },
    Ack {
        request_id: &'a str,
    },
    Error {
        #[serde(skip_serializing_if = "Option::is_none")]
        request_id: Option<&'a str>,
        code: &'static str,
        message: &'static str,
    },
    Presence {
        channel: &'a str,
        joined: &'a [PeerEntry<'a>],
        left: &'a [PeerEntry<'a>],
    },
    Message {
        channel: &'a str,
        from: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        from_metadata: Option<&'a RawValue>,
        data: &'a RawValue,
    },
    Direct {
        from: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        from_metadata: Option<&'a RawValue>,
        data: &'a RawValue,
    },
    GoingAway {
        retry_after_ms: u64,
    },
    Pong,
}

impl ServerFrame<'_> {
    /// The text of the frame.
    pub(crate) fn text(&self) -> Utf8Bytes {
        // Strings, numbers and JSON that was read before: there is nothing that could have no JSON.
        serde_json::to_string(self).unwrap_or_default().into()
    }

    /// An error, whose message is its code once more.
    pub(crate) fn error(request_id: Option<&str>, code: ErrorCode) -> Utf8Bytes {
        ServerFrame::Error { request_id, code: code.as_str(), message: code.as_str() }.text()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> (Option<String>, Option<ErrorCode>) {
        let frame = ClientFrame::parse(text);
        (frame.request_id, frame.request.err())
    }

    #[test]
    fn frames_of_a_client_are_read_or_refused_with_a_code() {
        let long = format!(r#"{{"type":"subscribe","channel":"{}"}}"#, "x".repeat(CHANNEL_BYTES + 1));
        let large = format!(r#"{{"type":"publish","channel":"r","data":"{}"}}"#, "x".repeat(DATA_BYTES));
        for (text, code) in [
            ("", ErrorCode::Malformed),
            ("[]", ErrorCode::Malformed),
            (r#"["ping"]"#, ErrorCode::Malformed),
            ("{}", ErrorCode::Malformed),
            (r#"{"type":7}"#, ErrorCode::Malformed),
            (r#"{"type":"ping","requestId":7}"#, ErrorCode::Malformed),
            (r#"{"type":"sing"}"#, ErrorCode::UnknownType),
            (r#"{"type":"subscribe"}"#, ErrorCode::InvalidChannel),
            (r#"{"type":"subscribe","channel":""}"#, ErrorCode::InvalidChannel),
            (r#"{"type":"subscribe","channel":"a\u0085"}"#, ErrorCode::InvalidChannel),
            (&long, ErrorCode::InvalidChannel),
            (r#"{"type":"subscribe","channel":"_System/a"}"#, ErrorCode::ChannelReserved),
            (r#"{"type":"subscribe","channel":"a","includeSenderMetadata":1}"#, ErrorCode::Malformed),
            (r#"{"type":"publish","channel":"a"}"#, ErrorCode::MissingData),
            (&large, ErrorCode::DataTooLarge),
            (r#"{"type":"send","data":1}"#, ErrorCode::InvalidPeerId),
            (r#"{"type":"send","to":"b"}"#, ErrorCode::MissingData),
        ] {
            assert_eq!(refused(text), (None, Some(code)), "{}", &text[..text.len().min(80)]);
        }
        for text in [
            r#"{"type":"subscribe","channel":"a","requestId":"1","includeSenderMetadata":true}"#,
            r#"{"type":"unsubscribe","channel":"a","requestId":"1"}"#,
            r#"{"type":"publish","channel":"a","data":null,"requestId":"1"}"#,
            r#"{"type":"send","to":"b","data":{"a":[]},"requestId":"1"}"#,
            r#"{"type":"ping","requestId":"1"}"#,
        ] {
            assert_eq!(refused(text), (Some("1".to_owned()), None), "{text}");
        }
    }

    #[test]
    fn frames_of_the_server_are_those_of_the_service() {
        let data = RawValue::from_string(r#"{"x": 1}"#.into()).unwrap();
        let bob = [PeerEntry { peer_id: "bob", metadata: Some(&data) }];
        for (frame, text) in [
            (ServerFrame::Pong, r#"{"type":"pong"}"#),
            (ServerFrame::GoingAway { retry_after_ms: 1_000 }, r#"{"type":"going_away","retryAfterMs":1000}"#),
            (ServerFrame::Ack { request_id: "1" }, r#"{"type":"ack","requestId":"1"}"#),
            (
                ServerFrame::Presence { channel: "r", joined: &bob, left: &[] },
                r#"{"type":"presence","channel":"r","joined":[{"peerId":"bob","metadata":{"x": 1}}],"left":[]}"#,
            ),
            (
                ServerFrame::Message { channel: "r", from: "a", from_metadata: None, data: &data },
                r#"{"type":"message","channel":"r","from":"a","data":{"x": 1}}"#,
            ),
        ] {
            assert_eq!(frame.text().as_str(), text);
        }
        let error = ServerFrame::error(None, ErrorCode::PeerNotFound);
        assert_eq!(error.as_str(), r#"{"type":"error","code":"peer_not_found","message":"peer_not_found"}"#);
    }
}

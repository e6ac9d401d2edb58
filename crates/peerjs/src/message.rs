//! Messages between a client and a PeerServer, and through it between two clients.

use crate::id::ID_BYTES;
use confab_wire::limits;
use confab_wire::signaling::{Candidate, Description};
use serde::Deserialize;
use serde_json::{Value, json};

/// Largest message that is read, in bytes. Servers pass more on.
pub(crate) const MESSAGE_BYTES: usize = 1 << 20;
/// Longest label of a data connection (W3C webrtc-pc section 6.1).
const LABEL_BYTES: usize = 65_535;
/// Longest text of a server's refusal that is kept, in characters.
const REFUSAL_CHARS: usize = 500;

/// Which of the two a connection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ConnectionKind {
    Data,
    Media,
}

impl ConnectionKind {
    fn name(self) -> &'static str {
        match self {
            Self::Data => "data",
            Self::Media => "media",
        }
    }
}

/// What an offer says of its connection, beside the description.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Offered {
    pub(crate) kind: ConnectionKind,
    pub(crate) metadata: Option<Value>,
    pub(crate) label: Option<String>,
    pub(crate) reliable: bool,
    pub(crate) serialization: Option<String>,
}

/// A message that came.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Incoming {
    Open,
    Error(String),
    IdTaken,
    InvalidKey,
    Leave { src: String },
    Expire { src: String },
    Offer { src: String, connection: String, description: Description, offered: Offered },
    Answer { src: String, connection: String, description: Description },
    Candidate { src: String, connection: String, candidate: Candidate },
}

#[derive(Deserialize)]
struct Envelope {
    #[serde(rename = "type")]
    kind: String,
    src: Option<String>,
    payload: Option<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Payload {
    #[serde(rename = "type")]
    kind: Option<String>,
    connection_id: String,
    sdp: Option<Description>,
    candidate: Option<Candidate>,
    metadata: Option<Value>,
    label: Option<String>,
    reliable: Option<bool>,
    serialization: Option<String>,
}

/// Reads a message. `None` for what has no meaning: it is dropped, as servers and clients do.
pub(crate) fn parse(text: &str) -> Option<Incoming> {
    if text.len() > MESSAGE_BYTES {
        return None;
    }
    let Envelope { kind, src, payload } = serde_json::from_str(text).ok()?;
    let src = src.filter(|src| !src.is_empty() && src.len() <= ID_BYTES);
    match kind.as_str() {
        "OPEN" => Some(Incoming::Open),
        "ID-TAKEN" => Some(Incoming::IdTaken),
        "INVALID-KEY" => Some(Incoming::InvalidKey),
        "ERROR" => {
            let text = payload.as_ref().and_then(|payload| payload["msg"].as_str()).unwrap_or_default();
            Some(Incoming::Error(text.chars().take(REFUSAL_CHARS).collect()))
        }
        "LEAVE" => src.map(|src| Incoming::Leave { src }),
        "EXPIRE" => src.map(|src| Incoming::Expire { src }),
        "OFFER" | "ANSWER" | "CANDIDATE" => relayed(&kind, src?, serde_json::from_value(payload?).ok()?),
        _ => None,
    }
}

fn relayed(kind: &str, src: String, payload: Payload) -> Option<Incoming> {
    let connection = Some(payload.connection_id).filter(|id| !id.is_empty() && id.len() <= ID_BYTES)?;
    if kind == "CANDIDATE" {
        let candidate = payload.candidate.filter(|candidate| candidate.candidate.len() <= limits::CANDIDATE_BYTES)?;
        return Some(Incoming::Candidate { src, connection, candidate });
    }
    let description = payload.sdp.filter(|description| description.sdp.len() <= limits::SDP_BYTES)?;
    let expected = if kind == "OFFER" { "offer" } else { "answer" };
    if description.kind != expected {
        return None;
    }
    if kind == "ANSWER" {
        return Some(Incoming::Answer { src, connection, description });
    }
    let offered = Offered {
        kind: match payload.kind.as_deref() {
            Some("data") => ConnectionKind::Data,
            Some("media") => ConnectionKind::Media,
            _ => return None,
        },
        metadata: payload.metadata,
        label: payload.label.filter(|label| label.len() <= LABEL_BYTES),
        reliable: payload.reliable.unwrap_or_default(),
        serialization: payload.serialization,
    };
    Some(Incoming::Offer { src, connection, description, offered })
}

/// The offer of a connection.
pub(crate) fn offer(dst: &str, connection: &str, description: &Description, offered: &Offered) -> String {
    let mut payload = json!({ "sdp": description, "type": offered.kind.name(), "connectionId": connection });
    if let Some(metadata) = &offered.metadata {
        payload["metadata"] = metadata.clone();
    }
    if offered.kind == ConnectionKind::Data {
        payload["label"] = json!(offered.label);
        payload["reliable"] = json!(offered.reliable);
        payload["serialization"] = json!(offered.serialization);
    }
    json!({ "type": "OFFER", "payload": payload, "dst": dst }).to_string()
}

/// The answer of a connection.
pub(crate) fn answer(dst: &str, connection: &str, description: &Description, kind: ConnectionKind) -> String {
    let payload = json!({ "sdp": description, "type": kind.name(), "connectionId": connection });
    json!({ "type": "ANSWER", "payload": payload, "dst": dst }).to_string()
}

/// A candidate of a connection.
pub(crate) fn candidate(dst: &str, connection: &str, candidate: &Candidate, kind: ConnectionKind) -> String {
    let payload = json!({ "candidate": candidate, "type": kind.name(), "connectionId": connection });
    json!({ "type": "CANDIDATE", "payload": payload, "dst": dst }).to_string()
}

/// What keeps an id alive.
pub(crate) const HEARTBEAT: &str = r#"{"type":"HEARTBEAT"}"#;

#[cfg(test)]
mod tests {
    use super::*;

    fn description(kind: &str) -> Description {
        Description { kind: kind.to_owned(), sdp: "v=0\r\n".to_owned() }
    }

    #[test]
    fn an_offer_reads_as_it_was_written() {
        let offered = Offered {
            kind: ConnectionKind::Data,
            metadata: Some(json!({ "who": "ann", "n": [1, null] })),
            label: Some("files".to_owned()),
            reliable: true,
            serialization: Some("binary".to_owned()),
        };
        let text = offer("bob", "dc_1", &description("offer"), &offered);
        let mut message: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(
            message,
            json!({ "type": "OFFER", "dst": "bob", "payload": { "sdp": { "type": "offer", "sdp": "v=0\r\n" },
                "type": "data", "connectionId": "dc_1", "metadata": { "who": "ann", "n": [1, null] },
                "label": "files", "reliable": true, "serialization": "binary" } })
        );
        message["src"] = json!("ann");
        let (src, connection) = ("ann".to_owned(), "dc_1".to_owned());
        let expected = Incoming::Offer { src, connection, description: description("offer"), offered };
        assert_eq!(parse(&message.to_string()), Some(expected));
    }

    #[test]
    fn a_media_offer_has_no_properties_of_data() {
        let offered =
            Offered { kind: ConnectionKind::Media, metadata: None, label: None, reliable: false, serialization: None };
        let text = offer("bob", "mc_1", &description("offer"), &offered);
        let message: Value = serde_json::from_str(&text).unwrap();
        let names: Vec<_> = message["payload"].as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(names, ["connectionId", "sdp", "type"]);
    }

    #[test]
    fn captured_messages_are_read() {
        let text = r#"{"type":"CANDIDATE","payload":{"candidate":{"candidate":"candidate:1 1 udp 2 192.0.2.7 3 typ host",
            "sdpMid":"0","sdpMLineIndex":0,"usernameFragment":"QQc7"},"type":"data","connectionId":"dc_k"},"src":"ann","dst":"bob"}"#;
        let Some(Incoming::Candidate { src, connection, candidate }) = parse(text) else { panic!("not read") };
        assert_eq!((src.as_str(), connection.as_str(), candidate.sdp_mid.as_deref()), ("ann", "dc_k", Some("0")));
        assert_eq!(parse(r#"{"type":"OPEN"}"#), Some(Incoming::Open));
        assert_eq!(
            parse(r#"{"type":"ERROR","payload":{"msg":"Invalid key provided"}}"#),
            Some(Incoming::Error("Invalid key provided".to_owned()))
        );
        assert_eq!(parse(r#"{"type":"ERROR"}"#), Some(Incoming::Error(String::new())));
        assert_eq!(
            parse(r#"{"type":"EXPIRE","src":"ghost","dst":"c"}"#),
            Some(Incoming::Expire { src: "ghost".to_owned() })
        );
    }

    #[test]
    fn what_has_no_meaning_is_dropped() {
        let wrong_kind = r#"{"type":"OFFER","src":"a","payload":{"sdp":{"type":"answer","sdp":"v=0"},"type":"data","connectionId":"x"}}"#;
        let other_type = r#"{"type":"OFFER","src":"a","payload":{"sdp":{"type":"offer","sdp":"v=0"},"type":"other","connectionId":"x"}}"#;
        for text in ["", "null", "7", "{}", r#"{"type":"OFFER"}"#, r#"{"type":"LEAVE"}"#, r#"{"type":"FLY","src":"a"}"#]
        {
            assert_eq!(parse(text), None, "{text}");
        }
        assert_eq!((parse(wrong_kind), parse(other_type)), (None, None));
        let long = format!(r#"{{"type":"LEAVE","src":"{}"}}"#, "a".repeat(MESSAGE_BYTES));
        assert_eq!(parse(&long), None);
    }
}

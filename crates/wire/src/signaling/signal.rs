//! The signals that the server relays between two peers: descriptions, candidates, and questions about streams.

use crate::limits;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

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
}

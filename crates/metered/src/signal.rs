//! What travels inside `send` and `direct` between two peers: descriptions, candidates and metadata of tracks.

use crate::limits;
use confab_transport::TrackDescription;
use confab_wire::media::MediaKind;
use confab_wire::signaling::{Candidate, Description};
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// A signal of the dialect.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Signal {
    Description(Description),
    /// `None` ends the candidates.
    Candidate(Option<Candidate>),
    /// Without metadata: what was said of the track before does not hold any more.
    TrackMetadata(TrackDescription),
}

/// What a payload is.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Payload {
    Signal(Signal),
    /// A signal that can't be read or is over the bounds: dropped.
    Unusable,
    /// Data of the application.
    Data,
}

impl Payload {
    /// Looks at a payload.
    pub(crate) fn of(data: &Value) -> Self {
        match Signal::parse(data) {
            Some(Some(signal)) => Self::Signal(signal),
            Some(None) => Self::Unusable,
            None => Self::Data,
        }
    }
}

impl Signal {
    /// `None`: it is no signal. `Some(None)`: it is one of no use.
    fn parse(data: &Value) -> Option<Option<Self>> {
        let data = data.as_object()?;
        if let Some(body) = data.get("__meteredTrackMeta") {
            let description = track_metadata(body.as_object()?)?;
            let too_large = json_bytes(&description.metadata) > limits::METADATA_BYTES;
            return Some((!too_large).then_some(Self::TrackMetadata(description)));
        }
        match data.get("type")?.as_str()? {
            "rtc-description" => {
                let description = description(data.get("description")?.as_object()?)?;
                let too_large = description.sdp.len() > confab_wire::limits::SDP_BYTES;
                Some((!too_large).then_some(Self::Description(description)))
            }
            "rtc-ice" => match data.get("candidate")? {
                Value::Null => Some(Some(Self::Candidate(None))),
                candidate @ Value::Object(_) => {
                    let candidate = Candidate::deserialize(candidate).ok().filter(fits);
                    Some(candidate.map(|candidate| Self::Candidate(Some(candidate))))
                }
                _ => None,
            },
            _ => None,
        }
    }

    /// The signal as a payload.
    pub(crate) fn to_json(&self) -> Value {
        match self {
            Self::Description(Description { kind, sdp }) => {
                json!({ "type": "rtc-description", "description": { "type": kind, "sdp": sdp } })
            }
            Self::Candidate(candidate) => json!({ "type": "rtc-ice", "candidate": candidate }),
            Self::TrackMetadata(TrackDescription { track, stream, kind, metadata }) => {
                let mut body = json!({ "trackId": track });
                if let Some(metadata) = metadata {
                    body["metadata"] = Value::Object(metadata.clone());
                }
                if let Some(stream) = stream {
                    body["streamId"] = json!(stream);
                }
                if let Some(kind) = kind {
                    body["kind"] = json!(if *kind == MediaKind::Video { "video" } else { "audio" });
                }
                json!({ "__meteredTrackMeta": body })
            }
        }
    }
}

fn description(body: &Map<String, Value>) -> Option<Description> {
    let kind = body.get("type")?.as_str().filter(|kind| matches!(*kind, "offer" | "answer"))?;
    Some(Description { kind: kind.to_owned(), sdp: body.get("sdp")?.as_str()?.to_owned() })
}

/// The bounds of a candidate's texts.
fn fits(candidate: &Candidate) -> bool {
    let fits = |text: &str| text.len() <= limits::CANDIDATE_BYTES;
    fits(&candidate.candidate)
        && candidate.sdp_mid.as_deref().is_none_or(fits)
        && candidate.username_fragment.as_deref().is_none_or(fits)
}

fn track_metadata(body: &Map<String, Value>) -> Option<TrackDescription> {
    let track = body.get("trackId")?.as_str().filter(|id| !id.is_empty())?;
    let metadata = match body.get("metadata") {
        None => None,
        Some(Value::Object(metadata)) => Some(metadata.clone()),
        Some(_) => return None,
    };
    // The Python client's additions.
    let kind = match body.get("kind").and_then(Value::as_str) {
        Some("video") => Some(MediaKind::Video),
        Some("audio") => Some(MediaKind::Audio),
        _ => None,
    };
    let stream = body.get("streamId").and_then(Value::as_str).map(str::to_owned);
    Some(TrackDescription { track: track.to_owned(), stream, kind, metadata })
}

/// Bytes of a value as JSON.
pub(crate) fn json_bytes(value: &impl serde::Serialize) -> usize {
    struct Count(usize);
    impl std::io::Write for Count {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut count = Count(0);
    // Counting does not fail, and JSON values can be written.
    serde_json::to_writer(&mut count, value).ok();
    count.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_are_what_the_sdk_sends() {
        let offer = json!({ "type": "rtc-description", "description": { "type": "offer", "sdp": "v=0" } });
        let candidate = json!({ "type": "rtc-ice", "candidate": { "candidate": "candidate:1", "sdpMid": "0", "sdpMLineIndex": 0,
            "usernameFragment": "Az9B" } });
        let end = json!({ "type": "rtc-ice", "candidate": null });
        let metadata = json!({ "__meteredTrackMeta": { "trackId": "t", "metadata": { "role": "camera" } } });
        let clear = json!({ "__meteredTrackMeta": { "trackId": "t" } });
        let python =
            json!({ "__meteredTrackMeta": { "trackId": "t", "kind": "video", "streamId": "s", "metadata": {} } });
        for signal in [offer, candidate, end, metadata, clear, python] {
            let Payload::Signal(parsed) = Payload::of(&signal) else { panic!("{signal} is a signal") };
            assert_eq!(parsed.to_json(), signal);
        }
    }

    #[test]
    fn anything_else_is_data() {
        for data in [
            json!(null),
            json!("rtc-ice"),
            json!({ "type": "rtc-description" }),
            json!({ "type": "rtc-description", "description": { "type": "rollback", "sdp": "" } }),
            json!({ "type": "rtc-ice", "candidate": "candidate:1" }),
            json!({ "type": "rtc-ice" }),
            json!({ "__meteredTrackMeta": { "trackId": "" } }),
            json!({ "__meteredTrackMeta": { "trackId": "t", "metadata": 3 } }),
            json!({ "type": "chat", "text": "hello" }),
        ] {
            assert_eq!(Payload::of(&data), Payload::Data, "{data}");
        }
    }

    #[test]
    fn a_candidate_over_the_bounds_is_no_candidate_and_no_data() {
        let long = json!({ "type": "rtc-ice", "candidate": { "candidate": "x".repeat(1001) } });
        assert_eq!(Payload::of(&long), Payload::Unusable);
        assert_eq!(Payload::of(&json!({ "type": "rtc-ice", "candidate": { "candidate": 3 } })), Payload::Unusable);
        let long = json!({ "__meteredTrackMeta": { "trackId": "t", "metadata": { "x": "x".repeat(9000) } } });
        assert_eq!(Payload::of(&long), Payload::Unusable);
    }

    #[test]
    fn json_is_counted_in_utf8() {
        assert_eq!(json_bytes(&json!({ "é": "\n" })), r#"{"é":"\n"}"#.len());
    }
}

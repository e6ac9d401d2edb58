//! Envelopes on the `rtcio:ctrl` data channel (protocol sections 3 and 5).

use crate::layers::RenderedSize;
use crate::limits;
use crate::signaling::INTERNAL_PREFIX;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Label of the built-in channel; its SCTP stream id is 0.
pub const CTRL_LABEL: &str = "rtcio:ctrl";
/// Label prefix of named channels.
pub const CHANNEL_PREFIX: &str = "rtcio:ch:";
/// Fires when `ctrl` to a peer is open.
pub const PEER_CONNECT: &str = "peer-connect";
/// Fires when a peer that had connected is gone.
pub const PEER_DISCONNECT: &str = "peer-disconnect";
/// Fires for each further track of a known remote stream.
pub const TRACK_ADDED: &str = "track-added";
/// Fires when a remote track ends.
pub const TRACK_REMOVED: &str = "track-removed";
/// Ours only, on `ctrl` (a stock peer drops it with a warning): from now on the sender is known under another id, its
/// only argument, because its signaling connection came back without the old one. The receiver closes the connection on
/// which it came once it has one to the new id.
pub const RENAMED: &str = "#rtcio:renamed";
/// Ours only, on `ctrl`, and only to a peer whose descriptions have [`TOOL_LINE`]: the size at which the sender renders a
/// video that it receives. Its only argument is a [`RenderedSizeNote`].
pub const RENDERED_SIZE: &str = "#rtcio:drawn";
/// The line of ours in the session part of a description (RFC 8866 section 6.4): the program knows [`RENDERED_SIZE`]. A
/// browser reads over it.
pub const TOOL_LINE: &str = "a=tool:confab";
/// What stands in an argument array where the stream object was; the stream's UUID follows.
pub const STREAM_PLACEHOLDER: &str = "[RTCIOStream] ";

/// True if only the library itself may fire `event`.
pub fn is_reserved(event: &str) -> bool {
    event.starts_with(INTERNAL_PREFIX) || [PEER_CONNECT, PEER_DISCONNECT, TRACK_ADDED, TRACK_REMOVED].contains(&event)
}

/// The argument of [`RENDERED_SIZE`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RenderedSizeNote {
    /// The m-line of the video, by its `a=mid`.
    pub mid: String,
    /// How large it is rendered.
    #[serde(flatten)]
    pub size: RenderedSize,
}

impl RenderedSizeNote {
    /// The note as a text frame.
    pub fn to_text(&self) -> String {
        serde_json::json!({ "e": RENDERED_SIZE, "d": [self] }).to_string()
    }

    /// The note, if `text` is one.
    pub fn parse(text: &str) -> Option<Self> {
        let mut args = internal(text, RENDERED_SIZE)?;
        let note: Self = serde_json::from_value(args.pop()?).ok()?;
        (args.is_empty() && !note.mid.is_empty()).then_some(note)
    }
}

/// Arguments of an event of ours on `ctrl`, if `text` is that event.
fn internal(text: &str, event: &str) -> Option<Vec<Value>> {
    if text.len() > 2 * limits::ID_BYTES {
        return None;
    }
    let envelope: Envelope = serde_json::from_str(text).ok()?;
    (envelope.event == event).then_some(envelope.args)
}

/// A text frame: `{ "e": event, "d": [args…] }`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Envelope {
    /// Event name.
    #[serde(rename = "e")]
    pub event: String,
    /// Arguments; anything but an array counts as none, as in rtc.io.
    #[serde(rename = "d", default, deserialize_with = "array_or_none")]
    pub args: Vec<Value>,
}

fn array_or_none<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<Value>, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::Array(args) => args,
        _ => Vec::new(),
    })
}

/// Why a frame on `ctrl` is dropped.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    /// Over [`limits::CTRL_FRAME_BYTES`].
    #[error("the frame has {0} bytes, more than a ctrl frame may have")]
    TooLarge(usize),
    /// Not an envelope.
    #[error("the frame is no {{ e, d }} envelope")]
    Shape,
    /// An event that only the library may fire.
    #[error("the event name is reserved")]
    Reserved,
    /// An event name over [`limits::EVENT_NAME_BYTES`].
    #[error("the event name is too long")]
    Name,
}

impl Envelope {
    /// Parses a text frame that came from a peer.
    pub fn parse(text: &str) -> Result<Self, EnvelopeError> {
        if text.len() > limits::CTRL_FRAME_BYTES {
            return Err(EnvelopeError::TooLarge(text.len()));
        }
        let envelope: Envelope = serde_json::from_str(text).map_err(|_| EnvelopeError::Shape)?;
        envelope.check()
    }

    /// The new id, if `text` is a [`RENAMED`] note.
    pub fn renamed(text: &str) -> Option<String> {
        match internal(text, RENAMED)?.as_slice() {
            [Value::String(id)] if !id.is_empty() && id.len() <= limits::ID_BYTES => Some(id.clone()),
            _ => None,
        }
    }

    /// Checks an envelope before it is sent and after it was received.
    pub fn check(self) -> Result<Self, EnvelopeError> {
        if is_reserved(&self.event) {
            return Err(EnvelopeError::Reserved);
        }
        if self.event.len() > limits::EVENT_NAME_BYTES {
            return Err(EnvelopeError::Name);
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_envelope_is_read_and_written_as_rtc_io_does() {
        let envelope = Envelope::parse(r#"{"e":"chat","d":["hi",1]}"#).unwrap();
        assert_eq!(envelope.args, vec![json!("hi"), json!(1)]);
        assert_eq!(serde_json::to_string(&envelope).unwrap(), r#"{"e":"chat","d":["hi",1]}"#);
        assert_eq!(Envelope::parse(r#"{"e":"chat","d":"no array"}"#).unwrap().args, Vec::<Value>::new());
        assert_eq!(Envelope::parse(r#"{"e":"chat"}"#).unwrap().args, Vec::<Value>::new());
    }

    #[test]
    fn the_note_of_a_new_id_is_told_from_all_else() {
        assert_eq!(Envelope::renamed(r##"{"e":"#rtcio:renamed","d":["new"]}"##).as_deref(), Some("new"));
        for other in [
            r##"{"e":"#rtcio:renamed","d":[]}"##,
            r##"{"e":"#rtcio:renamed","d":[""]}"##,
            r##"{"e":"#rtcio:renamed","d":["a","b"]}"##,
            r#"{"e":"renamed","d":["new"]}"#,
            "rubbish",
            &json!({ "e": RENAMED, "d": ["x".repeat(limits::ID_BYTES + 1)] }).to_string(),
        ] {
            assert_eq!(Envelope::renamed(other), None, "{other}");
        }
    }

    #[test]
    fn how_a_video_is_drawn_is_told_from_all_else() {
        let note = RenderedSizeNote { mid: "3".into(), size: RenderedSize { width: 320, height: 180 } };
        assert_eq!(note.to_text(), r##"{"d":[{"height":180,"mid":"3","width":320}],"e":"#rtcio:drawn"}"##);
        assert_eq!(RenderedSizeNote::parse(&note.to_text()), Some(note));
        assert!(RenderedSize::HIDDEN.is_hidden());
        for other in [
            r##"{"e":"#rtcio:drawn","d":[]}"##,
            r##"{"e":"#rtcio:drawn","d":[{"mid":"3","width":-1,"height":5}]}"##,
            r##"{"e":"#rtcio:drawn","d":[{"mid":"3","width":70000,"height":5}]}"##,
            r##"{"e":"#rtcio:drawn","d":[{"mid":"","width":7,"height":5}]}"##,
            r##"{"e":"#rtcio:drawn","d":[1,{"mid":"3","width":7,"height":5}]}"##,
            r##"{"e":"drawn","d":[{"mid":"3","width":7,"height":5}]}"##,
            "rubbish",
        ] {
            assert_eq!(RenderedSizeNote::parse(other), None, "{other}");
        }
    }

    #[test]
    fn what_a_peer_must_not_send_is_refused() {
        for reserved in
            ["#rtcio:message", "#rtcio:x", "peer-connect", "peer-disconnect", "track-added", "track-removed"]
        {
            let text = json!({ "e": reserved, "d": [] }).to_string();
            assert_eq!(Envelope::parse(&text), Err(EnvelopeError::Reserved));
        }
        for rubbish in ["", "[]", "{", "{\"e\":1}", "null", "{\"d\":[]}"] {
            assert_eq!(Envelope::parse(rubbish), Err(EnvelopeError::Shape), "{rubbish}");
        }
        let big = json!({ "e": "x", "d": ["y".repeat(limits::CTRL_FRAME_BYTES)] }).to_string();
        assert_eq!(Envelope::parse(&big), Err(EnvelopeError::TooLarge(big.len())));
    }
}

//! Which streams of a remote were announced.

use super::RemotePeerEvent;
use crate::peer::placeholder;
use crate::{RemoteStream, RemoteTrack};
use serde_json::{Map, Value};
use std::collections::HashMap;

/// Streams of one connection by MediaStream id. Bounded by [`confab_wire::limits::STREAMS_PER_PEER`], which the
/// receiving side of a connection keeps.
#[derive(Debug, Default)]
pub(super) struct Streams {
    known: HashMap<String, Known>,
}

#[derive(Debug, Default)]
struct Known {
    tracks: usize,
    announced: bool,
    metadata: Option<Map<String, Value>>,
}

impl Streams {
    /// `track`, and `stream-added` where nothing is left to wait for.
    pub(super) fn track_added(&mut self, stream: &RemoteStream, track: &RemoteTrack) -> Vec<RemotePeerEvent> {
        let known = self.known.entry(stream.msid.clone()).or_default();
        known.tracks += 1;
        let metadata = known.metadata.clone();
        let mut events =
            vec![RemotePeerEvent::Track { stream: stream.clone(), track: track.clone(), metadata: metadata.clone() }];
        // A stream that came back, or one that nobody will name: the track has none on the wire.
        let complete = stream.id.is_some() || stream.msid.starts_with(&format!("{}:", stream.peer));
        if complete && !std::mem::replace(&mut known.announced, true) {
            events.push(RemotePeerEvent::StreamAdded { stream: stream.clone(), metadata });
        }
        events
    }

    pub(super) fn told(&mut self, stream: &RemoteStream, events: &[(String, Vec<Value>)]) -> Option<RemotePeerEvent> {
        let known = self.known.get_mut(&stream.msid)?;
        known.metadata = events.iter().find_map(|(_, args)| metadata(args));
        if known.tracks == 0 || std::mem::replace(&mut known.announced, true) {
            return None;
        }
        Some(RemotePeerEvent::StreamAdded { stream: stream.clone(), metadata: known.metadata.clone() })
    }

    pub(super) fn track_removed(&mut self, stream: &RemoteStream) -> Option<RemotePeerEvent> {
        let known = self.known.get_mut(&stream.msid)?;
        known.tracks = known.tracks.saturating_sub(1);
        if known.tracks > 0 || !std::mem::take(&mut known.announced) {
            return None;
        }
        Some(RemotePeerEvent::StreamRemoved { stream: stream.clone() })
    }
}

/// The first argument that is an object, without placeholders.
fn metadata(args: &[Value]) -> Option<Map<String, Value>> {
    let mut metadata = args.iter().find_map(Value::as_object)?.clone();
    metadata.retain(|_, value| !(value.is_string() && placeholder(value).is_some()));
    Some(metadata)
}

#[cfg(test)]
mod tests {
    use super::*;
    use confab_wire::media::MediaKind;
    use serde_json::json;

    fn stream(id: Option<&str>) -> RemoteStream {
        RemoteStream { id: id.map(str::to_owned), msid: "s".into(), peer: "p".into() }
    }

    fn track() -> RemoteTrack {
        RemoteTrack::new("t".into(), "s".into(), MediaKind::Video, Default::default(), &std::sync::Arc::default()).0
    }

    #[test]
    fn a_stream_is_added_once_with_what_stands_beside_it() {
        let mut streams = Streams::default();
        assert_eq!(streams.track_added(&stream(None), &track()).len(), 1);
        let events = vec![("camera".to_owned(), vec![json!({ "stream": "[RTCIOStream] u", "name": "Ann" })])];
        let Some(RemotePeerEvent::StreamAdded { metadata, .. }) = streams.told(&stream(Some("u")), &events) else {
            panic!("not added")
        };
        assert_eq!(metadata, json!({ "name": "Ann" }).as_object().cloned());
        assert!(streams.told(&stream(Some("u")), &events).is_none());
        assert_eq!(streams.track_added(&stream(Some("u")), &track()).len(), 1);
        assert!(streams.track_removed(&stream(Some("u"))).is_none());
        assert!(matches!(streams.track_removed(&stream(Some("u"))), Some(RemotePeerEvent::StreamRemoved { .. })));
        // It comes back under the same id, and is added again.
        assert_eq!(streams.track_added(&stream(Some("u")), &track()).len(), 2);
    }

    #[test]
    fn metadata_is_the_first_object_wherever_the_stream_stands() {
        assert_eq!(metadata(&[json!("[RTCIOStream] u"), json!({ "a": 1 })]), json!({ "a": 1 }).as_object().cloned());
        assert_eq!(metadata(&[json!("[RTCIOStream] u")]), None);
    }
}

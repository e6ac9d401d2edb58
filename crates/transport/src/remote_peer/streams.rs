//! Which streams of a remote were announced, and what is known about them.

use super::events::RemotePeerEvent;
use crate::receive::remote_track::{RemoteStream, RemoteTrack};
use confab_wire::limits;
use serde_json::{Map, Value};
use std::collections::HashMap;

/// Streams of one connection by MediaStream id.
#[derive(Debug, Default)]
pub(super) struct Streams {
    /// A stream is announced once it is described.
    describes: bool,
    known: HashMap<String, Known>,
}

#[derive(Debug, Default)]
struct Known {
    id: Option<String>,
    named: bool,
    tracks: usize,
    announced: bool,
    metadata: Option<Map<String, Value>>,
}

impl Streams {
    /// `describes`: a stream is announced once it is described.
    pub(super) fn new(describes: bool) -> Self {
        Self { describes, known: HashMap::new() }
    }

    /// Puts the owner's id into the stream, and gives `track`, and `stream-added` where nothing is left to wait for.
    /// `described`: what the remote says of the track itself.
    pub(super) fn track_added(
        &mut self,
        stream: &mut RemoteStream,
        track: &RemoteTrack,
        described: Option<Map<String, Value>>,
    ) -> Vec<RemotePeerEvent> {
        if self.known.len() >= limits::STREAMS_PER_PEER && !self.known.contains_key(&stream.msid) {
            self.known.retain(|_, known| known.tracks > 0);
        }
        let known = self.known.entry(stream.msid.clone()).or_default();
        known.named = stream.is_named();
        stream.id.clone_from(&known.id);
        known.tracks += 1;
        let metadata = described.or_else(|| known.metadata.clone());
        let mut events =
            vec![RemotePeerEvent::Track { stream: stream.clone(), track: track.clone(), metadata: metadata.clone() }];
        // A stream that came back, or one that nobody can describe.
        let complete = !self.describes || stream.id.is_some() || !known.named;
        if complete && !std::mem::replace(&mut known.announced, true) {
            events.push(RemotePeerEvent::StreamAdded { stream: stream.clone(), metadata });
        }
        events
    }

    /// The owner's description of a stream came. `None`: there is no such stream. Otherwise the stream, and `stream-added`
    /// if it was waited for.
    pub(super) fn described(
        &mut self,
        peer: &str,
        msid: &str,
        id: Option<String>,
        metadata: Option<Map<String, Value>>,
    ) -> Option<(RemoteStream, Option<RemotePeerEvent>)> {
        let known = self.known.get_mut(msid)?;
        known.id = id.or(known.id.take());
        known.metadata = metadata;
        let stream = RemoteStream { id: known.id.clone(), msid: msid.to_owned(), peer: peer.to_owned() };
        if known.tracks == 0 || std::mem::replace(&mut known.announced, true) {
            return Some((stream, None));
        }
        let added = RemotePeerEvent::StreamAdded { stream: stream.clone(), metadata: known.metadata.clone() };
        Some((stream, Some(added)))
    }

    /// Puts the owner's id into the stream, and gives `stream-removed` with its last track.
    pub(super) fn track_removed(&mut self, stream: &mut RemoteStream) -> Option<RemotePeerEvent> {
        let known = self.known.get_mut(&stream.msid)?;
        stream.id.clone_from(&known.id);
        known.tracks = known.tracks.saturating_sub(1);
        if known.tracks > 0 || !std::mem::take(&mut known.announced) {
            return None;
        }
        Some(RemotePeerEvent::StreamRemoved { stream: stream.clone() })
    }

    /// Puts the owner's id into the stream, if that is known.
    pub(super) fn identify(&self, stream: &mut RemoteStream) {
        if let Some(known) = self.known.get(&stream.msid) {
            stream.id.clone_from(&known.id);
        }
    }

    /// MediaStream ids of streams that the owner has not given an id.
    pub(super) fn undescribed(&self) -> Vec<String> {
        let waits = |known: &Known| known.named && known.id.is_none();
        self.known.iter().filter(|(_, known)| waits(known)).map(|(msid, _)| msid.clone()).collect()
    }

    /// The connection is over: its streams are not removed, they come again with the next one.
    pub(super) fn clear(&mut self) {
        self.known.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use confab_wire::media::MediaKind;
    use serde_json::json;

    fn stream() -> RemoteStream {
        RemoteStream { id: None, msid: "s".into(), peer: "p".into() }
    }

    fn track() -> RemoteTrack {
        RemoteTrack::new("t".into(), "s".into(), MediaKind::Video, Default::default(), &std::sync::Arc::default()).0
    }

    #[test]
    fn a_stream_is_added_once_with_what_is_known_about_it() {
        let mut streams = Streams::new(true);
        assert_eq!(streams.track_added(&mut stream(), &track(), None).len(), 1);
        assert_eq!(streams.undescribed(), ["s"]);
        let named = || json!({ "name": "Ann" }).as_object().cloned();
        let Some((_, Some(RemotePeerEvent::StreamAdded { metadata, .. }))) =
            streams.described("p", "s", Some("u".into()), named())
        else {
            panic!("not added")
        };
        assert_eq!(metadata, named());
        assert!(streams.undescribed().is_empty());
        let (again, event) = streams.described("p", "s", Some("u".into()), named()).unwrap();
        assert_eq!((again.id.as_deref(), event.is_none()), (Some("u"), true));
        assert!(streams.described("p", "other", None, None).is_none());
        let mut known = stream();
        assert_eq!(streams.track_added(&mut known, &track(), None).len(), 1);
        assert_eq!(known.id.as_deref(), Some("u"));
        assert!(streams.track_removed(&mut stream()).is_none());
        assert!(matches!(streams.track_removed(&mut stream()), Some(RemotePeerEvent::StreamRemoved { .. })));
        // It comes back under the same id, and is added again.
        assert_eq!(streams.track_added(&mut stream(), &track(), None).len(), 2);
    }

    #[test]
    fn a_stream_that_nobody_describes_is_added_with_its_first_track() {
        assert_eq!(Streams::new(false).track_added(&mut stream(), &track(), None).len(), 2);
        let mut unnamed = RemoteStream { msid: "p:1".into(), ..stream() };
        assert_eq!(Streams::new(true).track_added(&mut unnamed, &track(), None).len(), 2);
    }
}

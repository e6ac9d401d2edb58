//! [`RemotePeer`] and the side of it that a dialect holds.

use super::descriptions::{TrackDescription, TrackDescriptions};
use super::events::{RemotePeerEvent, RemotePeerEvents};
use super::state::RemotePeerState;
use super::streams::Streams;
use crate::receive::remote_track::{RemoteStream, RemoteTrack};
use serde_json::{Map, Value};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{broadcast, watch};

/// Events of one remote that wait for a reader; one that lags further behind loses the oldest.
const EVENTS: usize = 256;

/// Events that are kept for the first reader. An application that has not asked by then reads none, and what the events
/// hold (tracks with their pictures) must not stay for nobody.
const FIRST_EVENTS: usize = 32;

/// One remote, whatever happens to the connection to it: the object, its id and its listeners stay while an ICE restart, a
/// replacement of the connection or an outage of signaling goes on. Cloning gives another handle of the same one;
/// [`RemotePeer`]s are equal if they are the same.
///
/// Its debug form shows id and state, never metadata or credentials.
#[derive(Clone)]
pub struct RemotePeer {
    inner: Arc<Inner>,
}

struct Inner {
    id: String,
    polite: AtomicBool,
    /// Signaling says that it is there.
    present: AtomicBool,
    events: broadcast::Sender<RemotePeerEvent>,
    known: Mutex<Known>,
    /// Bits per second that all videos to it may have together.
    video_limit: watch::Sender<u32>,
}

struct Known {
    state: RemotePeerState,
    metadata: Option<Map<String, Value>>,
    streams: Streams,
    /// What it says of its tracks. Told before the connection that brings them.
    tracks: TrackDescriptions,
    /// What [`RemotePeer::events`] gives out first: it has everything since the beginning.
    first: Option<broadcast::Receiver<RemotePeerEvent>>,
}

impl RemotePeer {
    /// Id that the signaling server gave it (`remote.id` of Metered, the `peerId` of rtc.io).
    pub fn id(&self) -> &str {
        &self.inner.id
    }

    /// What signaling says about it (`peerMetadata` of Metered; [`None`] if that is nothing). It may change without an event
    /// while the remote comes back, always before the change of state to [`RemotePeerState::Connected`]. Not to be trusted
    /// further than whoever issued it.
    pub fn metadata(&self) -> Option<Map<String, Value>> {
        self.known().metadata.clone()
    }

    /// Where the connection stands.
    pub fn state(&self) -> RemotePeerState {
        self.known().state
    }

    /// What the remote says of one of its tracks ([`TrackDescription`]); `None` if that is nothing. Not to be trusted.
    pub fn track_metadata(&self, track: &RemoteTrack) -> Option<Map<String, Value>> {
        self.known().tracks.of(track.id(), track.msid(), track.kind()).cloned()
    }

    /// True if this side yields when both offer at once (W3C webrtc-pc section 10.7). Meaningful once a connection was
    /// begun; a new connection may turn it round.
    pub fn polite(&self) -> bool {
        self.inner.polite.load(Ordering::Acquire)
    }

    /// Bounds what all videos of ours to it may have together, in bit/s, from now on and on every connection. They share it
    /// in equal parts, as far as they can use them.
    pub fn limit_video(&self, bits_per_second: u32) {
        self.inner.video_limit.send_replace(bits_per_second);
    }

    /// Its events, in order. The first call gets all since the beginning, if it comes within 32 events; later ones get
    /// those from now on.
    pub fn events(&self) -> RemotePeerEvents {
        let mut known = self.known();
        let ended = known.state == RemotePeerState::Closed;
        match known.first.take() {
            Some(receiver) => RemotePeerEvents::new(receiver, false),
            None => RemotePeerEvents::new(self.inner.events.subscribe(), ended),
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.inner.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl PartialEq for RemotePeer {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.inner, &other.inner)
    }
}

impl Eq for RemotePeer {}

impl std::fmt::Debug for RemotePeer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RemotePeer").field("id", &self.inner.id).field("state", &self.state()).finish()
    }
}

/// The writing side of a [`RemotePeer`]: for its dialect and its connections, not for applications.
#[derive(Debug, Clone)]
pub struct RemoteControl {
    peer: RemotePeer,
}

impl RemoteControl {
    /// A new remote, which is present.
    pub fn new(id: String) -> Self {
        let (events, first) = broadcast::channel(EVENTS);
        let known = Known {
            state: RemotePeerState::Idle,
            metadata: None,
            streams: Streams::default(),
            tracks: TrackDescriptions::default(),
            first: Some(first),
        };
        let inner = Inner {
            id,
            polite: AtomicBool::new(false),
            present: AtomicBool::new(true),
            events,
            known: Mutex::new(known),
            video_limit: watch::Sender::new(u32::MAX),
        };
        Self { peer: RemotePeer { inner: Arc::new(inner) } }
    }

    /// What applications get.
    pub fn peer(&self) -> &RemotePeer {
        &self.peer
    }

    /// Its id.
    pub fn id(&self) -> &str {
        self.peer.id()
    }

    /// Signaling says whether it is there: a connection that is lost is replaced only then.
    pub fn set_present(&self, present: bool) {
        self.peer.inner.present.store(present, Ordering::Release);
    }

    /// Sets [`RemotePeer::metadata`].
    pub fn set_metadata(&self, metadata: Map<String, Value>) {
        self.peer.known().metadata = Some(metadata);
    }

    /// The owner's description of a stream came: the id that it gives the stream, and what it says about it. `None` if the
    /// connection of now has no stream with this MediaStream id.
    pub fn describe_stream(
        &self,
        msid: &str,
        id: Option<String>,
        metadata: Option<Map<String, Value>>,
    ) -> Option<RemoteStream> {
        let mut known = self.peer.known();
        let (stream, added) = known.streams.described(self.id(), msid, id, metadata)?;
        if let Some(event) = added {
            self.emit_under(&mut known, event);
        }
        Some(stream)
    }

    /// What the remote says of a track, which may come later: its metadata is then that of [`RemotePeerEvent::Track`], and
    /// that of the first track of a stream the one of [`RemotePeerEvent::StreamAdded`]. Kept across connections, for
    /// [`super::TRACK_DESCRIPTIONS`] tracks.
    pub fn describe_track(&self, description: TrackDescription) {
        self.peer.known().tracks.describe(description);
    }

    /// MediaStream ids of streams that were not given an id by [`Self::describe_stream`].
    pub fn undescribed_streams(&self) -> Vec<String> {
        self.peer.known().streams.undescribed()
    }

    /// The remote is gone for good.
    pub fn close(&self) {
        self.set_state(RemotePeerState::Closed);
    }

    // ---- for the connections ----

    /// True if a stream counts as added once it is described.
    pub(crate) fn set_describes_streams(&self, describes: bool) {
        self.peer.known().streams = Streams::new(describes);
    }

    pub(crate) fn is_present(&self) -> bool {
        self.peer.inner.present.load(Ordering::Acquire)
    }

    pub(crate) fn set_polite(&self, polite: bool) {
        self.peer.inner.polite.store(polite, Ordering::Release);
    }

    pub(crate) fn video_limit(&self) -> watch::Receiver<u32> {
        self.peer.inner.video_limit.subscribe()
    }

    /// Reports an event. Never waits; see [`RemotePeerEvents`] for who reads too slowly.
    pub(crate) fn emit(&self, event: RemotePeerEvent) {
        // Without a reader there is nobody to get it.
        self.peer.inner.events.send(event).ok();
    }

    fn emit_under(&self, known: &mut Known, event: RemotePeerEvent) {
        self.emit(event);
        known.first.take_if(|first| first.len() > FIRST_EVENTS);
    }

    /// A connection is being made.
    pub(crate) fn connecting(&self) {
        let state = self.peer.state();
        self.set_state(if state == RemotePeerState::Idle { RemotePeerState::Connecting } else { state });
    }

    /// What stood does not stand any more.
    pub(crate) fn reconnecting(&self) {
        if self.peer.state() == RemotePeerState::Connected {
            self.set_state(RemotePeerState::Reconnecting);
        }
    }

    pub(crate) fn set_state(&self, to: RemotePeerState) {
        let mut known = self.peer.known();
        let from = known.state;
        if from == to || from == RemotePeerState::Closed {
            return;
        }
        known.state = to;
        // Under the lock: two changes are reported in the order in which they happened.
        self.emit_under(&mut known, RemotePeerEvent::StateChange { from, to });
        if to == RemotePeerState::Closed {
            known.streams.clear();
        }
    }

    /// A track exists. Puts the owner's id into the stream, if that is known.
    pub(crate) fn track_added(&self, stream: &mut RemoteStream, track: &RemoteTrack) {
        let mut known = self.peer.known();
        let metadata = known.tracks.of(track.id(), track.msid(), track.kind()).cloned();
        for event in known.streams.track_added(stream, track, metadata) {
            self.emit_under(&mut known, event);
        }
    }

    /// Puts the owner's id into the stream, if that is known.
    pub(crate) fn identify(&self, stream: &mut RemoteStream) {
        self.peer.known().streams.identify(stream);
    }

    /// A track exists no more. Puts the owner's id into the stream, if that is known.
    pub(crate) fn track_removed(&self, stream: &mut RemoteStream) {
        let mut known = self.peer.known();
        if let Some(event) = known.streams.track_removed(stream) {
            self.emit_under(&mut known, event);
        }
    }

    /// The connection is over: its streams are not removed, they come again with the next one.
    pub(crate) fn connection_lost(&self) {
        self.peer.known().streams.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[tokio::test]
    async fn the_first_reader_gets_everything_and_the_events_end_with_closed() {
        let remote = RemoteControl::new("ann".into());
        remote.connecting();
        remote.set_state(RemotePeerState::Connected);
        let mut events = remote.peer().events();
        let mut later = remote.peer().events();
        remote.reconnecting();
        remote.set_state(RemotePeerState::Closed);
        remote.set_state(RemotePeerState::Connected);
        let mut seen = Vec::new();
        while let Some(RemotePeerEvent::StateChange { from, to }) = events.recv().await {
            assert_eq!(seen.last().copied().unwrap_or(RemotePeerState::Idle), from);
            seen.push(to);
        }
        use RemotePeerState::{Closed, Connected, Connecting, Reconnecting};
        assert_eq!(seen, [Connecting, Connected, Reconnecting, Closed]);
        assert!(matches!(later.recv().await, Some(RemotePeerEvent::StateChange { to: Reconnecting, .. })));
        assert!(remote.peer().events().recv().await.is_none());
        assert_eq!(remote.peer().state(), Closed);
    }

    #[tokio::test]
    async fn what_nobody_asks_for_is_not_kept() {
        let remote = RemoteControl::new("ann".into());
        for _ in 0..FIRST_EVENTS {
            remote.set_state(RemotePeerState::Connected);
            remote.set_state(RemotePeerState::Reconnecting);
        }
        remote.set_state(RemotePeerState::Connected);
        assert!(remote.peer().events().try_recv().is_none());
    }

    #[test]
    fn the_debug_form_shows_neither_metadata_nor_credentials() {
        let remote = RemoteControl::new("ann".into());
        remote.set_metadata(json!({ "name": "secret name" }).as_object().cloned().unwrap_or_default());
        assert_eq!(format!("{:?}", remote.peer()), r#"RemotePeer { id: "ann", state: Idle }"#);
    }
}

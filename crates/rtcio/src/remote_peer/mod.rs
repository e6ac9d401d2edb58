//! [`RemotePeer`]: one member of the room, whatever happens to the connection to it.
//!
//! rtc.io knows a peer only while its connection stands. Metered's `RemotePeer` is the shape here: the object, its id and
//! its listeners stay while an ICE restart, a replacement of the connection or an outage of signaling goes on, and end
//! when the server says that the member left and no connection to it stands.

mod events;
mod presence;
mod send;
mod streams;

pub use events::{RemotePeerEvent, RemotePeerEvents};
pub(crate) use presence::Presence;
pub use send::RemoteSendError;

use crate::shared::Shared;
use crate::{RemoteStream, RemoteTrack};
use serde_json::{Map, Value};
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use streams::Streams;
use tokio::sync::{broadcast, watch};

/// Events of one remote that wait for a reader; one that lags further behind loses the oldest.
const EVENTS: usize = 256;

/// Events that are kept for the first reader. An application that has not asked by then reads none, and what the events
/// hold (tracks with their pictures) must not stay for nobody.
const FIRST_EVENTS: usize = 32;

/// Where the connection to a member stands (Metered's `PeerConnectionState`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum RemotePeerState {
    /// The server named the member; there is no connection yet.
    Idle,
    /// The first connection is being made.
    Connecting,
    /// A connection stands.
    Connected,
    /// It stood, and is being brought back: by ICE, or by a new connection.
    Reconnecting,
    /// The member left. Final: who comes back under the same id is a new object.
    Closed,
}

/// A member of the room. Cloning gives another handle of the same one; [`RemotePeer`]s are equal if they are the same.
///
/// Its debug form shows id and state, never metadata or credentials.
#[derive(Clone)]
pub struct RemotePeer {
    inner: Arc<Inner>,
}

struct Inner {
    id: String,
    polite: AtomicBool,
    /// The server's word: it is in our room.
    present: AtomicBool,
    events: broadcast::Sender<RemotePeerEvent>,
    known: Mutex<Known>,
    shared: Weak<Shared>,
    /// Bits per second that all videos to it may have together.
    video_limit: watch::Sender<u32>,
}

struct Known {
    state: RemotePeerState,
    metadata: Option<Map<String, Value>>,
    streams: Streams,
    /// What [`RemotePeer::events`] gives out first: it has everything since the beginning.
    first: Option<broadcast::Receiver<RemotePeerEvent>>,
}

impl RemotePeer {
    pub(crate) fn new(id: String, shared: Weak<Shared>) -> Self {
        let (events, first) = broadcast::channel(EVENTS);
        let known =
            Known { state: RemotePeerState::Idle, metadata: None, streams: Streams::default(), first: Some(first) };
        Self {
            inner: Arc::new(Inner {
                id,
                polite: AtomicBool::new(false),
                present: AtomicBool::new(true),
                events,
                known: Mutex::new(known),
                shared,
                video_limit: watch::Sender::new(u32::MAX),
            }),
        }
    }

    /// Id that the server gave it (`remote.id` of Metered, the `peerId` of rtc.io).
    pub fn id(&self) -> &str {
        &self.inner.id
    }

    /// What its token says about it (`peerMetadata`; [`None`] without a token). It may change without an event while the
    /// member comes back with a newer token, always before the change of state to [`RemotePeerState::Connected`]. Bounded
    /// by [`confab_wire::limits::METADATA_BYTES`], and not to be trusted further than the issuer of the token.
    pub fn metadata(&self) -> Option<Map<String, Value>> {
        self.known().metadata.clone()
    }

    /// Where the connection stands.
    pub fn state(&self) -> RemotePeerState {
        self.known().state
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

    /// See [`Self::limit_video`].
    pub(crate) fn video_limit(&self) -> watch::Receiver<u32> {
        self.inner.video_limit.subscribe()
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

    fn tell_under(&self, known: &mut Known, event: RemotePeerEvent) {
        self.tell(event);
        known.first.take_if(|first| first.len() > FIRST_EVENTS);
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.inner.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    // ---- for the hub and the sessions ----

    pub(crate) fn is_present(&self) -> bool {
        self.inner.present.load(Ordering::Acquire)
    }

    pub(crate) fn set_present(&self, present: bool) {
        self.inner.present.store(present, Ordering::Release);
    }

    pub(crate) fn set_polite(&self, polite: bool) {
        self.inner.polite.store(polite, Ordering::Release);
    }

    pub(crate) fn set_metadata(&self, metadata: Map<String, Value>) {
        self.known().metadata = Some(metadata);
    }

    /// Tells an event. Never waits; see [`RemotePeerEvents`] for who reads too slowly.
    pub(crate) fn tell(&self, event: RemotePeerEvent) {
        // Without a reader there is nobody to tell.
        self.inner.events.send(event).ok();
    }

    /// A connection is being made.
    pub(crate) fn connecting(&self) {
        let state = self.state();
        self.set_state(if state == RemotePeerState::Idle { RemotePeerState::Connecting } else { state });
    }

    /// What stood does not stand any more.
    pub(crate) fn reconnecting(&self) {
        if self.state() == RemotePeerState::Connected {
            self.set_state(RemotePeerState::Reconnecting);
        }
    }

    pub(crate) fn set_state(&self, to: RemotePeerState) {
        let mut known = self.known();
        let from = known.state;
        if from == to || from == RemotePeerState::Closed {
            return;
        }
        known.state = to;
        // Under the lock: two changes are told in the order in which they happened.
        self.tell_under(&mut known, RemotePeerEvent::StateChange { from, to });
        if to == RemotePeerState::Closed {
            known.streams = Streams::default();
        }
    }

    pub(crate) fn track_added(&self, stream: &RemoteStream, track: &RemoteTrack) {
        let mut known = self.known();
        for event in known.streams.track_added(stream, track) {
            self.tell_under(&mut known, event);
        }
    }

    pub(crate) fn track_removed(&self, stream: &RemoteStream) {
        let mut known = self.known();
        if let Some(event) = known.streams.track_removed(stream) {
            self.tell_under(&mut known, event);
        }
    }

    /// The owner told the events of a stream.
    pub(crate) fn stream_told(&self, stream: &RemoteStream, events: &[(String, Vec<Value>)]) {
        let mut known = self.known();
        if let Some(event) = known.streams.told(stream, events) {
            self.tell_under(&mut known, event);
        }
    }

    /// The connection is over: its streams are not removed, they come again with the next one.
    pub(crate) fn connection_lost(&self) {
        self.known().streams = Streams::default();
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

/// The remotes of one socket.
#[derive(Debug, Default)]
pub(crate) struct Remotes {
    by_id: Mutex<HashMap<String, RemotePeer>>,
}

impl Remotes {
    pub(crate) fn get(&self, id: &str) -> Option<RemotePeer> {
        self.lock().get(id).cloned()
    }

    pub(crate) fn all(&self) -> Vec<RemotePeer> {
        self.lock().values().cloned().collect()
    }

    pub(crate) fn insert(&self, remote: RemotePeer) {
        self.lock().insert(remote.id().to_owned(), remote);
    }

    pub(crate) fn remove(&self, id: &str) -> Option<RemotePeer> {
        self.lock().remove(id)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, RemotePeer>> {
        self.by_id.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[tokio::test]
    async fn the_first_reader_gets_everything_and_the_events_end_with_closed() {
        let remote = RemotePeer::new("ann".into(), Weak::new());
        remote.connecting();
        remote.set_state(RemotePeerState::Connected);
        let mut events = remote.events();
        let mut later = remote.events();
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
        assert!(remote.events().recv().await.is_none());
        assert_eq!(remote.state(), Closed);
    }

    #[tokio::test]
    async fn what_nobody_asks_for_is_not_kept() {
        let remote = RemotePeer::new("ann".into(), Weak::new());
        for _ in 0..FIRST_EVENTS {
            remote.set_state(RemotePeerState::Connected);
            remote.set_state(RemotePeerState::Reconnecting);
        }
        remote.set_state(RemotePeerState::Connected);
        assert!(remote.events().try_recv().is_none());
    }

    #[test]
    fn the_debug_form_shows_neither_metadata_nor_credentials() {
        let remote = RemotePeer::new("ann".into(), Weak::new());
        remote.set_metadata(json!({ "name": "secret name" }).as_object().cloned().unwrap_or_default());
        assert_eq!(format!("{remote:?}"), r#"RemotePeer { id: "ann", state: Idle }"#);
    }
}

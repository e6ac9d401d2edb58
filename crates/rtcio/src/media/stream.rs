//! Streams of our own: what `emit_stream` carries.

use super::local::LocalTrack;
use crate::Args;
use confab_protocol::ctrl::STREAM_PLACEHOLDER;
use serde::{Serialize, Serializer};
use serde_json::Value;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::watch;
use uuid::Uuid;

/// A set of local tracks with an identity (`RTCIOStream` of rtc.io). Cloning gives another handle of the same stream.
#[derive(Debug, Clone)]
pub struct RtcioStream {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    id: String,
    msid: String,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    tracks: Vec<LocalTrack>,
    /// Wakes of the sockets that send this stream.
    wakes: Vec<watch::Sender<u64>>,
}

impl Default for RtcioStream {
    fn default() -> Self {
        Self::new()
    }
}

/// As its placeholder, which is how a stream stands in the arguments of an event (`toJSON` of rtc.io's stream).
impl Serialize for RtcioStream {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.placeholder())
    }
}

impl RtcioStream {
    /// A stream without tracks, with new ids.
    pub fn new() -> Self {
        let inner = Inner {
            id: Uuid::new_v4().to_string(),
            msid: Uuid::new_v4().to_string(),
            state: Mutex::new(State::default()),
        };
        Self { inner: Arc::new(inner) }
    }

    /// The stream's UUID, which receivers adopt.
    pub fn id(&self) -> &str {
        &self.inner.id
    }

    /// The MediaStream id, as in `a=msid` (RFC 8830).
    pub fn msid(&self) -> &str {
        &self.inner.msid
    }

    /// What stands in an argument array where the stream is.
    pub fn placeholder(&self) -> String {
        format!("{STREAM_PLACEHOLDER}{}", self.inner.id)
    }

    /// Arguments of an event that carries this stream: `values` hold its [placeholder](Self::placeholder), at any depth;
    /// the stream itself serializes as it.
    pub fn args(&self, values: impl IntoIterator<Item = Value>) -> Args {
        Args::new(values).with_stream(self)
    }

    /// Adds a track; every peer that has the stream gets it. A track that is in the stream already changes nothing.
    pub fn add_track(&self, track: &LocalTrack) {
        self.change(|tracks| {
            if !tracks.iter().any(|known| known.id() == track.id()) {
                tracks.push(track.clone());
            }
        });
    }

    /// Removes a track. Without another one of its kind in the stream, its m-line turns inactive.
    pub fn remove_track(&self, track: &LocalTrack) {
        self.change(|tracks| tracks.retain(|known| known.id() != track.id()));
    }

    /// Puts `new` where `old` is, in one step: the swap that needs no negotiation when both are of one kind.
    pub fn replace_track(&self, old: &LocalTrack, new: &LocalTrack) {
        self.change(|tracks| {
            for track in tracks.iter_mut().filter(|track| track.id() == old.id()) {
                *track = new.clone();
            }
        });
    }

    /// The tracks, in the order in which they were added.
    pub fn tracks(&self) -> Vec<LocalTrack> {
        self.inner.state.lock().unwrap_or_else(PoisonError::into_inner).tracks.clone()
    }

    /// Tells `wake` of every change from now on.
    pub(crate) fn subscribe(&self, wake: &watch::Sender<u64>) {
        let mut state = self.inner.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.wakes.retain(|known| !known.is_closed());
        if !state.wakes.iter().any(|known| known.same_channel(wake)) {
            state.wakes.push(wake.clone());
        }
    }

    fn change(&self, change: impl FnOnce(&mut Vec<LocalTrack>)) {
        let mut state = self.inner.state.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut state.tracks);
        for wake in &state.wakes {
            wake.send_modify(|version| *version += 1);
        }
    }
}

//! What this side sends to everybody, with what it says about it.

use crate::error::StateError;
use confab_transport::Endpoint;
use confab_transport::send::local_stream::LocalStream;
use confab_transport::send::local_track::LocalTrack;
use serde_json::{Map, Value};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub(super) type Metadata = Map<String, Value>;

/// A track that is sent.
#[derive(Debug)]
struct Attached {
    stream: LocalStream,
    metadata: Option<Metadata>,
}

/// See the module.
#[derive(Debug)]
pub(super) struct LocalMedia {
    endpoint: Arc<Endpoint>,
    /// By id of the track.
    tracks: Mutex<HashMap<String, Attached>>,
}

impl LocalMedia {
    pub(super) fn new(endpoint: Arc<Endpoint>) -> Self {
        Self { endpoint, tracks: Mutex::default() }
    }

    fn tracks(&self) -> MutexGuard<'_, HashMap<String, Attached>> {
        self.tracks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends a track as one of `stream`. One that is sent in this stream already stays as it is.
    pub(super) fn add_track(
        &self,
        track: &LocalTrack,
        stream: &LocalStream,
        metadata: Option<Metadata>,
    ) -> Result<(), StateError> {
        {
            let mut tracks = self.tracks();
            match tracks.get(track.id()) {
                Some(known) if known.stream.msid() == stream.msid() => return Ok(()),
                Some(_) => return Err(StateError::TrackAlreadyAttached),
                None => {}
            }
            // Before the track: what is said of it goes first.
            tracks.insert(track.id().to_owned(), Attached { stream: stream.clone(), metadata });
        }
        stream.add_track(track);
        self.endpoint.streams.add(stream);
        Ok(())
    }

    /// Sends no more of the track. False if it was not sent.
    pub(super) fn remove_track(&self, track: &LocalTrack) -> bool {
        let Some(Attached { stream, .. }) = self.tracks().remove(track.id()) else { return false };
        stream.remove_track(track);
        if stream.tracks().is_empty() {
            self.endpoint.streams.remove(stream.msid());
        }
        true
    }

    /// Sends `new`, a track of the same kind, in the place of `old`, under the same metadata. False if `old` is not sent.
    pub(super) fn replace_track(&self, old: &LocalTrack, new: &LocalTrack) -> Result<bool, StateError> {
        let stream = {
            let mut tracks = self.tracks();
            if old.id() == new.id() || !tracks.contains_key(old.id()) {
                return Ok(tracks.contains_key(old.id()));
            }
            if tracks.contains_key(new.id()) {
                return Err(StateError::TrackAlreadyAttached);
            }
            let Some(attached) = tracks.remove(old.id()) else { return Ok(false) };
            let stream = attached.stream.clone();
            tracks.insert(new.id().to_owned(), attached);
            stream
        };
        let replaced =
            stream.tracks().into_iter().map(|track| if track.id() == old.id() { new.clone() } else { track });
        stream.replace(replaced.collect::<Vec<_>>());
        Ok(true)
    }

    /// What is said of a track.
    pub(super) fn metadata(&self, track: &str) -> Option<Metadata> {
        self.tracks().get(track)?.metadata.clone()
    }
}

//! What a [`RemotePeer`](crate::RemotePeer) reports.

use super::state::RemotePeerState;
use crate::receive::remote_track::{RemoteStream, RemoteTrack};
use serde_json::{Map, Value};
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};

/// An event of a [`RemotePeer`](crate::RemotePeer). Names follow Metered's `RemotePeer`.
#[derive(Debug, Clone)]
pub enum RemotePeerEvent {
    /// `state-change`. The one to [`RemotePeerState::Closed`] is the last event.
    StateChange {
        /// Before.
        from: RemotePeerState,
        /// Now.
        to: RemotePeerState,
    },
    /// `track`: a remote track exists by the description; its first packet may come later or never.
    Track {
        /// The stream it belongs to.
        stream: RemoteStream,
        /// The track.
        track: RemoteTrack,
        /// As of [`RemotePeerEvent::StreamAdded`], if it is known by now.
        metadata: Option<Map<String, Value>>,
    },
    /// `stream-added`: a stream has a track, and, where the dialect describes streams, it is described. Once for each stream of a connection;
    /// after a replacement of the connection it comes again, with the same ids.
    StreamAdded {
        /// The stream.
        stream: RemoteStream,
        /// What its owner says about it, if it is known by now.
        metadata: Option<Map<String, Value>>,
    },
    /// `stream-removed`: the last track of a stream was taken away by its owner. Not told while a connection is
    /// replaced, nor when the member leaves.
    StreamRemoved {
        /// The stream.
        stream: RemoteStream,
    },
    /// `data-channel`: a named channel of both sides is open.
    DataChannel {
        /// Its name.
        name: String,
    },
    /// `negotiation-error`: a description could not be made or used. The next exchange usually heals it.
    NegotiationError {
        /// What the library says.
        error: String,
    },
    /// `ice-candidate-error`: a candidate of the remote could not be used (usually one of an older description), or an ICE
    /// server of ours (see [`crate::ConnectionEvent::IceCandidateError`]).
    IceCandidateError {
        /// What the library says.
        error: String,
    },
    /// `connection-reset`: the connection was replaced by a new one. Channels made for this peer alone on the old one are
    /// gone: make them again. Streams come back by themselves.
    ConnectionReset,
}

/// The events of one [`RemotePeer`](crate::RemotePeer), in order. It keeps 256 for a slow reader and then drops the
/// oldest, with a warning: the connection never waits for it.
#[derive(Debug)]
pub struct RemotePeerEvents {
    receiver: broadcast::Receiver<RemotePeerEvent>,
    ended: bool,
}

impl RemotePeerEvents {
    pub(super) fn new(receiver: broadcast::Receiver<RemotePeerEvent>, ended: bool) -> Self {
        Self { receiver, ended }
    }

    /// The next event; `None` after the change to [`RemotePeerState::Closed`].
    pub async fn recv(&mut self) -> Option<RemotePeerEvent> {
        while !self.ended {
            match self.receiver.recv().await {
                Ok(event) => return Some(self.note(event)),
                Err(RecvError::Lagged(missed)) => lagged(missed),
                Err(RecvError::Closed) => self.ended = true,
            }
        }
        None
    }

    /// The next event, if there is one already.
    pub fn try_recv(&mut self) -> Option<RemotePeerEvent> {
        while !self.ended {
            match self.receiver.try_recv() {
                Ok(event) => return Some(self.note(event)),
                Err(TryRecvError::Lagged(missed)) => lagged(missed),
                Err(TryRecvError::Empty) => return None,
                Err(TryRecvError::Closed) => self.ended = true,
            }
        }
        None
    }

    fn note(&mut self, event: RemotePeerEvent) -> RemotePeerEvent {
        self.ended = matches!(event, RemotePeerEvent::StateChange { to: RemotePeerState::Closed, .. });
        event
    }
}

fn lagged(missed: u64) {
    tracing::warn!(missed, "a reader of a remote's events is too slow; the oldest are dropped");
}

//! What a peer reports.

use super::remote::RemotePeer;
use super::state::PeerState;
use serde_json::{Map, Value};
use tokio::sync::mpsc;

/// Events that wait for their reader.
const EVENTS: usize = 1024;
/// Of these, places that data never takes.
const RESERVED: usize = 256;

/// How data came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DataKind {
    /// To everybody in the channel.
    Broadcast,
    /// To this peer alone.
    Direct,
}

/// An event of a [`super::MeteredPeer`].
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum MeteredEvent {
    /// `joined`: this peer is in the channel. Who is there already follows as [`MeteredEvent::PeerJoined`].
    Joined {
        /// The channel.
        channel: String,
        /// The id of this peer.
        peer_id: String,
    },
    /// `left`: this peer is in the channel no more.
    Left {
        /// The close code of the connection to the server; 1000 if this side closed.
        code: u16,
        /// What was said about it.
        reason: String,
    },
    /// `state-change`.
    StateChange {
        /// Before.
        from: PeerState,
        /// Now.
        to: PeerState,
    },
    /// `peer-joined`.
    PeerJoined(RemotePeer),
    /// `peer-left`.
    PeerLeft(RemotePeer),
    /// `data`.
    Data {
        /// Who sent it.
        sender_peer_id: String,
        /// What was sent: not to be trusted.
        data: Value,
        /// How.
        kind: DataKind,
        /// The sender's `peerMetadata`, where the server tells it.
        sender_metadata: Option<Map<String, Value>>,
    },
    /// `error`: see [`crate::SignallingEvent::Error`]; also `ReconcileTimeoutError`, when the roster does not come after a
    /// reconnect.
    Error {
        /// The code or name.
        name: String,
        /// What is said about it.
        message: String,
    },
}

/// The events of a peer, in order. 1024 wait for a slow reader, of which data takes 768 at most; what is over is dropped
/// with a warning.
#[derive(Debug)]
pub struct MeteredEvents {
    receiver: mpsc::Receiver<MeteredEvent>,
}

impl MeteredEvents {
    /// The next event; `None` once the peer is closed.
    pub async fn recv(&mut self) -> Option<MeteredEvent> {
        self.receiver.recv().await
    }
}

/// The writing side. Never waits.
#[derive(Debug)]
pub(super) struct EventSender {
    sender: mpsc::Sender<MeteredEvent>,
}

impl EventSender {
    pub(super) fn new() -> (Self, MeteredEvents) {
        let (sender, receiver) = mpsc::channel(EVENTS);
        (Self { sender }, MeteredEvents { receiver })
    }

    pub(super) fn emit(&self, event: MeteredEvent) {
        let full = matches!(event, MeteredEvent::Data { .. }) && self.sender.capacity() <= RESERVED;
        if full || matches!(self.sender.try_send(event), Err(mpsc::error::TrySendError::Full(_))) {
            tracing::warn!("the reader of a peer's events is too slow; the newest is dropped");
        }
    }
}

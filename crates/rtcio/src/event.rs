//! What the engine tells the application, in order.

use crate::{RemoteStream, RemoteTrack};
use confab_protocol::UserError;
use confab_protocol::ipc::PeerState;
use serde_json::Value;
use tokio::sync::mpsc;

/// An event of a [`crate::Socket`]. Names follow rtc.io.
#[derive(Debug, Clone)]
pub enum Event {
    /// Signaling is open. The application joins its room now, each time.
    Connected {
        /// False for the first time.
        reconnect: bool,
    },
    /// Signaling is gone. Peers stay; the engine reconnects by itself unless [`crate::Socket::disconnect`] was called.
    Disconnected {
        /// Why, in technical words.
        reason: String,
    },
    /// An attempt to reach the server failed; the next one follows after a pause.
    ConnectError {
        /// `server-unreachable`, `not-confab` or `join-refused`.
        error: UserError,
    },
    /// An application event from the server.
    Server {
        /// Event name.
        event: String,
        /// Its arguments.
        args: Vec<Value>,
    },
    /// `ctrl` to a peer is open.
    PeerConnect {
        /// Peer id.
        peer: String,
    },
    /// A peer for which [`Event::PeerConnect`] came is gone.
    PeerDisconnect {
        /// Peer id.
        peer: String,
    },
    /// The connection to a peer changed its health. `Connecting` is the first event of each peer.
    PeerState {
        /// Peer id.
        peer: String,
        /// New state.
        state: PeerState,
    },
    /// An event on the peer's `ctrl` channel.
    Message {
        /// Peer id.
        peer: String,
        /// Event name; never a reserved one.
        event: String,
        /// Its arguments.
        args: Vec<Value>,
    },
    /// An event that carries a stream. It may come before or after the first [`Event::TrackAdded`] of the stream.
    Stream {
        /// Peer id.
        peer: String,
        /// Event name; never a reserved one.
        event: String,
        /// Its arguments; where the stream was stands its placeholder string.
        args: Vec<Value>,
        /// The stream.
        stream: RemoteStream,
    },
    /// A remote track exists (by SDP; its first packet may come later or never).
    TrackAdded {
        /// Peer id.
        peer: String,
        /// The stream it belongs to.
        stream: RemoteStream,
        /// The track.
        track: RemoteTrack,
        /// True for the first track of its stream.
        first: bool,
    },
    /// A remote track ended: its m-line turned inactive, or the peer is gone.
    TrackRemoved {
        /// Peer id.
        peer: String,
        /// The stream it belonged to.
        stream: RemoteStream,
        /// The track.
        track: RemoteTrack,
    },
    /// A peer sent a flood or rubbish, which was dropped. At most once in five seconds a peer.
    Misbehaving {
        /// Peer id.
        peer: String,
        /// What it did.
        what: String,
    },
}

/// The receiving end of a socket's events. Bounded: a slow reader slows the peers down, nothing is lost.
#[derive(Debug)]
pub struct Events {
    pub(crate) receiver: mpsc::Receiver<Event>,
}

impl Events {
    /// The next event; `None` after [`crate::Socket::close`], when all have been read.
    pub async fn recv(&mut self) -> Option<Event> {
        self.receiver.recv().await
    }
}

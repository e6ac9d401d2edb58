//! What a peer reports.

use crate::connection::{DataConnection, DataConnectionEvents, MediaConnection, MediaConnectionEvents};
use crate::error::PeerError;
use tokio::sync::mpsc;

/// Events that wait for the application.
const EVENTS: usize = 256;

/// An event of a [`crate::Peer`].
#[derive(Debug)]
#[non_exhaustive]
pub enum PeerEvent {
    /// `open`: the server has given this side its id. Again after each [`crate::Peer::reconnect`].
    Open {
        /// The id.
        id: String,
    },
    /// `connection`: a remote peer opens a data connection.
    Connection {
        /// The connection, which opens by itself.
        connection: DataConnection,
        /// What happens on it.
        events: DataConnectionEvents,
    },
    /// `call`: a remote peer calls.
    Call {
        /// The call. [`MediaConnection::answer`] takes it.
        call: MediaConnection,
        /// What happens to it.
        events: MediaConnectionEvents,
    },
    /// `disconnected`: the connection to the server is over; those to peers live on.
    Disconnected {
        /// The id that this side had, if it had one.
        id: Option<String>,
    },
    /// `error`. What follows of it are events of their own.
    Error(PeerError),
    /// `close`: the peer is destroyed. The last event.
    Close,
}

/// The events of a peer, in order. 256 wait for a slow reader; then connections and calls are refused, and other events
/// dropped with a warning.
#[derive(Debug)]
pub struct PeerEvents {
    receiver: mpsc::Receiver<PeerEvent>,
    /// The last event was read.
    closed: bool,
}

impl PeerEvents {
    /// The next event; `None` after [`PeerEvent::Close`].
    pub async fn recv(&mut self) -> Option<PeerEvent> {
        if self.closed {
            return None;
        }
        let event = self.receiver.recv().await;
        self.closed = matches!(event, None | Some(PeerEvent::Close));
        event
    }
}

/// The writing end.
#[derive(Debug, Clone)]
pub(super) struct Emitter {
    sender: mpsc::Sender<PeerEvent>,
}

/// Both ends.
pub(super) fn events() -> (Emitter, PeerEvents) {
    let (sender, receiver) = mpsc::channel(EVENTS);
    (Emitter { sender }, PeerEvents { receiver, closed: false })
}

impl Emitter {
    /// Adds an event. Never waits. False if it was dropped.
    pub(super) fn emit(&self, event: PeerEvent) -> bool {
        match self.sender.try_send(event) {
            Ok(()) => true,
            Err(error) => {
                let full = matches!(error, mpsc::error::TrySendError::Full(_));
                if full {
                    tracing::warn!("an event of a peer is dropped: nobody reads them, or too slowly");
                }
                false
            }
        }
    }
}

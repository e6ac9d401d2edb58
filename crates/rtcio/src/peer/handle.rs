//! A peer, as everybody but its task sees it.

use crate::channel::PeerChannels;
use confab_transport::ConnectionCommand;
use confab_wire::signaling::Signal;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// What a peer's task is asked to do, in order.
#[derive(Debug)]
pub(crate) enum Command {
    /// A signal of the peer came.
    Signal(Signal),
    /// Signals do not, or again, reach the peer.
    SignalingUp(bool),
    /// Anything else is a matter of its connections.
    Connection(ConnectionCommand),
}

/// What is known of a peer. Its task alone writes it.
#[derive(Debug, Default)]
pub(crate) struct Status {
    /// `ctrl` is open.
    connected: AtomicBool,
    /// The application knows of the peer.
    announced: AtomicBool,
    /// The id that the peer has now, if it told of a new one.
    renamed: Mutex<Option<String>>,
}

impl Status {
    pub(super) fn set_connected(&self, connected: bool) {
        self.connected.store(connected, Ordering::Release);
    }

    pub(super) fn set_announced(&self) {
        self.announced.store(true, Ordering::Release);
    }

    pub(super) fn set_renamed(&self, id: String) {
        *self.renamed.lock().unwrap_or_else(PoisonError::into_inner) = Some(id);
    }
}

/// A peer.
#[derive(Debug, Clone)]
pub(crate) struct Handle {
    pub(crate) commands: mpsc::Sender<Command>,
    /// Ends the peer.
    pub(crate) cancel: CancellationToken,
    pub(crate) channels: PeerChannels,
    pub(super) status: Arc<Status>,
}

impl Handle {
    /// True if the peer said that it is `id` now.
    pub(crate) fn is_renamed_to(&self, id: &str) -> bool {
        self.status.renamed.lock().unwrap_or_else(PoisonError::into_inner).as_deref() == Some(id)
    }

    /// True if the application knows of the peer: its end will be reported.
    pub(crate) fn was_announced(&self) -> bool {
        self.status.announced.load(Ordering::Acquire)
    }

    /// True while `ctrl` to the peer is open.
    pub(crate) fn is_connected(&self) -> bool {
        self.status.connected.load(Ordering::Acquire) && !self.cancel.is_cancelled()
    }
}

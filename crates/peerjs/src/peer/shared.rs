//! What a peer's handles and its task share.

use super::connections::{Connection, Connections};
use super::debug::DebugLevel;
use super::events::{Emitter, PeerEvent};
use crate::connection::{ConnectOptions, Link, Outbox, Settings};
use crate::error::{PeerError, PeerErrorKind, ReconnectError};
use crate::message::Offered;
use crate::server::Address;
use confab_wire::rate_limit::RateLimiter;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::watch;

/// Where a peer is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct State {
    /// Also known before it is open.
    pub(super) id: Option<String>,
    /// The id of before it was disconnected.
    pub(super) last_id: Option<String>,
    pub(super) open: bool,
    pub(super) disconnected: bool,
    pub(super) destroyed: bool,
    /// The server has said `OPEN` at some time, or the peer was disconnected under an id: errors of the server do not destroy it.
    pub(super) known: bool,
    /// Grows with each connection to the server that is asked for.
    pub(super) generation: u64,
}

/// See the module.
pub(super) struct Shared {
    pub(super) address: Address,
    pub(super) token: String,
    pub(super) ping_interval: Duration,
    pub(super) debug: DebugLevel,
    pub(super) settings: Settings,
    pub(super) state: watch::Sender<State>,
    /// The id, for the connections.
    pub(super) own_id: watch::Sender<Option<String>>,
    pub(super) emitter: Emitter,
    pub(super) outbox: Outbox,
    pub(super) connections: Arc<Connections>,
    /// Offers of remotes.
    pub(super) offers: Mutex<RateLimiter>,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Peer").field("state", &*self.state.borrow()).finish_non_exhaustive()
    }
}

impl Shared {
    /// The id of this side is known.
    pub(super) fn set_id(&self, id: &str) {
        self.state.send_modify(|state| state.id = Some(id.to_owned()));
        self.own_id.send_replace(Some(id.to_owned()));
    }

    /// The server has said `OPEN`, or lets it be understood.
    pub(super) fn opened(&self) {
        let mut id = None;
        self.state.send_modify(|state| {
            if !state.disconnected && !state.destroyed {
                (state.open, state.known) = (true, true);
                id = state.id.clone();
            }
        });
        if let Some(id) = id {
            self.emitter.emit(PeerEvent::Open { id });
        }
    }

    /// `peer.disconnect()`.
    pub(super) fn disconnect(&self) {
        let mut gone = None;
        self.state.send_if_modified(|state| {
            if state.disconnected || state.destroyed {
                return false;
            }
            (state.disconnected, state.open) = (true, false);
            let id = state.id.take();
            state.known |= id.is_some();
            state.last_id = id.clone().or(state.last_id.take());
            gone = Some(id);
            true
        });
        if let Some(id) = gone {
            self.emitter.emit(PeerEvent::Disconnected { id });
        }
    }

    /// `peer.reconnect()`.
    pub(super) fn reconnect(&self) -> Result<(), ReconnectError> {
        let mut result = Ok(());
        self.state.send_if_modified(|state| {
            if state.destroyed {
                result = Err(ReconnectError::Destroyed);
            } else if !state.disconnected {
                result = Err(ReconnectError::NotDisconnected);
            } else {
                state.disconnected = false;
                state.id = state.last_id.clone();
                state.generation += 1;
            }
            result.is_ok()
        });
        result
    }

    /// `peer.destroy()`.
    pub(super) fn destroy(&self) {
        self.disconnect();
        let first = self.state.send_if_modified(|state| !std::mem::replace(&mut state.destroyed, true));
        if first {
            self.connections.close_all();
            self.emitter.emit(PeerEvent::Close);
        }
    }

    pub(super) fn error(&self, kind: PeerErrorKind, message: impl Into<String>) {
        let error = PeerError::new(kind, message);
        match self.debug {
            DebugLevel::Disabled => tracing::debug!(%error, "peer"),
            _ => tracing::warn!(%error, "peer"),
        }
        self.emitter.emit(PeerEvent::Error(error));
    }

    /// An error after which there is no connection to the server: a peer that never had one is destroyed.
    pub(super) fn abort(&self, kind: PeerErrorKind, message: impl Into<String>) {
        self.error(kind, message);
        if self.state.borrow().known { self.disconnect() } else { self.destroy() }
    }

    /// A new connection with `remote`, without a task yet.
    pub(super) fn link(&self, remote: &str, id: &str, offered: &Offered) -> Arc<Link> {
        Arc::new(Link::new(remote, id, offered, self.outbox.clone()))
    }

    /// Refuses a connection that can't be made now.
    pub(super) fn check(&self) -> Result<(), PeerError> {
        let state = self.state.borrow();
        if state.disconnected || state.destroyed {
            let message =
                if state.destroyed { "the peer is destroyed" } else { "the peer is disconnected from the server" };
            return Err(PeerError::new(PeerErrorKind::Disconnected, message));
        }
        Ok(())
    }

    pub(super) fn add(&self, connection: Connection) {
        self.connections.add(connection);
    }
}

/// What is said of a data connection in its offer.
pub(super) fn offered(options: ConnectOptions, id: &str) -> Offered {
    Offered {
        kind: crate::message::ConnectionKind::Data,
        metadata: options.metadata,
        label: Some(options.label.unwrap_or_else(|| id.to_owned())),
        reliable: options.reliable,
        serialization: Some(options.serialization.name().to_owned()),
    }
}

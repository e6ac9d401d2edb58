//! A connected client, as others send to it.

use crate::limits::Limits;
use crate::net::{Address, Relays, Requester};
use crate::websocket::Outbox;
use std::sync::Arc;
use std::time::Instant;
use tokio_tungstenite::tungstenite::Utf8Bytes;

/// The sending side of a client. Clones are the same one.
#[derive(Clone)]
pub(super) struct Peer(Arc<Inner>);

struct Inner {
    outbox: Arc<Outbox>,
    relays: Relays,
}

impl PartialEq for Peer {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Peer {
    pub(super) fn new(requester: &Requester, limits: &Limits) -> Self {
        Self(Arc::new(Inner { outbox: Outbox::new(requester, limits), relays: Relays::new(limits) }))
    }

    pub(super) fn outbox(&self) -> &Arc<Outbox> {
        &self.0.outbox
    }

    /// Queues what a client at the address `from` has sent; dropped where there is too much of it.
    pub(super) fn relay(&self, from: &Arc<Address>, text: Utf8Bytes, now: Instant) {
        if !self.0.relays.admit(from, now) || !self.0.outbox.relay(text) {
            tracing::debug!("a client gets more than it takes: a message to it is dropped");
        }
    }

    /// Queues what the server has to say.
    pub(super) fn tell(&self, text: Utf8Bytes) {
        self.0.outbox.tell(text);
    }

    /// Ends its socket after what waits. PeerServers give no code.
    pub(super) fn close(&self) {
        self.0.outbox.close(None);
    }
}

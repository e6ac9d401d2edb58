//! A connected client, as others send to it.

use super::outbox::Outbox;
use crate::limits::Limits;
use crate::net::{Address, Relays, Requester};
use std::sync::Arc;
use std::time::Instant;
use tokio_tungstenite::tungstenite::Utf8Bytes;

/// The sending side of a client. Clones are the same one.
#[derive(Clone)]
pub(crate) struct Receiver(Arc<Inner>);

struct Inner {
    outbox: Arc<Outbox>,
    relays: Relays,
}

impl PartialEq for Receiver {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Receiver {
    pub(crate) fn new(requester: &Requester, limits: &Limits) -> Self {
        Self(Arc::new(Inner { outbox: Outbox::new(requester, limits), relays: Relays::new(limits) }))
    }

    pub(crate) fn outbox(&self) -> &Arc<Outbox> {
        &self.0.outbox
    }

    /// Queues what a client at the address `from` has sent. False, and it is dropped, where there is too much of it.
    pub(crate) fn relay(&self, from: &Arc<Address>, text: Utf8Bytes, now: Instant) -> bool {
        let queued = self.0.relays.admit(from, now) && self.0.outbox.relay(text);
        if !queued {
            tracing::debug!("a client gets more than it takes: a message to it is dropped");
        }
        queued
    }

    /// Queues what the server has to say.
    pub(crate) fn tell(&self, text: Utf8Bytes) {
        self.0.outbox.tell(text);
    }

    /// Asks for a sign of life.
    pub(crate) fn ping(&self) {
        self.0.outbox.ping();
    }

    /// Ends its socket after what waits, with a code and its reason, or without one.
    pub(crate) fn close(&self, why: Option<(u16, &'static str)>) {
        self.0.outbox.close(why);
    }
}

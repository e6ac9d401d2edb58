//! What waits for one socket, and how much of it others may send.

use crate::limits::Limits;
use crate::net::{Address, Relays, Session};
use std::sync::Arc;
use std::time::Instant;

/// The queue of a socket, as those who send to it see it.
pub(super) struct Outbox {
    pub(super) session: Arc<Session>,
    /// Bytes of its queue that are kept for what is not relayed.
    pub(super) reserved: usize,
    relays: Relays,
}

impl Outbox {
    pub(super) fn new(session: Arc<Session>, limits: &Limits) -> Self {
        Self { session, reserved: limits.send_queue_bytes / 4, relays: Relays::new(limits) }
    }

    /// Takes a message from `sender` into account. False if it is one too many: of one address, or of all together.
    pub(super) fn admits_relay(&self, sender: &Arc<Address>, now: Instant) -> bool {
        self.relays.admit(sender, now)
    }
}

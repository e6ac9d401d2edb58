//! What waits for one socket, and how much of it others may send.

use crate::limits::Limits;
use crate::net::{Address, Session};
use crate::sync::lock;
use confab_wire::rate_limit::RateLimiter;
use std::sync::{Arc, Mutex, Weak};
use std::time::Instant;

/// All members together may send one member as much as this many sockets may send.
const SENDERS: u32 = 4;
/// Addresses of senders that are told apart; more than a room has members.
const ADDRESSES: usize = 64;

/// The queue of a socket, as those who send to it see it.
pub(super) struct Outbox {
    pub(super) session: Arc<Session>,
    /// Bytes of its queue that are kept for what is not relayed.
    pub(super) reserved: usize,
    relays: Mutex<Relays>,
}

struct Relays {
    all: RateLimiter,
    of_one: RateLimiter,
    of: Vec<(Weak<Address>, RateLimiter)>,
}

impl Outbox {
    pub(super) fn new(session: Arc<Session>, limits: &Limits) -> Self {
        let (rate, burst) = (limits.messages_per_second, limits.message_burst);
        let relays = Relays {
            all: RateLimiter::per_second(rate.saturating_mul(SENDERS), burst.saturating_mul(SENDERS)),
            of_one: RateLimiter::per_second(rate, burst),
            of: Vec::new(),
        };
        Self { session, reserved: limits.send_queue_bytes / 4, relays: Mutex::new(relays) }
    }

    /// Takes a message from `sender` into account. False if it is one too many: of one address, or of all together.
    pub(super) fn admits_relay(&self, sender: &Arc<Address>, now: Instant) -> bool {
        let mut relays = lock(&self.relays);
        let relays = &mut *relays;
        let known = relays.of.iter().position(|(address, _)| std::ptr::eq(address.as_ptr(), Arc::as_ptr(sender)));
        let place = known.unwrap_or_else(|| {
            if relays.of.len() >= ADDRESSES {
                relays.of.retain(|(address, _)| address.strong_count() > 0);
            }
            if relays.of.len() >= ADDRESSES {
                relays.of.clear();
            }
            relays.of.push((Arc::downgrade(sender), relays.of_one.clone()));
            relays.of.len() - 1
        });
        relays.of[place].1.admit(now) && relays.all.admit(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::{Addresses, Backlog, Kind, TcpConnection};

    #[test]
    fn one_address_leaves_room_for_others_and_all_together_have_a_bound() {
        let limits = Limits { messages_per_second: 0, message_burst: 10, ..Limits::default() };
        let addresses = Addresses::new(limits.clone());
        let of = |last: u8| addresses.of([192, 0, 2, last].into());
        let place = addresses.place(&of(0), Kind::Connection).unwrap();
        let connection = Arc::new(TcpConnection::new([192, 0, 2, 0].into(), place));
        let outbox = Outbox::new(Session::new(Backlog::new(1, of(0), 1), connection), &limits);
        let now = Instant::now();
        let admitted = |last: u8| (0..30).filter(|_| outbox.admits_relay(&of(last), now)).count();
        let admitted: Vec<usize> = (1..=6).map(admitted).collect();
        assert_eq!(admitted, [10, 10, 10, 10, 0, 0]);
        for last in 0..=255 {
            outbox.admits_relay(&of(last), now);
        }
        assert!(lock(&outbox.relays).of.len() <= ADDRESSES);
    }
}

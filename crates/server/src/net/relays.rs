//! How much others may send to one socket.

use super::address::Address;
use crate::limits::Limits;
use crate::sync::lock;
use confab_wire::rate_limit::RateLimiter;
use std::sync::{Arc, Mutex, Weak};
use std::time::Instant;

/// All others together may send one socket as much as this many sockets may send.
const SENDERS: u32 = 4;
/// Addresses of senders that are told apart; more than a room has members.
const ADDRESSES: usize = 64;

/// Rate limits of what one socket receives from others: of each address, and in all.
pub(crate) struct Relays(Mutex<State>);

struct State {
    all: RateLimiter,
    of_one: RateLimiter,
    of: Vec<(Weak<Address>, RateLimiter)>,
}

impl Relays {
    pub(crate) fn new(limits: &Limits) -> Self {
        let (rate, burst) = (limits.messages_per_second, limits.message_burst);
        Self(Mutex::new(State {
            all: RateLimiter::per_second(rate.saturating_mul(SENDERS), burst.saturating_mul(SENDERS)),
            of_one: RateLimiter::per_second(rate, burst),
            of: Vec::new(),
        }))
    }

    /// Takes a message from `sender` into account. False if it is one too many: of one address, or of all together.
    pub(crate) fn admit(&self, sender: &Arc<Address>, now: Instant) -> bool {
        let mut state = lock(&self.0);
        let state = &mut *state;
        let known = state.of.iter().position(|(address, _)| std::ptr::eq(address.as_ptr(), Arc::as_ptr(sender)));
        let place = known.unwrap_or_else(|| {
            if state.of.len() >= ADDRESSES {
                state.of.retain(|(address, _)| address.strong_count() > 0);
            }
            if state.of.len() >= ADDRESSES {
                state.of.clear();
            }
            state.of.push((Arc::downgrade(sender), state.of_one.clone()));
            state.of.len() - 1
        });
        state.of[place].1.admit(now) && state.all.admit(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::Addresses;

    #[test]
    fn one_address_leaves_room_for_others_and_all_together_have_a_bound() {
        let limits = Limits { messages_per_second: 0, message_burst: 10, ..Limits::default() };
        let addresses = Addresses::new(limits.clone());
        let of = |last: u8| addresses.of([192, 0, 2, last].into());
        let (relays, now) = (Relays::new(&limits), Instant::now());
        let admitted = |last: u8| (0..30).filter(|_| relays.admit(&of(last), now)).count();
        let admitted: Vec<usize> = (1..=6).map(admitted).collect();
        assert_eq!(admitted, [10, 10, 10, 10, 0, 0]);
        for last in 0..=255 {
            relays.admit(&of(last), now);
        }
        assert!(lock(&relays.0).of.len() <= ADDRESSES);
    }
}

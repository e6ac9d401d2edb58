//! How much one socket may send, by the kind of what it sends.

use crate::limits::Limits;
use crate::net::{MessageBudget, Verdict};
use confab_wire::rate_limit::RateLimiter;
use std::time::Instant;

/// Rate limits of one socket ([`Limits`]).
pub(super) struct Budget {
    messages: MessageBudget,
    direct: RateLimiter,
    peeks: RateLimiter,
}

impl Budget {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            messages: MessageBudget::new(limits),
            direct: RateLimiter::per_second(limits.direct_per_second, limits.direct_burst),
            peeks: RateLimiter::per_second(limits.peeks_per_second, limits.peek_burst),
        }
    }

    /// Takes a message of `bytes` into account; `of_address` says whether the address of the socket may send it.
    pub(super) fn message(&mut self, bytes: usize, of_address: bool, now: Instant) -> Verdict {
        self.messages.message(bytes, of_address, now)
    }

    /// Takes a direct message into account. False if it is one too many.
    pub(super) fn direct(&mut self, now: Instant) -> bool {
        self.direct.admit(now)
    }

    /// Takes a question about a room into account. False if it is one too many.
    pub(super) fn peek(&mut self, now: Instant) -> bool {
        self.peeks.admit(now)
    }
}

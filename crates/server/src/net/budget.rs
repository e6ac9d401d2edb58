//! How much one socket may send.

use crate::limits::Limits;
use confab_wire::rate_limit::RateLimiter;
use std::time::Instant;

/// What becomes of a message.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is obeyed.
    Admit,
    /// It is dropped; `first` if it is the first one of this socket.
    Drop {
        /// Nothing was dropped before.
        first: bool,
    },
    /// The socket sends on and on: it is disconnected.
    Disconnect,
}

/// Rate limits of the messages of one socket ([`Limits`]).
pub(crate) struct MessageBudget {
    messages: RateLimiter,
    bytes: RateLimiter,
    dropped: u32,
    most_dropped: u32,
}

impl MessageBudget {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            messages: RateLimiter::per_second(limits.messages_per_second, limits.message_burst),
            bytes: RateLimiter::per_second(limits.bytes_per_second, limits.byte_burst),
            dropped: 0,
            most_dropped: limits.dropped_messages,
        }
    }

    /// Takes a message of `bytes` into account; `of_address` says whether the address of the socket may send it.
    pub(crate) fn message(&mut self, bytes: usize, of_address: bool, now: Instant) -> Verdict {
        if of_address && self.messages.admit(now) && self.bytes.take(bytes, now) {
            return Verdict::Admit;
        }
        self.dropped += 1;
        if self.dropped > self.most_dropped { Verdict::Disconnect } else { Verdict::Drop { first: self.dropped == 1 } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_that_sends_on_and_on_is_disconnected() {
        let limits = Limits { messages_per_second: 0, message_burst: 1, dropped_messages: 2, ..Limits::default() };
        let (mut budget, now) = (MessageBudget::new(&limits), Instant::now());
        let verdicts = [(); 4].map(|()| budget.message(1, true, now));
        let expected = [Verdict::Admit, Verdict::Drop { first: true }, Verdict::Drop { first: false }];
        assert_eq!((&verdicts[..3], &verdicts[3]), (&expected[..], &Verdict::Disconnect));
    }

    #[test]
    fn bytes_count_as_well_as_messages() {
        let limits = Limits { bytes_per_second: 0, byte_burst: 10, ..Limits::default() };
        let (mut budget, now) = (MessageBudget::new(&limits), Instant::now());
        assert_eq!(budget.message(10, true, now), Verdict::Admit);
        assert_eq!(budget.message(1, true, now), Verdict::Drop { first: true });
    }
}

//! How much of what one connection publishes is delivered.

use crate::limits::Limits;
use confab_wire::rate_limit::RateLimiter;
use std::time::Instant;

/// What one peer publishes may reach as many as if it had sent it to each member of a room one by one.
const RECEIVERS: u32 = confab_wire::limits::ROOM_MEMBERS as u32;

/// Rate limits of the deliveries that one connection causes.
pub(super) struct FanOut {
    deliveries: RateLimiter,
    bytes: RateLimiter,
}

impl FanOut {
    pub(super) fn new(limits: &Limits) -> Self {
        let all = |rate: u32| rate.saturating_mul(RECEIVERS);
        Self {
            deliveries: RateLimiter::per_second(all(limits.messages_per_second), all(limits.message_burst)),
            bytes: RateLimiter::per_second(all(limits.bytes_per_second), all(limits.byte_burst)),
        }
    }

    /// Takes into account that a message of `bytes` goes to so many. False if that is too much.
    pub(super) fn admit(&mut self, receivers: usize, bytes: usize, now: Instant) -> bool {
        self.deliveries.take(receivers, now) && self.bytes.take(receivers.saturating_mul(bytes), now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_published_counts_for_each_receiver() {
        let limits = Limits { messages_per_second: 0, message_burst: 1, ..Limits::default() };
        let (mut fan_out, now) = (FanOut::new(&limits), Instant::now());
        assert!(fan_out.admit(10, 1, now) && !fan_out.admit(10, 1, now) && fan_out.admit(6, 1, now));
        let limits = Limits { bytes_per_second: 0, byte_burst: 100, ..Limits::default() };
        let mut fan_out = FanOut::new(&limits);
        assert!(fan_out.admit(16, 100, now) && !fan_out.admit(1, 1, now));
    }
}

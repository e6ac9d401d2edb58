//! The rate limiter of everything that comes from outside: a token bucket.
//!
//! `governor` was weighed and left: it keeps one state per key for many threads behind a clock of its own, where each
//! limit here belongs to one connection, which passes its time in, real or virtual.

use std::time::{Duration, Instant};

/// A token bucket (RFC 2697 calls it that, ITU-T I.371 a leaky one): it holds `burst` tokens, gains `rate` of them in each
/// period, and whatever passes takes some. Without tokens it does not pass.
///
/// It counts in whole token-nanoseconds, so that no rounding adds up and one who waits exactly one period is admitted.
///
/// ```
/// use confab_wire::rate_limit::RateLimiter;
/// use std::time::{Duration, Instant};
///
/// let (mut limiter, start) = (RateLimiter::per_second(10, 2), Instant::now());
/// assert!(limiter.admit(start) && limiter.admit(start) && !limiter.admit(start));
/// assert!(limiter.admit(start + Duration::from_millis(100)));
/// ```
#[derive(Debug, Clone)]
pub struct RateLimiter {
    rate: u32,
    period: u128,
    capacity: u128,
    credit: u128,
    /// Until when `credit` counts; nothing before the first use, for which the bucket is full.
    filled: Option<Instant>,
}

impl RateLimiter {
    /// On average `rate` a second, and `burst` at once.
    pub fn per_second(rate: u32, burst: u32) -> Self {
        Self::new(rate, Duration::from_secs(1), burst)
    }

    /// Once in each `interval`, counted from the one that was admitted last.
    pub fn once_per(interval: Duration) -> Self {
        Self::new(1, interval, 1)
    }

    fn new(rate: u32, period: Duration, burst: u32) -> Self {
        let period = period.as_nanos();
        let capacity = u128::from(burst) * period;
        Self { rate, period, capacity, credit: capacity, filled: None }
    }

    /// Takes one token at the time `now`. False if there is none.
    ///
    /// `now` is a [`std::time::Instant`] or tokio's; where it goes back, time stands still.
    pub fn admit(&mut self, now: impl Into<Instant>) -> bool {
        self.take(1, now)
    }

    /// Takes `cost` tokens, bytes for example, at the time `now`. False, and none is taken, if there are fewer.
    pub fn take(&mut self, cost: usize, now: impl Into<Instant>) -> bool {
        let now = now.into();
        let filled = self.filled.get_or_insert(now);
        let elapsed = now.saturating_duration_since(*filled).as_nanos();
        *filled = now.max(*filled);
        let gained = elapsed.saturating_mul(u128::from(self.rate));
        self.credit = self.credit.saturating_add(gained).min(self.capacity);
        let cost = (cost as u128).saturating_mul(self.period);
        let enough = self.credit >= cost;
        if enough {
            self.credit -= cost;
        }
        enough
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_then_the_average_does() {
        let start = Instant::now();
        let mut bucket = RateLimiter::per_second(10, 3);
        assert_eq!([(); 4].map(|()| bucket.take(1, start)), [true, true, true, false]);
        let later = start + Duration::from_millis(100);
        assert_eq!([(); 2].map(|()| bucket.take(1, later)), [true, false]);
        let much_later = start + Duration::from_secs(60);
        assert_eq!([(); 4].map(|()| bucket.take(1, much_later)), [true, true, true, false]);
    }

    #[test]
    fn what_costs_more_than_is_there_takes_nothing() {
        let start = Instant::now();
        let mut bucket = RateLimiter::per_second(1, 10);
        assert!(!bucket.take(11, start));
        assert!(bucket.take(10, start));
        assert!(!bucket.take(usize::MAX, start + Duration::from_secs(u64::from(u32::MAX))));
    }

    #[test]
    fn exactly_one_interval_is_enough_and_a_refusal_costs_nothing() {
        for seconds in [1, 5, 49] {
            let (start, interval) = (Instant::now(), Duration::from_secs(seconds));
            let mut limiter = RateLimiter::once_per(interval);
            assert!(limiter.admit(start));
            assert!(!limiter.admit(start) && !limiter.admit(start + interval - Duration::from_nanos(1)));
            assert!(limiter.admit(start + interval) && !limiter.admit(start + interval));
        }
    }

    #[test]
    fn time_that_goes_back_gives_nothing() {
        let start = Instant::now();
        let mut limiter = RateLimiter::per_second(1, 1);
        assert!(limiter.admit(start + Duration::from_secs(1)));
        assert!(!limiter.admit(start) && !limiter.admit(start + Duration::from_secs(1)));
    }
}

//! How much one socket may send.

use std::time::Instant;

/// A token bucket: holds `burst` tokens, gains `per_second`, and every unit of work costs some.
#[derive(Debug)]
pub(crate) struct TokenBucket {
    tokens: f64,
    per_second: f64,
    burst: f64,
    filled: Instant,
}

impl TokenBucket {
    pub(crate) fn new(per_second: u32, burst: u32, now: Instant) -> Self {
        Self { tokens: f64::from(burst), per_second: f64::from(per_second), burst: f64::from(burst), filled: now }
    }

    /// Takes `cost` tokens. False, and nothing is taken, if there are fewer.
    pub(crate) fn take(&mut self, cost: usize, now: Instant) -> bool {
        let elapsed = now.saturating_duration_since(self.filled).as_secs_f64();
        self.tokens = (self.tokens + elapsed * self.per_second).min(self.burst);
        self.filled = now;
        // Costs are message sizes, bounded far under 2^53.
        let cost = cost as f64;
        let enough = self.tokens >= cost;
        if enough {
            self.tokens -= cost;
        }
        enough
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_burst_passes_then_the_average_does() {
        let start = Instant::now();
        let mut bucket = TokenBucket::new(10, 3, start);
        assert_eq!([(); 4].map(|()| bucket.take(1, start)), [true, true, true, false]);
        let later = start + Duration::from_millis(100);
        assert_eq!([(); 2].map(|()| bucket.take(1, later)), [true, false]);
        let much_later = start + Duration::from_secs(60);
        assert_eq!([(); 4].map(|()| bucket.take(1, much_later)), [true, true, true, false]);
    }

    #[test]
    fn what_costs_more_than_is_there_takes_nothing() {
        let start = Instant::now();
        let mut bucket = TokenBucket::new(1, 10, start);
        assert!(!bucket.take(11, start));
        assert!(bucket.take(10, start));
    }
}

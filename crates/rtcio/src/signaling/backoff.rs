//! Pauses between attempts to connect: exponential, with full jitter over the upper half, so that the clients of a
//! server that restarts do not all come back in one instant.

use rand::Rng;
use std::time::Duration;

/// Pause after the first failure.
const FIRST: Duration = Duration::from_millis(500);
/// Longest pause.
const LONGEST: Duration = Duration::from_secs(10);

/// The pauses of one row of failures.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// The next pause: between half of and the whole of `FIRST * 2^failures`, at most `LONGEST`.
    pub(crate) fn next(&mut self) -> Duration {
        let whole = FIRST.saturating_mul(1 << self.failures.min(16)).min(LONGEST);
        self.failures = self.failures.saturating_add(1);
        whole / 2 + (whole / 2).mul_f64(rand::rng().random::<f64>())
    }

    /// A connection stood: the row of failures is over.
    pub(crate) fn reset(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_bound_and_start_again() {
        let mut backoff = Backoff::default();
        for expected in [500u64, 1_000, 2_000, 4_000, 8_000, 10_000, 10_000] {
            let pause = backoff.next();
            assert!(pause >= Duration::from_millis(expected / 2), "{pause:?} for {expected}");
            assert!(pause <= Duration::from_millis(expected), "{pause:?} for {expected}");
        }
        backoff.reset();
        assert!(backoff.next() <= FIRST);
    }

    #[test]
    fn pauses_differ() {
        let pauses: std::collections::HashSet<_> = (0..16).map(|_| Backoff::default().next()).collect();
        assert!(pauses.len() > 1);
    }
}

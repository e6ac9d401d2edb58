//! Pauses before attempts to reconnect.

use super::options::Reconnection;
use rand::Rng;
use std::time::Duration;

/// The pause after the server said that there are too many connections (4010).
const OVER_LIMIT: Duration = Duration::from_secs(30);
/// The longest pause that a server may ask for.
const LONGEST_ASKED: Duration = Duration::from_secs(60);

/// The pauses of one row of failures.
#[derive(Debug)]
pub(super) struct Backoff {
    options: Reconnection,
    failures: u32,
}

impl Backoff {
    pub(super) fn new(options: Reconnection) -> Self {
        Self { options, failures: 0 }
    }

    /// The next pause, after a connection that ended with `code` and perhaps an announcement. `None`: no more attempts.
    pub(super) fn next(&mut self, code: u16, announced: Option<Duration>) -> Option<Duration> {
        let Reconnection { delay, delay_max, jitter, attempts } = self.options;
        if self.failures >= attempts {
            return None;
        }
        let pause = delay.saturating_mul(1 << self.failures.min(16)).min(delay_max);
        self.failures += 1;
        let jitter = if jitter > 0.0 { jitter.min(1.0) } else { 0.0 };
        let pause = pause.mul_f64(1.0 + jitter * (2.0 * rand::rng().random::<f64>() - 1.0));
        let least = if code == 4010 { OVER_LIMIT } else { announced.unwrap_or_default().min(LONGEST_ASKED) };
        Some(pause.max(least))
    }

    /// A connection stood long enough: the row is over.
    pub(super) fn reset(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest_and_end() {
        let mut backoff = Backoff::new(Reconnection::default());
        let near = |pause: Duration, expected: f64| (pause.as_secs_f64() / expected - 1.0).abs() <= 0.2;
        for expected in [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0] {
            assert!(near(backoff.next(1006, None).unwrap(), expected), "{expected}");
        }
        assert_eq!((8..200).filter(|_| backoff.next(1006, None).is_some()).count(), 92);
        backoff.reset();
        assert!(near(backoff.next(1006, None).unwrap(), 0.5));
    }

    #[test]
    fn a_full_server_and_one_that_announces_its_end_are_left_alone() {
        let mut backoff = Backoff::new(Reconnection::default());
        assert_eq!(backoff.next(4010, None), Some(OVER_LIMIT));
        assert_eq!(backoff.next(1001, Some(Duration::from_secs(9))), Some(Duration::from_secs(9)));
        assert_eq!(backoff.next(1001, Some(Duration::from_secs(900))), Some(LONGEST_ASKED));
    }
}

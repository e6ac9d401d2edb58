//! Pauses between attempts to connect.

use rand::Rng;
use std::time::Duration;

/// Attempts to reach the signaling server again; the options of a Socket.IO manager.
///
/// The first attempt is not counted: like those after a lost connection it is repeated as often as this says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reconnection {
    /// Whether there are any (`reconnection`). Without, [`crate::Socket::connect`] tries again.
    pub enabled: bool,
    /// How many in a row (`reconnectionAttempts`); `None` for no end.
    pub attempts: Option<u32>,
    /// Pause before the first one (`reconnectionDelay`); doubled for each further one.
    pub delay: Duration,
    /// Longest pause (`reconnectionDelayMax`).
    pub delay_max: Duration,
    /// How far a pause may stray to both sides, as a part of it, 0 to 1 (`randomizationFactor`): the clients of a server
    /// that restarts must not all come back in one instant.
    pub randomization_factor: f64,
}

impl Default for Reconnection {
    fn default() -> Self {
        Self {
            enabled: true,
            attempts: None,
            delay: Duration::from_millis(500),
            delay_max: Duration::from_secs(10),
            randomization_factor: 0.5,
        }
    }
}

/// The pauses of one row of failures.
#[derive(Debug)]
pub(crate) struct Backoff {
    options: Reconnection,
    failures: u32,
}

impl Backoff {
    pub(crate) fn new(options: Reconnection) -> Self {
        Self { options, failures: 0 }
    }

    /// The next pause: `delay * 2^failures`, at most `delay_max`, strayed by the factor. `None`: no more attempts.
    pub(crate) fn next(&mut self) -> Option<Duration> {
        let Reconnection { enabled, attempts, delay, delay_max, randomization_factor } = self.options;
        if !enabled || attempts.is_some_and(|attempts| self.failures >= attempts) {
            return None;
        }
        let whole = delay.saturating_mul(1 << self.failures.min(16));
        self.failures = self.failures.saturating_add(1);
        // NaN and what lies outside of the range count as the nearest that makes sense.
        let factor = if randomization_factor > 0.0 { randomization_factor.min(1.0) } else { 0.0 };
        let stray = 1.0 + factor * (2.0 * rand::rng().random::<f64>() - 1.0);
        Some(whole.min(delay_max).mul_f64(stray).min(delay_max))
    }

    /// A connection stood, or a person wants one: the row of failures is over.
    pub(crate) fn reset(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_bound_and_start_again() {
        let mut backoff = Backoff::new(Reconnection::default());
        for expected in [500u64, 1_000, 2_000, 4_000, 8_000, 10_000, 10_000] {
            let pause = backoff.next().unwrap();
            assert!(pause >= Duration::from_millis(expected / 2), "{pause:?} for {expected}");
            assert!(pause <= Duration::from_millis(expected + expected / 2).min(Duration::from_secs(10)), "{pause:?}");
        }
        backoff.reset();
        assert!(backoff.next().unwrap() <= Duration::from_millis(750));
    }

    #[test]
    fn pauses_differ_unless_they_must_not() {
        let pauses = |factor| -> std::collections::HashSet<_> {
            let options = Reconnection { randomization_factor: factor, ..Reconnection::default() };
            (0..16).map(|_| Backoff::new(options).next()).collect()
        };
        assert!(pauses(0.5).len() > 1);
        for factor in [0.0, -1.0, f64::NAN] {
            assert_eq!(pauses(factor).into_iter().collect::<Vec<_>>(), [Some(Duration::from_millis(500))]);
        }
    }

    #[test]
    fn attempts_end_where_the_options_say_so() {
        let mut three = Backoff::new(Reconnection { attempts: Some(3), ..Reconnection::default() });
        assert_eq!((0..5).map(|_| three.next().is_some()).collect::<Vec<_>>(), [true, true, true, false, false]);
        three.reset();
        assert!(three.next().is_some());
        assert_eq!(Backoff::new(Reconnection { enabled: false, ..Reconnection::default() }).next(), None);
        let huge = Reconnection { delay: Duration::MAX, delay_max: Duration::from_secs(1), ..Reconnection::default() };
        assert!(Backoff::new(huge).next().unwrap() <= Duration::from_secs(1));
    }
}

//! Errors of a socket that receives datagrams: most say nothing about the next one, but one that only fails must not cost a
//! processor.

use std::time::Duration;

/// Pause after the first error in a row, doubled for each further one.
const PAUSE: Duration = Duration::from_millis(1);
/// Longest pause.
const LONGEST_PAUSE: Duration = Duration::from_millis(200);
/// Errors in a row after which the socket is given up: ten seconds.
const MOST: u32 = 56;

/// Errors since the last datagram.
#[derive(Debug, Default)]
pub(super) struct ReceiveErrors {
    row: u32,
}

impl ReceiveErrors {
    /// A datagram came.
    pub(super) fn received(&mut self) {
        self.row = 0;
    }

    /// Receiving failed: how long to wait before the next try. `None` if the socket is given up.
    pub(super) fn failed(&mut self) -> Option<Duration> {
        self.row += 1;
        (self.row < MOST).then(|| PAUSE.saturating_mul(1 << self.row.min(16)).min(LONGEST_PAUSE))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_that_only_fails_is_tried_slowly_and_then_no_more() {
        let mut errors = ReceiveErrors::default();
        let pauses: Vec<Duration> = std::iter::from_fn(|| errors.failed()).collect();
        let total: Duration = pauses.iter().sum();
        assert!((Duration::from_secs(8)..Duration::from_secs(12)).contains(&total), "{total:?}");
        assert!(pauses.len() < 100);
        errors.received();
        assert!(errors.failed().is_some_and(|pause| pause < Duration::from_millis(10)), "one error is nothing");
    }
}

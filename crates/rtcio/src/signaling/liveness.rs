//! Whether a server is there, by the pings of WebSocket (RFC 6455 section 5.5.2), which every server answers.

use std::time::Duration;
use tokio::time::Instant;

/// How often a server is pinged.
pub(super) const PING_INTERVAL: Duration = Duration::from_secs(5);
/// How long a server that has answered a ping before may leave one unanswered.
const PONG_TIMEOUT: Duration = Duration::from_secs(10);
/// The same when something speaks against the connection.
const HURRIED_TIMEOUT: Duration = Duration::from_secs(2);

/// What is known of the server's answers. One that has never answered a ping is not missed: something between may swallow them.
#[derive(Debug, Default)]
pub(super) struct Liveness {
    /// When a ping was sent since which nothing came.
    unanswered: Option<Instant>,
    /// When something must have come, whatever the patience otherwise.
    hurried: Option<Instant>,
    answers: bool,
    /// Nothing is read at the moment: silence means nothing.
    paused: bool,
}

impl Liveness {
    /// A ping was sent.
    pub(super) fn pinged(&mut self, now: Instant) {
        self.unanswered.get_or_insert(now);
    }

    /// Something speaks against the connection: the next answer must come soon. What more speaks against it gives it no more time.
    pub(super) fn hurry(&mut self, now: Instant) {
        self.hurried.get_or_insert(now + HURRIED_TIMEOUT);
    }

    /// Something came; `pong` if it answers a ping.
    pub(super) fn heard(&mut self, pong: bool) {
        (self.unanswered, self.hurried) = (None, None);
        self.answers |= pong;
    }

    /// From now on nothing is read.
    pub(super) fn pause(&mut self) {
        self.paused = true;
    }

    /// It is read again: the server has its time once more.
    pub(super) fn resume(&mut self, now: Instant) {
        self.paused = false;
        self.unanswered = self.unanswered.map(|_| now);
        self.hurried = self.hurried.map(|_| now + HURRIED_TIMEOUT);
    }

    /// When the server counts as gone.
    pub(super) fn due(&self) -> Option<Instant> {
        let patient = self.unanswered.map(|sent| sent + PONG_TIMEOUT);
        [patient, self.hurried].into_iter().flatten().min().filter(|_| self.answers && !self.paused)
    }

    /// True if it counts as gone.
    pub(super) fn is_overdue(&self, now: Instant) -> bool {
        self.due().is_some_and(|due| now >= due)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_server_that_has_answered_before_is_missed() {
        let (mut liveness, now) = (Liveness::default(), Instant::now());
        liveness.pinged(now);
        assert!(!liveness.is_overdue(now + 10 * PONG_TIMEOUT));
        liveness.heard(false);
        liveness.pinged(now);
        assert!(!liveness.is_overdue(now + 10 * PONG_TIMEOUT));
        liveness.heard(true);
        assert_eq!(liveness.due(), None);
        liveness.pinged(now);
        liveness.pinged(now + PING_INTERVAL);
        assert!(!liveness.is_overdue(now));
        assert!(liveness.is_overdue(now + PONG_TIMEOUT));
        liveness.heard(false);
        assert!(!liveness.is_overdue(now + PONG_TIMEOUT));
        liveness.hurry(now);
        liveness.hurry(now + HURRIED_TIMEOUT / 2);
        assert!(!liveness.is_overdue(now));
        assert!(liveness.is_overdue(now + HURRIED_TIMEOUT));
    }

    #[test]
    fn silence_means_nothing_while_nobody_reads() {
        let (mut liveness, now) = (Liveness::default(), Instant::now());
        liveness.heard(true);
        liveness.pinged(now);
        liveness.hurry(now);
        liveness.pause();
        assert!(!liveness.is_overdue(now + 10 * PONG_TIMEOUT));
        let later = now + 10 * PONG_TIMEOUT;
        liveness.resume(later);
        assert!(!liveness.is_overdue(later));
        assert!(liveness.is_overdue(later + HURRIED_TIMEOUT));
    }
}

//! Whether a server is there.

use std::time::Duration;
use tokio::time::Instant;

/// How often a link is asked whether it still stands.
pub(super) const PROBE_INTERVAL: Duration = Duration::from_secs(5);
/// How long a server that has answered a probe before may leave one unanswered.
const PROBE_TIMEOUT: Duration = Duration::from_secs(10);
/// The same when something speaks against the link.
const HURRIED_TIMEOUT: Duration = Duration::from_secs(2);

/// What is known of the server's answers. One that has never answered a probe does not know them, as stock servers.
#[derive(Debug, Default)]
pub(super) struct LivenessProbe {
    /// When a probe was sent that is not answered yet.
    unanswered: Option<Instant>,
    /// When an answer must be there, whatever the patience otherwise.
    hurried: Option<Instant>,
    known: bool,
}

impl LivenessProbe {
    /// A probe is due. False: one is on its way.
    pub(super) fn sent(&mut self, now: Instant) -> bool {
        let free = self.unanswered.is_none();
        self.unanswered.get_or_insert(now);
        free
    }

    /// Something speaks against the link: the next answer must come soon. What more speaks against it gives it no more time.
    pub(super) fn hurry(&mut self, now: Instant) {
        self.hurried.get_or_insert(now + HURRIED_TIMEOUT);
    }

    pub(super) fn answered(&mut self) {
        (self.unanswered, self.hurried, self.known) = (None, None, true);
    }

    pub(super) fn due(&self) -> Option<Instant> {
        let patient = self.unanswered.map(|sent| sent + PROBE_TIMEOUT);
        [patient, self.hurried].into_iter().flatten().min().filter(|_| self.known)
    }

    pub(super) fn is_overdue(&self, now: Instant) -> bool {
        self.due().is_some_and(|due| now >= due)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_server_that_has_answered_before_is_missed() {
        let (mut probe, now) = (LivenessProbe::default(), Instant::now());
        assert!(probe.sent(now));
        assert!(!probe.sent(now + PROBE_INTERVAL));
        assert!(!probe.is_overdue(now + 10 * PROBE_TIMEOUT));
        probe.answered();
        assert!(probe.sent(now));
        assert!(!probe.is_overdue(now));
        assert!(probe.is_overdue(now + PROBE_TIMEOUT));
        probe.answered();
        assert!(!probe.is_overdue(now + PROBE_TIMEOUT));
        probe.hurry(now);
        probe.hurry(now + HURRIED_TIMEOUT / 2);
        assert!(probe.sent(now));
        assert!(!probe.is_overdue(now));
        assert!(probe.is_overdue(now + HURRIED_TIMEOUT));
        probe.answered();
        assert!(!probe.is_overdue(now + PROBE_TIMEOUT));
    }
}

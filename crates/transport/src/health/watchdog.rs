//! When a peer counts as gone, as a state machine without clocks of its own.

use std::time::Duration;
use tokio::time::Instant;

/// How long a connection may take that has never stood.
const FIRST_CONNECTION: Duration = Duration::from_secs(40);

/// Times of the watchdog.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Watchdog {
    /// How long a connection may be unhealthy.
    pub timeout: Duration,
    /// The same when signaling has said that the peer left.
    pub hint_timeout: Duration,
    /// How long such a hint counts.
    pub hint_ttl: Duration,
}

impl Default for Watchdog {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(12),
            hint_timeout: Duration::from_millis(2_500),
            hint_ttl: Duration::from_secs(30),
        }
    }
}

/// Health of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Health {
    /// Not yet connected, or on the way back.
    Pending,
    /// Connected.
    Healthy,
    /// Disconnected or failed.
    Unhealthy,
}

/// The watch over one peer.
#[derive(Debug)]
pub(crate) struct Watch {
    times: Watchdog,
    health: Health,
    /// When the peer is removed.
    deadline: Option<Instant>,
    hinted: Option<Instant>,
}

impl Watch {
    /// `first`: how long the connection may take, if not as long as the first one of a peer.
    pub(crate) fn new(times: Watchdog, first: Option<Duration>, now: Instant) -> Self {
        let deadline = Some(now + first.unwrap_or(FIRST_CONNECTION));
        Self { times, health: Health::Pending, deadline, hinted: None }
    }

    /// The remote answered: the connection has its whole time from now on, if it has not stood yet.
    pub(crate) fn answered(&mut self, now: Instant) {
        if self.health == Health::Pending {
            self.deadline = self.deadline.map(|_| now + FIRST_CONNECTION);
        }
    }

    /// The connection changed.
    pub(crate) fn changed(&mut self, health: Health, now: Instant) {
        self.health = health;
        match health {
            Health::Healthy => self.deadline = None,
            Health::Unhealthy => {
                let hinted = self.hinted.is_some_and(|at| now.saturating_duration_since(at) < self.times.hint_ttl);
                self.deadline = Some(now + if hinted { self.times.hint_timeout } else { self.times.timeout });
            }
            Health::Pending => {}
        }
    }

    /// Signaling says that the peer left. True: remove it now.
    pub(crate) fn hint(&mut self, now: Instant) -> bool {
        self.hinted = Some(now);
        self.health != Health::Healthy
    }

    /// When the peer is to be removed, if nothing changes.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// True if the last known state is healthy.
    pub(crate) fn is_healthy(&self) -> bool {
        self.health == Health::Healthy
    }

    /// True if the last known state is unhealthy.
    pub(crate) fn is_unhealthy(&self) -> bool {
        self.health == Health::Unhealthy
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn watch() -> (Watch, Instant) {
        let now = Instant::now();
        (Watch::new(Watchdog::default(), None, now), now)
    }

    #[test]
    fn an_unhealthy_peer_has_its_time_to_recover() {
        let (mut watch, now) = watch();
        watch.changed(Health::Healthy, now);
        assert_eq!(watch.deadline(), None);
        watch.changed(Health::Unhealthy, now);
        assert_eq!(watch.deadline(), Some(now + Duration::from_secs(12)));
        watch.changed(Health::Pending, now);
        assert_eq!(watch.deadline(), Some(now + Duration::from_secs(12)));
        watch.changed(Health::Healthy, now);
        assert_eq!(watch.deadline(), None);
    }

    #[test]
    fn a_hint_only_shortens_what_is_unhealthy() {
        let (mut watch, now) = watch();
        watch.changed(Health::Healthy, now);
        assert!(!watch.hint(now));
        assert_eq!(watch.deadline(), None);
        watch.changed(Health::Unhealthy, now + Duration::from_secs(29));
        assert_eq!(watch.deadline(), Some(now + Duration::from_millis(31_500)));
        assert!(watch.hint(now));
    }

    #[test]
    fn an_answer_begins_the_time_of_the_connection() {
        let now = Instant::now();
        let mut watch = Watch::new(Watchdog::default(), Some(Duration::from_secs(600)), now);
        assert_eq!(watch.deadline(), Some(now + Duration::from_secs(600)));
        let answered = now + Duration::from_secs(300);
        watch.answered(answered);
        assert_eq!(watch.deadline(), Some(answered + FIRST_CONNECTION));
        watch.changed(Health::Healthy, answered);
        watch.answered(answered);
        assert_eq!(watch.deadline(), None);
    }

    #[test]
    fn an_old_hint_counts_no_more() {
        let (mut watch, now) = watch();
        watch.changed(Health::Healthy, now);
        watch.hint(now);
        let later = now + Duration::from_secs(30);
        watch.changed(Health::Unhealthy, later);
        assert_eq!(watch.deadline(), Some(later + Duration::from_secs(12)));
    }

    #[test]
    fn a_peer_that_never_connects_does_not_stay() {
        let (mut watch, now) = watch();
        assert_eq!(watch.deadline(), Some(now + FIRST_CONNECTION));
        assert!(watch.hint(now));
    }
}

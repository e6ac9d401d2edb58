//! What is done about a connection that is unhealthy or unanswered while its peer is in the room.
//!
//! An unhealthy connection restarts ICE first. When that does not help until the watchdog bites, the connection is
//! replaced (see [`crate::reconnect`]). An offer that is not answered is said again with growing pauses.

use confab_wire::signaling::Description;
use std::time::Duration;
use tokio::time::Instant;

/// Longest time that an unhealthy connection may heal by itself before ICE restarts.
const RESTART_AFTER: Duration = Duration::from_secs(3);
/// How long a restart of ICE may take before the connection is replaced.
const RESTART_PATIENCE: Duration = Duration::from_secs(10);
/// How long an offer waits for its answer before it is said again; doubled each time. It may have been lost on a line to
/// the server that one side already knew as dead, or does not even now.
pub(crate) const REPEAT_OFFER: Duration = Duration::from_secs(3);
/// How long an offer of ours is held up against one of theirs before we yield: a stock peer yields itself, and one of
/// ours insists as we do.
pub(crate) const YIELD_AFTER: Duration = Duration::from_secs(2);
/// The same for the side that does not yield of its own: two that insist must not both begin anew with the offer that the
/// other has just given up, and again with the next.
const YIELD_AT_LAST: Duration = Duration::from_secs(6);

/// What falls due for one connection. A state machine without clocks of its own.
#[derive(Debug, Default)]
pub(crate) struct Healing {
    restart: Option<Instant>,
    replace: Option<Instant>,
    repeat: Option<(Instant, Duration)>,
    yielding: Option<(Instant, Description)>,
}

/// What is due.
#[derive(Debug, PartialEq)]
pub(crate) enum Remedy {
    /// Restart ICE.
    Restart,
    /// The connection can't be healed.
    Replace,
    /// Say the offer again.
    Repeat,
    /// Take this offer instead of ours.
    Yield(Description),
}

impl Healing {
    /// The connection stands.
    pub(crate) fn healthy(&mut self) {
        (self.restart, self.replace) = (None, None);
    }

    /// The connection is disconnected or failed; the watchdog gives it `timeout`. The polite side restarts first.
    pub(crate) fn unhealthy(&mut self, timeout: Duration, polite: bool, now: Instant) {
        if self.restart.is_none() && self.replace.is_none() {
            let after = RESTART_AFTER.min(timeout / 4);
            self.restart = Some(now + if polite { after } else { after + after / 2 });
        }
    }

    /// ICE restarts.
    pub(crate) fn restarted(&mut self, now: Instant) {
        self.restart = None;
        self.replace.get_or_insert(now + RESTART_PATIENCE);
    }

    /// True if ICE was restarted since the connection stood.
    pub(crate) fn is_restarted(&self) -> bool {
        self.replace.is_some()
    }

    /// Signaling went or came back: what was said in between may be lost.
    pub(crate) fn forget_restart(&mut self) {
        self.replace = None;
    }

    /// An offer was sent.
    pub(crate) fn offered(&mut self, now: Instant) {
        self.repeat = Some((now + REPEAT_OFFER, REPEAT_OFFER));
    }

    /// The offer was taken back.
    pub(crate) fn withdrawn(&mut self) {
        self.repeat = None;
    }

    /// The offer was answered, or is none any more.
    pub(crate) fn answered(&mut self) {
        self.repeat = None;
        self.yielding = None;
    }

    /// An offer came while ours waits; `yields`: it is for us to give way. True if it is the first one.
    pub(crate) fn collided(&mut self, offer: Description, yields: bool, now: Instant) -> bool {
        let before = self.yielding.take().map(|(at, _)| at);
        let patience = if yields { YIELD_AFTER } else { YIELD_AT_LAST };
        self.yielding = Some((before.unwrap_or(now + patience), offer));
        before.is_none()
    }

    /// When something falls due.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let repeat = self.repeat.map(|(at, _)| at);
        let yielding = self.yielding.as_ref().map(|(at, _)| *at);
        [self.restart, self.replace, repeat, yielding].into_iter().flatten().min()
    }

    /// What is due now. Call it until it gives nothing.
    pub(crate) fn due(&mut self, now: Instant) -> Option<Remedy> {
        if let Some((_, offer)) = self.yielding.take_if(|(at, _)| *at <= now) {
            return Some(Remedy::Yield(offer));
        }
        if self.replace.take_if(|at| *at <= now).is_some() {
            return Some(Remedy::Replace);
        }
        if self.restart.take_if(|at| *at <= now).is_some() {
            return Some(Remedy::Restart);
        }
        let (at, pause) = self.repeat?;
        if at > now {
            return None;
        }
        self.repeat = Some((now + 2 * pause, 2 * pause));
        Some(Remedy::Repeat)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn ice_restarts_before_the_connection_is_given_up() {
        let now = Instant::now();
        let mut healing = Healing::default();
        healing.unhealthy(seconds(12), true, now);
        healing.unhealthy(seconds(12), true, now + seconds(1));
        assert_eq!(healing.due(now + seconds(2)), None);
        assert_eq!(healing.due(now + seconds(3)), Some(Remedy::Restart));
        healing.restarted(now + seconds(3));
        healing.unhealthy(seconds(12), true, now + seconds(4));
        assert_eq!(healing.deadline(), Some(now + seconds(13)));
        assert_eq!(healing.due(now + seconds(13)), Some(Remedy::Replace));
        let mut impolite = Healing::default();
        impolite.unhealthy(seconds(4), false, now);
        assert_eq!(impolite.deadline(), Some(now + Duration::from_millis(1_500)));
        impolite.healthy();
        assert_eq!(impolite.deadline(), None);
    }

    #[test]
    fn an_offer_is_said_again_until_it_is_answered() {
        let now = Instant::now();
        let mut healing = Healing::default();
        healing.offered(now);
        let said: Vec<u64> =
            (0..50).filter(|second| healing.due(now + seconds(*second)) == Some(Remedy::Repeat)).collect();
        assert_eq!(said, [3, 9, 21, 45]);
        healing.answered();
        assert_eq!(healing.deadline(), None);
    }

    #[test]
    fn who_insists_yields_in_the_end_to_the_newest_offer() {
        let now = Instant::now();
        let offer = |sdp: &str| Description { kind: "offer".into(), sdp: sdp.into() };
        let mut healing = Healing::default();
        for (yields, patience) in [(true, YIELD_AFTER), (false, YIELD_AT_LAST)] {
            assert!(healing.collided(offer("a"), yields, now));
            assert!(!healing.collided(offer("b"), yields, now + seconds(1)));
            assert_eq!(healing.due(now + seconds(1)), None);
            assert_eq!(healing.due(now + patience), Some(Remedy::Yield(offer("b"))));
            assert_eq!(healing.deadline(), None);
        }
    }
}

//! Who is in the room by the server's word.

use confab_wire::limits;
use std::collections::{HashMap, HashSet};
use std::time::Duration;
use tokio::time::Instant;

/// How long a member that should offer is waited for, before this side offers.
const OFFER_PATIENCE: Duration = Duration::from_secs(10);
/// Members that are kept in mind. A server that names more is hostile or broken.
const MEMBERS: usize = 4 * limits::ROOM_MEMBERS;

/// The server's word, as far as it was heard.
#[derive(Debug, Default)]
pub(crate) struct Presence {
    /// Members without a connection, and when this side offers.
    idle: HashMap<String, Instant>,
    /// Members that were not named again since signaling came back.
    stale: HashSet<String>,
    /// The server tells who is in the room at each join; a stock one tells only of newcomers.
    tells: bool,
}

impl Presence {
    /// The server named `id`; `tells` if that was in a list of members. False: it is none that can be.
    pub(crate) fn named(&mut self, id: &str, tells: bool) -> bool {
        self.tells |= tells;
        self.stale.remove(id);
        !id.is_empty() && id.len() <= limits::ID_BYTES
    }

    /// Who gives way to somebody new, where there is no place: the one that is without a connection for the longest time.
    pub(crate) fn gives_way(&self) -> Option<String> {
        let crowded = self.idle.len() >= MEMBERS;
        self.idle.iter().filter(|_| crowded).min_by_key(|(_, at)| **at).map(|(id, _)| id.clone())
    }

    /// `id` has no connection: the side that was in the room before is to offer. `extra` keeps two that both lost their
    /// patience apart.
    pub(crate) fn wait_for_offer(&mut self, id: &str, now: Instant, extra: Duration) {
        self.idle.entry(id.to_owned()).or_insert(now + OFFER_PATIENCE + extra);
    }

    /// `id` has a connection, or is gone.
    pub(crate) fn settled(&mut self, id: &str) {
        self.idle.remove(id);
        self.stale.remove(id);
    }

    /// Signaling is back: what the server said before may not be true any more.
    pub(crate) fn reconnected(&mut self, known: impl Iterator<Item = String>) {
        self.stale = known.collect();
    }

    /// The room is joined again: who was not named has left.
    pub(crate) fn joined(&mut self) -> Vec<String> {
        let stale = std::mem::take(&mut self.stale);
        if self.tells { stale.into_iter().collect() } else { Vec::new() }
    }

    /// When patience ends next.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.idle.values().min().copied()
    }

    /// Members to offer to now.
    pub(crate) fn due(&mut self, now: Instant) -> Vec<String> {
        self.idle.extract_if(|_, at| *at <= now).map(|(id, _)| id).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_that_does_not_offer_is_offered_to() {
        let now = Instant::now();
        let mut presence = Presence::default();
        assert!(presence.named("ann", true) && presence.named("ben", true));
        presence.wait_for_offer("ann", now, Duration::ZERO);
        presence.wait_for_offer("ben", now, Duration::ZERO);
        presence.settled("ben");
        assert_eq!(presence.deadline(), Some(now + OFFER_PATIENCE));
        assert!(presence.due(now).is_empty());
        assert_eq!(presence.due(now + OFFER_PATIENCE), ["ann"]);
        assert_eq!(presence.deadline(), None);
    }

    #[test]
    fn of_too_many_the_oldest_gives_way() {
        let (mut presence, now) = (Presence::default(), Instant::now());
        for number in 0..MEMBERS as u64 {
            assert_eq!(presence.gives_way(), None);
            presence.wait_for_offer(&number.to_string(), now + Duration::from_millis(number), Duration::ZERO);
        }
        assert_eq!(presence.gives_way().as_deref(), Some("0"));
        presence.settled("0");
        assert_eq!(presence.gives_way(), None);
    }

    #[test]
    fn who_is_not_named_again_has_left() {
        let mut presence = Presence::default();
        presence.named("ann", true);
        presence.reconnected(["ann".to_owned(), "ben".to_owned()].into_iter());
        presence.named("ann", true);
        assert_eq!(presence.joined(), ["ben"]);
        assert!(presence.joined().is_empty());
    }

    #[test]
    fn a_server_that_tells_no_members_says_nothing_by_its_silence() {
        let mut presence = Presence::default();
        presence.named("ann", false);
        presence.reconnected(["ann".to_owned()].into_iter());
        assert!(presence.joined().is_empty());
    }
}

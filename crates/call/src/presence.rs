//! Who is in the room by the server's word, and to whom there is no connection: somebody has to try again.

use std::collections::HashMap;
use std::time::{Duration, Instant};

/// Patience before the first new try; it doubles with each further one.
const FIRST: Duration = Duration::from_secs(5);
/// Longest pause between two tries.
const LONGEST: Duration = Duration::from_secs(60);

#[derive(Debug, Clone, Copy, Default)]
struct Missing {
    /// When the connection was missing for the first time, or was tried again.
    since: Option<Instant>,
    tries: u32,
}

/// The members of the room without oneself.
#[derive(Debug, Default)]
pub struct Presence {
    members: HashMap<String, Missing>,
}

impl Presence {
    /// `id` is in the room.
    pub fn insert(&mut self, id: &str) {
        self.members.entry(id.to_owned()).or_default();
    }

    /// `id` is not in the room any more.
    pub fn remove(&mut self, id: &str) {
        self.members.remove(id);
    }

    /// Only `ids` are in the room.
    pub fn retain(&mut self, ids: &[&str]) {
        self.members.retain(|id, _| ids.contains(&id.as_str()));
    }

    /// True if it is time to ask for new offers: a member without a connection of any state (`connections`) for a while.
    /// Of two members the one with the smaller id (`me`) asks, so that their tries do not cross.
    pub fn retry(&mut self, me: &str, connections: &[&str], now: Instant) -> bool {
        let mut retry = false;
        for (id, missing) in &mut self.members {
            if connections.contains(&id.as_str()) {
                *missing = Missing::default();
                continue;
            }
            let since = *missing.since.get_or_insert(now);
            let patience = FIRST.saturating_mul(1 << missing.tries.min(8)).min(LONGEST);
            if me < id.as_str() && now.duration_since(since) >= patience {
                *missing = Missing { since: Some(now), tries: missing.tries + 1 };
                retry = true;
            }
        }
        retry
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smaller_id_tries_again_with_growing_pauses() {
        let (mut ann, mut ben) = (Presence::default(), Presence::default());
        ann.insert("ben");
        ben.insert("ann");
        let start = Instant::now();
        let tries: Vec<u64> =
            (0..130).filter(|second| ann.retry("ann", &[], start + Duration::from_secs(*second))).collect();
        assert_eq!(tries, [5, 15, 35, 75]);
        assert!((0..130).all(|second| !ben.retry("ben", &[], start + Duration::from_secs(second))));
    }

    #[test]
    fn a_connection_in_the_making_is_waited_for_and_one_that_left_is_forgotten() {
        let mut ann = Presence::default();
        ann.insert("ben");
        let start = Instant::now();
        let later = |seconds| start + Duration::from_secs(seconds);
        assert!(!ann.retry("ann", &[], start));
        assert!(!ann.retry("ann", &["ben"], later(4)));
        assert!(!ann.retry("ann", &[], later(6)), "it was there in between");
        ann.remove("ben");
        assert!(!ann.retry("ann", &[], later(60)));
    }
}

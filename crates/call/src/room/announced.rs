//! The participants that the server has announced. Connections to them come by themselves; until one stands, the window
//! shows them as connecting.

use crate::room::participants::ROSTER;
use confab_wire::signaling::Member;
use std::collections::HashMap;
use std::time::Duration;
use tokio::time::Instant;

/// How long a participant may be in the room and not shown before it is shown again: the server names one that leaves soon
/// after its connection ended.
const NOT_SHOWN: Duration = Duration::from_secs(3);

#[derive(Debug, Default)]
struct Known {
    name: String,
    /// Since when it is not shown.
    not_shown: Option<Instant>,
    /// It is not shown on purpose, until there is a connection to it.
    left_out: bool,
}

/// See the module. Without oneself; at most [`ROSTER`].
#[derive(Debug, Default)]
pub struct Announced {
    known: HashMap<String, Known>,
}

impl Announced {
    /// `member` is in the room. False if there is no place to keep that in mind.
    pub fn insert(&mut self, member: &Member) -> bool {
        if self.known.len() >= ROSTER && !self.known.contains_key(&member.id) {
            let left_out = self.known.iter().find(|(_, known)| known.left_out).map(|(id, _)| id.clone());
            let Some(left_out) = left_out else { return false };
            self.known.remove(&left_out);
        }
        let known = self.known.entry(member.id.clone()).or_default();
        if !member.name.is_empty() {
            known.name.clone_from(&member.name);
        }
        true
    }

    /// `id` is in the room and is not to be shown.
    pub fn leave_out(&mut self, id: &str) {
        if let Some(known) = self.known.get_mut(id) {
            known.left_out = true;
        }
    }

    /// True if `id` is in the room and is not to be shown.
    pub fn is_left_out(&self, id: &str) -> bool {
        self.known.get(id).is_some_and(|known| known.left_out)
    }

    /// There is a connection to `id`.
    pub fn connected(&mut self, id: &str) {
        if let Some(known) = self.known.get_mut(id) {
            known.left_out = false;
        }
    }

    /// `id` is not in the room any more.
    pub fn remove(&mut self, id: &str) {
        self.known.remove(id);
    }

    /// Only `members` are in the room.
    pub fn retain(&mut self, members: &[Member]) {
        self.known.retain(|id, _| members.iter().any(|member| member.id == *id));
    }

    /// The name that the server gave for `id`; empty if there was none.
    pub fn name(&self, id: &str) -> String {
        self.known.get(id).map(|known| known.name.clone()).unwrap_or_default()
    }

    /// Those that have not been among `shown` for a while.
    pub fn not_shown(&mut self, shown: &[String], now: Instant) -> Vec<Member> {
        let mut not_shown = Vec::new();
        for (id, known) in &mut self.known {
            if known.left_out || shown.contains(id) {
                known.not_shown = None;
            } else if now.duration_since(*known.not_shown.get_or_insert(now)) >= NOT_SHOWN {
                not_shown.push(Member { id: id.clone(), name: known.name.clone(), metadata: None });
            }
        }
        not_shown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_in_the_room_and_not_shown_is_shown_again_by_name() {
        let mut announced = Announced::default();
        let start = Instant::now();
        announced.insert(&Member { id: "ann".into(), name: "Ann".into(), metadata: None });
        announced.insert(&Member { id: "ann".into(), name: String::new(), metadata: None });
        assert!(announced.not_shown(&["ann".into()], start).is_empty());
        assert!(announced.not_shown(&[], start + Duration::from_secs(1)).is_empty());
        let found = announced.not_shown(&[], start + Duration::from_secs(4));
        assert_eq!((found.len(), found[0].name.as_str()), (1, "Ann"));
        assert_eq!(announced.name("ann"), "Ann");
        announced.remove("ann");
        assert!(announced.not_shown(&[], start + Duration::from_secs(9)).is_empty());
        assert_eq!(announced.name("ann"), "");
    }
}

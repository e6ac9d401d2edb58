//! The participants that the server has announced. Connections to them come by themselves; until one stands, the window
//! shows them as connecting.

use confab_wire::signaling::Member;
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// How long a participant may be in the room and not shown before it is shown again: the server names one that leaves soon
/// after its connection ended.
const NOT_SHOWN: Duration = Duration::from_secs(3);

#[derive(Debug, Default)]
struct Known {
    name: String,
    /// Since when it is not shown.
    not_shown: Option<Instant>,
}

/// See the module. Without oneself.
#[derive(Debug, Default)]
pub struct Announced {
    known: HashMap<String, Known>,
}

impl Announced {
    /// `member` is in the room.
    pub fn insert(&mut self, member: &Member) {
        let known = self.known.entry(member.id.clone()).or_default();
        if !member.name.is_empty() {
            known.name.clone_from(&member.name);
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
            if shown.contains(id) {
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

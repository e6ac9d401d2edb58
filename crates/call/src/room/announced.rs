//! Who is in the room by the server's word. The engine brings connections to them; until one stands, the window shows
//! them as on the way.

use confab_wire::signaling::Member;
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// How long a member may be in the room unseen before it is shown again: one that leaves is named so by the server soon
/// after its connection ended.
const UNSEEN: Duration = Duration::from_secs(3);

#[derive(Debug, Default)]
struct Known {
    name: String,
    /// Since when it is not shown.
    unseen: Option<Instant>,
}

/// The members of the room without oneself.
#[derive(Debug, Default)]
pub struct Members {
    known: HashMap<String, Known>,
}

impl Members {
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

    /// Members that have not been among `shown` for a while.
    pub fn unseen(&mut self, shown: &[String], now: Instant) -> Vec<Member> {
        let mut unseen = Vec::new();
        for (id, known) in &mut self.known {
            if shown.contains(id) {
                known.unseen = None;
            } else if now.duration_since(*known.unseen.get_or_insert(now)) >= UNSEEN {
                unseen.push(Member { id: id.clone(), name: known.name.clone(), metadata: None });
            }
        }
        unseen
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_in_the_room_and_not_shown_is_shown_again_by_name() {
        let mut members = Members::default();
        let start = Instant::now();
        members.insert(&Member { id: "ann".into(), name: "Ann".into(), metadata: None });
        members.insert(&Member { id: "ann".into(), name: String::new(), metadata: None });
        assert!(members.unseen(&["ann".into()], start).is_empty());
        assert!(members.unseen(&[], start + Duration::from_secs(1)).is_empty());
        let unseen = members.unseen(&[], start + Duration::from_secs(4));
        assert_eq!((unseen.len(), unseen[0].name.as_str()), (1, "Ann"));
        assert_eq!(members.name("ann"), "Ann");
        members.remove("ann");
        assert!(members.unseen(&[], start + Duration::from_secs(9)).is_empty());
        assert_eq!(members.name("ann"), "");
    }
}

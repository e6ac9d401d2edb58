//! Who is in the channel, by what the server says.

use crate::frame::PeerInfo;
use crate::{limits, name};
use std::collections::BTreeSet;

/// What a presence changes.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Change {
    Joined(PeerInfo),
    Left(String),
    /// Somebody who was there before a reconnect of this side: the connection to it begins anew.
    Renewed(PeerInfo),
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Roster {
    known: BTreeSet<String>,
    /// The next presence is the truth.
    awaited: bool,
}

impl Roster {
    /// This side has reconnected: the next presence is everybody who is there.
    pub(super) fn expect(&mut self) {
        self.awaited = true;
    }

    pub(super) fn is_awaited(&self) -> bool {
        self.awaited
    }

    /// What a presence changes, for the peer with the id `own`. At most [`limits::PEERS`] are known.
    pub(super) fn presence(&mut self, own: &str, joined: Vec<PeerInfo>, left: Vec<String>) -> Vec<Change> {
        let mut changes = Vec::new();
        let reconciles = std::mem::take(&mut self.awaited);
        if reconciles {
            let there: BTreeSet<&str> = joined.iter().map(|peer| peer.peer_id.as_str()).collect();
            let gone: Vec<String> = self.known.iter().filter(|id| !there.contains(id.as_str())).cloned().collect();
            for id in gone {
                self.known.remove(&id);
                changes.push(Change::Left(id));
            }
        }
        let before = self.known.clone();
        for peer in joined {
            let id = &peer.peer_id;
            if *id == own || !name::is_peer_id(id) {
                continue;
            }
            if self.known.contains(id) {
                if reconciles && before.contains(id) && !changes.contains(&Change::Renewed(peer.clone())) {
                    changes.push(Change::Renewed(peer));
                }
            } else if self.known.len() < limits::PEERS {
                self.known.insert(id.clone());
                changes.push(Change::Joined(peer));
            } else {
                tracing::warn!("the channel has too many peers; the newest is ignored");
            }
        }
        // Somebody in both lists came and went.
        for id in left {
            if self.known.remove(&id) {
                changes.push(Change::Left(id));
            }
        }
        changes
    }

    /// Nobody is there.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peers(ids: &[&str]) -> Vec<PeerInfo> {
        ids.iter().map(|id| PeerInfo { peer_id: (*id).to_owned(), metadata: None }).collect()
    }

    fn changes(roster: &mut Roster, joined: &[&str], left: &[&str]) -> Vec<String> {
        let left = left.iter().map(|id| (*id).to_owned()).collect();
        let changes = roster.presence("me", peers(joined), left);
        let text = |change| match change {
            Change::Joined(peer) => format!("+{}", peer.peer_id),
            Change::Left(id) => format!("-{id}"),
            Change::Renewed(peer) => format!("={}", peer.peer_id),
        };
        changes.into_iter().map(text).collect()
    }

    #[test]
    fn peers_come_and_go_and_this_one_is_none() {
        let mut roster = Roster::default();
        assert_eq!(changes(&mut roster, &["a", "me", "b", "a"], &[]), ["+a", "+b"]);
        assert!(changes(&mut roster, &["a"], &["c"]).is_empty());
        assert_eq!(changes(&mut roster, &["c"], &["a", "c"]), ["+c", "-a", "-c"]);
        assert_eq!(changes(&mut roster, &["a"], &[]), ["+a"]);
    }

    #[test]
    fn the_first_presence_after_a_reconnect_is_the_truth() {
        let mut roster = Roster::default();
        changes(&mut roster, &["a", "b", "c"], &[]);
        roster.expect();
        assert!(roster.is_awaited());
        assert_eq!(changes(&mut roster, &["b", "d", "b", "c"], &["c"]), ["-a", "=b", "+d", "=c", "-c"]);
        assert!(!roster.is_awaited());
        assert!(changes(&mut roster, &["b"], &[]).is_empty());
        roster.expect();
        assert_eq!(changes(&mut roster, &[], &[]), ["-b", "-d"]);
    }

    #[test]
    fn peers_are_bounded() {
        let ids: Vec<String> = (0..300).map(|n| n.to_string()).collect();
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        let mut roster = Roster::default();
        assert_eq!(changes(&mut roster, &ids, &[]).len(), limits::PEERS);
        assert_eq!(changes(&mut roster, &["x"], &["0"]), ["-0"]);
        assert_eq!(changes(&mut roster, &["x", "", "a\nb"], &[]), ["+x"]);
    }
}

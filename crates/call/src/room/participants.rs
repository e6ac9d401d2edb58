//! The participants that the window shows, and how the connection to each stands.

use confab_ipc::{FULL_VOLUME, Participant, PeerState};
use confab_wire::limits;
use std::time::{Duration, Instant};

/// Name of someone who gave none.
const NO_NAME: &str = "Guest";
/// After this long without a connection a participant counts as unreachable.
const UNREACHABLE: Duration = Duration::from_secs(20);

/// One other person.
#[derive(Debug)]
struct Entry {
    id: String,
    name: String,
    state: PeerState,
    /// When they were first heard of.
    since: Instant,
    /// When `ctrl` opened last.
    connected_at: Option<Instant>,
    /// That they can't be reached was reported.
    reported: bool,
}

impl Entry {
    /// What the room knows of them; the rest is added by those who know it.
    fn view(&self) -> Participant {
        Participant {
            id: self.id.clone(),
            name: self.name.clone(),
            state: self.state,
            media: None,
            tracks: Vec::new(),
            volume: FULL_VOLUME,
            muted_for_me: false,
        }
    }
}

/// What an announcement of a participant changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Announcement {
    /// They are new.
    New,
    /// They have another name.
    Renamed,
    /// Nothing.
    Known,
}

/// The others, in the order in which they came. A mesh is small: look-ups walk the list.
#[derive(Debug, Default)]
pub struct Participants {
    entries: Vec<Entry>,
}

impl Participants {
    /// Everyone, as far as the room knows.
    pub fn views(&self) -> Vec<Participant> {
        self.entries.iter().map(Entry::view).collect()
    }

    /// Someone, as far as the room knows.
    pub fn view(&self, id: &str) -> Option<Participant> {
        self.get(id).map(Entry::view)
    }

    /// Ids of everyone.
    pub fn ids(&self) -> Vec<String> {
        self.entries.iter().map(|entry| entry.id.clone()).collect()
    }

    /// Ids of those to whom a connection stands, or is being repaired.
    pub fn connected(&self) -> Vec<String> {
        self.entries.iter().filter(|entry| entry.connected_at.is_some()).map(|entry| entry.id.clone()).collect()
    }

    /// Ids of those to whom there was no connection yet.
    pub fn connecting(&self) -> Vec<String> {
        let connecting = self.entries.iter().filter(|entry| entry.state == PeerState::Connecting);
        connecting.map(|entry| entry.id.clone()).collect()
    }

    /// The name of someone.
    pub fn name(&self, id: &str) -> Option<&str> {
        self.get(id).map(|entry| entry.name.as_str())
    }

    /// How long ago `ctrl` to them opened last.
    pub fn connected_for(&self, id: &str) -> Option<Duration> {
        self.get(id)?.connected_at.map(|at| at.elapsed())
    }

    fn get(&self, id: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.id == id)
    }

    fn get_mut(&mut self, id: &str) -> Option<&mut Entry> {
        self.entries.iter_mut().find(|entry| entry.id == id)
    }

    /// Someone is in the room; a name that comes later is taken over.
    pub fn announce(&mut self, id: &str, name: &str, now: Instant) -> Announcement {
        let name = display_name(name);
        if let Some(entry) = self.get_mut(id) {
            if name == NO_NAME || name == entry.name {
                return Announcement::Known;
            }
            entry.name = name;
            return Announcement::Renamed;
        }
        self.entries.push(Entry {
            id: id.to_owned(),
            name,
            state: PeerState::Connecting,
            since: now,
            connected_at: None,
            reported: false,
        });
        Announcement::New
    }

    /// `ctrl` to someone opened.
    pub fn connect(&mut self, id: &str, now: Instant) {
        if let Some(entry) = self.get_mut(id) {
            entry.state = PeerState::Connected;
            entry.connected_at = Some(now);
        }
    }

    /// The connection to someone changed. True if that is news of someone to whom it stood.
    pub fn set_state(&mut self, id: &str, state: PeerState) -> bool {
        let connected = self.get_mut(id).filter(|entry| entry.connected_at.is_some());
        connected.is_some_and(|entry| std::mem::replace(&mut entry.state, state) != state)
    }

    /// Removes someone. False if they are not here.
    pub fn remove(&mut self, id: &str) -> bool {
        let before = self.entries.len();
        self.entries.retain(|entry| entry.id != id);
        self.entries.len() < before
    }

    /// Names of those who can't be reached, each once.
    pub fn take_unreachable(&mut self) -> Vec<String> {
        let stuck = |entry: &&mut Entry| entry.connected_at.is_none() && entry.since.elapsed() > UNREACHABLE;
        let mut unreachable = Vec::new();
        for entry in self.entries.iter_mut().filter(stuck) {
            if !std::mem::replace(&mut entry.reported, true) {
                unreachable.push(entry.name.clone());
            }
        }
        unreachable
    }
}

/// A name fit to be shown: bounded, without control characters; [`NO_NAME`] if nothing is left.
fn display_name(name: &str) -> String {
    let clean: String = name.chars().filter(|c| !c.is_control()).take(limits::NAME_CHARS).collect();
    match clean.trim() {
        "" => NO_NAME.to_owned(),
        clean => clean.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_come_once_and_keep_their_order() {
        let mut participants = Participants::default();
        let now = Instant::now();
        assert_eq!(participants.announce("b", "Ben", now), Announcement::New);
        assert_eq!(participants.announce("a", "", now), Announcement::New);
        assert_eq!(participants.announce("b", "", now), Announcement::Known);
        assert_eq!(participants.announce("a", "Ann\u{7}", now), Announcement::Renamed);
        let names: Vec<_> = participants.views().into_iter().map(|view| view.name).collect();
        assert_eq!(names, ["Ben", "Ann"]);
        assert!(participants.remove("b"));
        assert!(!participants.remove("b"));
    }

    #[test]
    fn the_state_of_a_connection_is_news_once_it_stood() {
        let mut participants = Participants::default();
        participants.announce("a", "Ann", Instant::now());
        assert!(!participants.set_state("a", PeerState::Reconnecting));
        participants.connect("a", Instant::now());
        assert!(participants.set_state("a", PeerState::Reconnecting));
        assert!(!participants.set_state("a", PeerState::Reconnecting));
        assert_eq!((participants.connected(), participants.connecting()), (vec!["a".to_owned()], vec![]));
    }
}

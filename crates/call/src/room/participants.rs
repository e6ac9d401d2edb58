//! The participants that the window shows, and how the connection to each stands.

use confab_ipc::{FULL_VOLUME, Participant, PeerState};
use confab_wire::{limits, name};
use std::time::Duration;
use tokio::time::Instant;

/// Participants that are kept at most. A server that names more is hostile or broken, or did not say who left.
pub const ROSTER: usize = 4 * limits::ROOM_MEMBERS;
/// Name of someone who gave none.
const NO_NAME: &str = "Guest";
/// After this long without a connection a participant counts as unreachable.
const UNREACHABLE: Duration = Duration::from_secs(30);

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

/// Someone to whom there is no connection after all this time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreachable {
    /// Their id.
    pub id: String,
    /// Their name.
    pub name: String,
    /// Somebody of this name is connected: it is a seat that a page left behind when it came again.
    pub stale: bool,
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
    own_name: String,
    entries: Vec<Entry>,
}

impl Participants {
    /// Nobody yet but oneself, under this name.
    pub fn new(own_name: &str) -> Self {
        Self { own_name: own_name.to_owned(), entries: Vec::new() }
    }

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
        self.entries.iter().filter(|entry| entry.connected_at.is_none()).map(|entry| entry.id.clone()).collect()
    }

    /// Who gives way to somebody new, where there is no place: the one that is not connected for the longest time. `None` if there is
    /// a place, or nobody gives way.
    pub fn gives_way(&self) -> Option<String> {
        let crowded = self.entries.len() >= ROSTER;
        let waiting = self.entries.iter().filter(|entry| crowded && entry.connected_at.is_none());
        waiting.min_by_key(|entry| entry.since).map(|entry| entry.id.clone())
    }

    /// True if there is no place for somebody new.
    pub fn is_full(&self) -> bool {
        self.entries.len() >= ROSTER
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
        let name = self.display_name(id, name);
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
        });
        Announcement::New
    }

    /// A name fit to be shown; [`NO_NAME`] if there is nothing to show. One that looks like another's, and is not the same,
    /// gets a number.
    fn display_name(&self, id: &str, name: &str) -> String {
        let name = name::shown(name).unwrap_or_else(|| NO_NAME.to_owned());
        let others = self.entries.iter().filter(|entry| entry.id != id).map(|entry| entry.name.as_str());
        let alike = others.chain([self.own_name.as_str()]).filter(|other| name::look_alike(&name, other)).count();
        if alike == 0 { name } else { format!("{name} ({})", alike + 1) }
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

    /// Those who can't be reached, each once.
    pub fn take_unreachable(&mut self) -> Vec<Unreachable> {
        let connected: Vec<String> =
            self.entries.iter().filter(|entry| entry.connected_at.is_some()).map(|entry| entry.name.clone()).collect();
        let stuck = |entry: &&mut Entry| entry.state == PeerState::Connecting && entry.since.elapsed() >= UNREACHABLE;
        let unreachable = self.entries.iter_mut().filter(stuck).map(|entry| {
            entry.state = PeerState::Unreachable;
            let stale = entry.name != NO_NAME && connected.contains(&entry.name);
            Unreachable { id: entry.id.clone(), name: entry.name.clone(), stale }
        });
        unreachable.collect()
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
    fn a_name_that_looks_like_anothers_gets_a_number_and_one_that_shows_nothing_is_none() {
        let mut participants = Participants::new("Iris");
        let name = |participants: &mut Participants, id: &str, name: &str| {
            participants.announce(id, name, Instant::now());
            participants.name(id).unwrap().to_owned()
        };
        assert_eq!(name(&mut participants, "a", "Ann"), "Ann");
        assert_eq!(name(&mut participants, "b", "Аnn"), "Аnn (2)", "a Cyrillic letter");
        assert_eq!(name(&mut participants, "c", "Ann"), "Ann", "namesakes are no disguise");
        assert_eq!(name(&mut participants, "d", "lris"), "lris (2)", "a small L");
        for (id, nothing) in [("e", "\u{3164}"), ("f", "\u{200b}\u{e0041}"), ("g", "\u{202e}")] {
            assert_eq!(name(&mut participants, id, nothing), NO_NAME);
        }
        assert_eq!(name(&mut participants, "h", "\u{202e}Ben\r\nEve"), "Ben Eve");
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

    #[tokio::test(start_paused = true)]
    async fn who_never_connects_is_reported_once_and_a_seat_left_behind_is_told_apart() {
        let mut participants = Participants::default();
        for (id, name) in [("a", "Ann"), ("b", "Ben"), ("a again", "Ann"), ("g", ""), ("g again", "")] {
            participants.announce(id, name, Instant::now());
        }
        participants.connect("a again", Instant::now());
        participants.connect("g", Instant::now());
        assert_eq!(participants.take_unreachable(), []);
        tokio::time::advance(UNREACHABLE).await;
        let unreachable = |id: &str, name: &str, stale| Unreachable { id: id.into(), name: name.into(), stale };
        let expected =
            [unreachable("a", "Ann", true), unreachable("b", "Ben", false), unreachable("g again", "Guest", false)];
        assert_eq!(participants.take_unreachable(), expected);
        assert_eq!(participants.take_unreachable(), []);
        assert_eq!(participants.view("b").unwrap().state, PeerState::Unreachable);
        assert_eq!(participants.connecting(), ["a", "b", "g again"]);
        participants.connect("b", Instant::now());
        assert_eq!(participants.view("b").unwrap().state, PeerState::Connected);
    }
}

//! Who is in the call, and what arrives from them.

use confab_ipc::{FULL_VOLUME, Participant, PeerState, TrackView};
use confab_wire::{call::MediaState, limits};
use std::collections::HashMap;
use std::time::Instant;

/// Name of someone who gave none.
const NO_NAME: &str = "Guest";
/// Volume and mute of someone about whom nobody changed anything.
const AS_SENT: (u16, bool) = (FULL_VOLUME, false);

/// One other person, and what only the backend knows of them.
#[derive(Debug)]
pub struct Entry {
    /// What the window sees.
    pub view: Participant,
    /// When they were first heard of.
    pub since: Instant,
    /// When `ctrl` opened last.
    pub connected_at: Option<Instant>,
    /// That they cannot be reached was said.
    pub warned: bool,
}

/// The others, in the order in which they came. A mesh is small: look-ups walk the list.
#[derive(Debug, Default)]
pub struct Roster {
    entries: Vec<Entry>,
    /// Volume and mute, if anyone changed them, of those who are gone and may come back.
    kept: HashMap<String, (u16, bool)>,
}

impl Roster {
    /// Everyone.
    pub fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter()
    }

    /// Everyone, to change.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Entry> {
        self.entries.iter_mut()
    }

    /// The window's view of everyone.
    pub fn views(&self) -> Vec<Participant> {
        self.entries.iter().map(|entry| entry.view.clone()).collect()
    }

    /// The entry of `id`.
    pub fn get(&self, id: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.view.id == id)
    }

    /// The entry of `id`, to change.
    pub fn get_mut(&mut self, id: &str) -> Option<&mut Entry> {
        self.entries.iter_mut().find(|entry| entry.view.id == id)
    }

    /// Someone is in the room. Returns true if they are new; a name that comes later is taken over.
    pub fn announce(&mut self, id: &str, name: &str, now: Instant) -> bool {
        let name = display_name(name);
        if let Some(entry) = self.get_mut(id) {
            if name != NO_NAME {
                entry.view.name = name;
            }
            return false;
        }
        let (volume, muted_for_me) = self.kept.remove(id).unwrap_or(AS_SENT);
        self.entries.push(Entry {
            view: Participant {
                id: id.to_owned(),
                name,
                state: PeerState::Connecting,
                media: None,
                tracks: Vec::new(),
                volume,
                muted_for_me,
            },
            since: now,
            connected_at: None,
            warned: false,
        });
        true
    }

    /// Removes `id`. Who comes back is heard as before.
    pub fn remove(&mut self, id: &str) -> Option<Entry> {
        let place = self.entries.iter().position(|entry| entry.view.id == id)?;
        let entry = self.entries.remove(place);
        let hearing = (entry.view.volume, entry.view.muted_for_me);
        if hearing != AS_SENT {
            self.kept.insert(id.to_owned(), hearing);
        }
        Some(entry)
    }

    /// A track of `id` arrives, or more is known of it. False if `id` is not in the call.
    pub fn put_track(&mut self, id: &str, track: TrackView) -> bool {
        let Some(entry) = self.get_mut(id) else { return false };
        match entry.view.tracks.iter_mut().find(|known| known.handle == track.handle) {
            Some(known) => *known = track,
            None => entry.view.tracks.push(track),
        }
        true
    }

    /// A track of `id` ended.
    pub fn remove_track(&mut self, id: &str, handle: u32) {
        if let Some(entry) = self.get_mut(id) {
            entry.view.tracks.retain(|track| track.handle != handle);
        }
    }

    /// `id` said whether it is heard and seen. True if that is news.
    pub fn set_media(&mut self, id: &str, media: MediaState) -> bool {
        self.get_mut(id).is_some_and(|entry| entry.view.media.replace(media) != Some(media))
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
    use confab_wire::media::MediaKind;

    #[test]
    fn people_come_once_and_keep_their_order() {
        let mut roster = Roster::default();
        let now = Instant::now();
        assert!(roster.announce("b", "Ben", now));
        assert!(roster.announce("a", "", now));
        assert!(!roster.announce("b", "", now));
        assert!(!roster.announce("a", "Ann\u{7}", now));
        let names: Vec<_> = roster.views().into_iter().map(|view| view.name).collect();
        assert_eq!(names, ["Ben", "Ann"]);
        assert!(roster.remove("b").is_some());
        assert!(roster.remove("b").is_none());
    }

    #[test]
    fn who_comes_back_is_heard_as_before() {
        let mut roster = Roster::default();
        let now = Instant::now();
        roster.announce("a", "Ann", now);
        roster.announce("b", "Ben", now);
        let view = &mut roster.get_mut("a").unwrap().view;
        (view.volume, view.muted_for_me) = (250, true);
        for id in ["a", "b"] {
            roster.remove(id);
            roster.announce(id, "", now);
        }
        let heard: Vec<_> = roster.views().iter().map(|view| (view.volume, view.muted_for_me)).collect();
        assert_eq!(heard, [(250, true), (100, false)]);
    }

    #[test]
    fn a_track_is_replaced_when_more_is_known_of_it() {
        let mut roster = Roster::default();
        roster.announce("a", "Ann", Instant::now());
        let track =
            TrackView { handle: 1, kind: MediaKind::Video, stream: "s".into(), event: String::new(), refused: None };
        assert!(roster.put_track("a", track.clone()));
        assert!(roster.put_track("a", TrackView { event: "camera".into(), ..track }));
        assert_eq!(roster.views()[0].tracks.len(), 1);
        assert_eq!(roster.views()[0].tracks[0].event, "camera");
        roster.remove_track("a", 1);
        assert!(roster.views()[0].tracks.is_empty());
    }

    #[test]
    fn the_same_media_state_twice_is_no_news() {
        let mut roster = Roster::default();
        roster.announce("a", "Ann", Instant::now());
        let state = MediaState { mic: true, cam: false };
        assert!(roster.set_media("a", state));
        assert!(!roster.set_media("a", state));
        assert!(!roster.set_media("x", state));
    }
}

//! What a remote says of its tracks.

use confab_wire::media::MediaKind;
use serde_json::{Map, Value};
use std::collections::VecDeque;

/// Tracks of one remote of which is kept what it says; the oldest go first.
pub const TRACK_DESCRIPTIONS: usize = 512;

/// What a remote says of one of its tracks, usually before the track comes.
#[derive(Debug, Clone, PartialEq)]
pub struct TrackDescription {
    /// Track id, as in `a=msid`.
    pub track: String,
    /// MediaStream id of its stream, if that is told: with the kind it finds a track of another id.
    pub stream: Option<String>,
    /// Audio or video, if that is told.
    pub kind: Option<MediaKind>,
    /// What it says; `None` takes back what was said before.
    pub metadata: Option<Map<String, Value>>,
}

/// The descriptions of one remote, the oldest first.
#[derive(Debug, Default)]
pub(super) struct TrackDescriptions {
    known: VecDeque<TrackDescription>,
}

impl TrackDescriptions {
    /// The remote says something.
    pub(super) fn describe(&mut self, description: TrackDescription) {
        self.known.retain(|known| known.track != description.track);
        if description.metadata.is_none() {
            return;
        }
        if self.known.len() >= TRACK_DESCRIPTIONS {
            self.known.pop_front();
        }
        self.known.push_back(description);
    }

    /// What is known of a track: by its id, or else by its stream and kind.
    pub(super) fn of(&self, track: &str, stream: &str, kind: MediaKind) -> Option<&Map<String, Value>> {
        let by_id = || self.known.iter().find(|known| known.track == track);
        let by_stream = || {
            self.known.iter().rev().find(|known| known.stream.as_deref() == Some(stream) && known.kind == Some(kind))
        };
        by_id().or_else(by_stream)?.metadata.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn description(track: &str, name: Option<&str>) -> TrackDescription {
        let metadata = name.and_then(|name| json!({ "name": name }).as_object().cloned());
        TrackDescription { track: track.into(), stream: None, kind: None, metadata }
    }

    fn name(known: &TrackDescriptions, track: &str, stream: &str, kind: MediaKind) -> Option<String> {
        Some(known.of(track, stream, kind)?.get("name")?.as_str()?.to_owned())
    }

    #[test]
    fn a_track_is_found_by_its_id_and_else_by_stream_and_kind() {
        let mut known = TrackDescriptions::default();
        known.describe(description("t", Some("one")));
        known.describe(TrackDescription {
            stream: Some("s".into()),
            kind: Some(MediaKind::Audio),
            ..description("u", Some("two"))
        });
        assert_eq!(name(&known, "t", "s", MediaKind::Audio).as_deref(), Some("one"));
        assert_eq!(name(&known, "x", "s", MediaKind::Audio).as_deref(), Some("two"));
        assert_eq!(name(&known, "x", "s", MediaKind::Video), None);
        known.describe(description("t", Some("three")));
        assert_eq!(name(&known, "t", "", MediaKind::Video).as_deref(), Some("three"));
        known.describe(description("t", None));
        assert_eq!(name(&known, "t", "", MediaKind::Video), None);
    }

    #[test]
    fn descriptions_are_bounded() {
        let mut known = TrackDescriptions::default();
        (0..=TRACK_DESCRIPTIONS).for_each(|n| known.describe(description(&n.to_string(), Some("x"))));
        assert_eq!(known.known.len(), TRACK_DESCRIPTIONS);
        assert_eq!(name(&known, "0", "", MediaKind::Video), None);
    }
}

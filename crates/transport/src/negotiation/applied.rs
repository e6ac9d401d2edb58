//! Which descriptions of a peer have been applied. What an outage may have swallowed is said again, so a description can
//! come twice, and late.

use crate::sdp::{self, RemoteMedia};
use confab_wire::media::Decoders;
use std::collections::VecDeque;

/// Descriptions that are remembered: more than an outage leaves on the way.
const REMEMBERED: usize = 8;

/// Why a description is not to be applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Repetition {
    /// It is the last one, said again.
    OfLast,
    /// It is older than the last one.
    Older,
}

/// What tells one description from another. The library's versions (rtc 0.21.1) do not grow, they are drawn; so the last few
/// are remembered, and what a peer that never changes its version says anew is news all the same.
#[derive(Debug, PartialEq)]
struct Mark {
    session: String,
    version: u64,
    generation: Option<String>,
    media: Vec<RemoteMedia>,
}

impl Mark {
    fn of(sdp: &str) -> Option<Self> {
        let (session, version) = sdp::origin(sdp)?;
        Some(Self {
            session: session.to_owned(),
            version,
            generation: sdp::generation(sdp).map(str::to_owned),
            media: sdp::sending_media(sdp, Decoders { h264: true }),
        })
    }
}

/// The last descriptions of a peer that were applied, newest first; at most [`REMEMBERED`].
#[derive(Debug, Default)]
pub(crate) struct AppliedDescriptions {
    marks: VecDeque<Mark>,
}

impl AppliedDescriptions {
    /// A description was applied.
    pub(crate) fn applied(&mut self, sdp: &str) {
        if let Some(mark) = Mark::of(sdp) {
            self.marks.truncate(REMEMBERED - 1);
            self.marks.push_front(mark);
        }
    }

    /// `None`: the description is news.
    pub(crate) fn judge(&self, sdp: &str) -> Option<Repetition> {
        let mark = Mark::of(sdp)?;
        match self.marks.iter().position(|known| *known == mark)? {
            0 => Some(Repetition::OfLast),
            _ => Some(Repetition::Older),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sdp(session: u64, version: u64, direction: &str) -> String {
        format!(
            "v=0\r\no=- {session} {version} IN IP4 0.0.0.0\r\na=ice-ufrag:u\r\nm=video 9 x\r\na=mid:1\r\na={direction}\r\na=msid:s t\r\n"
        )
    }

    #[test]
    fn what_was_applied_is_known_again() {
        let mut applied = AppliedDescriptions::default();
        assert_eq!(applied.judge(&sdp(1, 5, "sendonly")), None);
        applied.applied(&sdp(1, 5, "sendonly"));
        let again = sdp(1, 5, "sendonly") + "a=candidate:1 1 udp 1 192.0.2.1 9 typ host\r\n";
        assert_eq!(applied.judge(&again), Some(Repetition::OfLast));
        applied.applied(&sdp(1, 3, "inactive"));
        assert_eq!(applied.judge(&again), Some(Repetition::Older));
        assert_eq!(applied.judge(&sdp(1, 3, "inactive")), Some(Repetition::OfLast));
        assert_eq!(applied.judge(&sdp(1, 6, "sendonly")), None);
        assert_eq!(applied.judge(&sdp(2, 1, "sendonly")), None);
    }

    #[test]
    fn a_peer_that_does_not_count_is_believed() {
        let mut applied = AppliedDescriptions::default();
        applied.applied(&sdp(1, 5, "sendonly"));
        assert_eq!(applied.judge(&sdp(1, 5, "inactive")), None);
        applied.applied("v=0\r\n");
        assert_eq!(applied.judge("v=0\r\n"), None);
        (0..100).for_each(|version| applied.applied(&sdp(1, version, "sendonly")));
        assert_eq!(applied.marks.len(), REMEMBERED);
    }
}

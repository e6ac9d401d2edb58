//! How to get from the m-lines there are to the tracks that are wanted.

use confab_wire::media::Codec;

/// One step towards what is wanted. Indices are those of the slots before the first step, and of the wishes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Assignment {
    /// Feed the slot from the wanted track: no negotiation.
    Swap(usize, usize),
    /// The same, and the m-line sends again.
    Revive(usize, usize),
    /// The m-line of another stream sends again, for this one.
    Take(usize, usize),
    /// The m-line turns inactive.
    Idle(usize),
    /// A new m-line for the wanted track.
    Add(usize),
}

/// A track that is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct WantedTrack<'a> {
    /// MediaStream id.
    pub(crate) msid: &'a str,
    /// Its codec, which an m-line of ours keeps for life: what it may be sent on.
    pub(crate) codec: Codec,
    /// Track id.
    pub(crate) track: &'a str,
}

/// An m-line of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct MediaLine<'a> {
    /// MediaStream id.
    pub(crate) msid: &'a str,
    pub(crate) codec: Codec,
    /// Track id; `None` while it is idle.
    pub(crate) track: Option<&'a str>,
    /// The other side knows that it is idle: another stream may have it. Before that, a receiver would see one track move
    /// between streams, which in browsers is no new track.
    pub(crate) free: bool,
}

impl MediaLine<'_> {
    fn carries(&self, wanted_track: &WantedTrack<'_>) -> bool {
        self.msid == wanted_track.msid && self.codec == wanted_track.codec && self.track == Some(wanted_track.track)
    }
}

/// The steps. Tracks stay where they are; then swaps within a stream; then idle m-lines are used again, those of the same
/// stream first; then new ones.
pub(crate) fn assign(slots: &[MediaLine<'_>], wanted: &[WantedTrack<'_>]) -> Vec<Assignment> {
    let mut taken: Vec<bool> =
        wanted.iter().map(|wanted_track| slots.iter().any(|slot| slot.carries(wanted_track))).collect();
    let mut used = vec![false; slots.len()];
    let mut steps = Vec::new();
    let next = |taken: &mut Vec<bool>, fits: &dyn Fn(&WantedTrack<'_>) -> bool| {
        let free = wanted.iter().zip(taken.iter()).position(|(wanted_track, taken)| !taken && fits(wanted_track))?;
        taken[free] = true;
        Some(free)
    };
    for (index, slot) in slots.iter().enumerate() {
        if slot.track.is_none() || wanted.iter().any(|wanted_track| slot.carries(wanted_track)) {
            continue;
        }
        steps.push(
            match next(&mut taken, &|wanted_track| wanted_track.msid == slot.msid && wanted_track.codec == slot.codec) {
                Some(wanted_track) => Assignment::Swap(index, wanted_track),
                None => Assignment::Idle(index),
            },
        );
    }
    for (index, slot) in slots.iter().enumerate().filter(|(_, slot)| slot.track.is_none()) {
        if let Some(wanted_track) =
            next(&mut taken, &|wanted_track| wanted_track.msid == slot.msid && wanted_track.codec == slot.codec)
        {
            used[index] = true;
            steps.push(Assignment::Revive(index, wanted_track));
        }
    }
    for (index, slot) in slots.iter().enumerate().filter(|(_, slot)| slot.free) {
        if !used[index]
            && let Some(wanted_track) = next(&mut taken, &|wanted_track| wanted_track.codec == slot.codec)
        {
            steps.push(Assignment::Take(index, wanted_track));
        }
    }
    steps.extend(taken.iter().enumerate().filter(|(_, taken)| !**taken).map(|(index, _)| Assignment::Add(index)));
    steps
}

#[cfg(test)]
mod tests {
    use super::*;
    use Codec::{Opus, Vp8, Vp9};

    fn wanted_track<'a>(msid: &'a str, codec: Codec, track: &'a str) -> WantedTrack<'a> {
        WantedTrack { msid, codec, track }
    }

    fn busy<'a>(msid: &'a str, codec: Codec, track: &'a str) -> MediaLine<'a> {
        MediaLine { msid, codec, track: Some(track), free: false }
    }

    fn idle(msid: &str, codec: Codec, free: bool) -> MediaLine<'_> {
        MediaLine { msid, codec, track: None, free }
    }

    #[test]
    fn tracks_that_are_there_stay() {
        let wanted = [wanted_track("s", Vp8, "v"), wanted_track("s", Opus, "a")];
        assert!(assign(&[busy("s", Vp8, "v"), busy("s", Opus, "a")], &wanted).is_empty());
    }

    #[test]
    fn new_tracks_get_new_lines() {
        let wanted = [wanted_track("s", Vp8, "v"), wanted_track("s", Opus, "a")];
        assert_eq!(assign(&[], &wanted), [Assignment::Add(0), Assignment::Add(1)]);
    }

    #[test]
    fn a_swap_of_one_codec_needs_no_line() {
        let slots = [busy("s", Vp8, "v")];
        assert_eq!(assign(&slots, &[wanted_track("s", Vp8, "w")]), [Assignment::Swap(0, 0)]);
        for other in [wanted_track("s", Opus, "a"), wanted_track("s", Vp9, "w"), wanted_track("t", Vp8, "w")] {
            assert_eq!(assign(&slots, &[other]), [Assignment::Idle(0), Assignment::Add(0)], "{other:?}");
        }
    }

    #[test]
    fn an_idle_line_of_the_same_stream_is_used_again() {
        assert_eq!(assign(&[idle("s", Vp8, false)], &[wanted_track("s", Vp8, "v")]), [Assignment::Revive(0, 0)]);
        assert!(assign(&[idle("s", Vp8, true)], &[]).is_empty());
        let slots = [idle("t", Vp8, true), idle("s", Vp8, true)];
        assert_eq!(assign(&slots, &[wanted_track("s", Vp8, "v")]), [Assignment::Revive(1, 0)]);
        assert_eq!(
            assign(&slots, &[wanted_track("s", Vp8, "v"), wanted_track("t", Vp8, "w")]),
            [Assignment::Revive(0, 1), Assignment::Revive(1, 0)]
        );
    }

    #[test]
    fn another_stream_takes_an_idle_line_once_the_other_side_knows_it_as_such() {
        assert_eq!(assign(&[idle("t", Vp8, true)], &[wanted_track("s", Vp8, "v")]), [Assignment::Take(0, 0)]);
        assert_eq!(assign(&[idle("t", Vp8, false)], &[wanted_track("s", Vp8, "v")]), [Assignment::Add(0)]);
        assert_eq!(assign(&[idle("t", Opus, true)], &[wanted_track("s", Vp8, "v")]), [Assignment::Add(0)]);
        let slots = [idle("t", Vp8, true), busy("u", Vp8, "x")];
        let wanted = [wanted_track("s", Vp8, "v"), wanted_track("r", Vp8, "w")];
        assert_eq!(assign(&slots, &wanted), [Assignment::Idle(1), Assignment::Take(0, 0), Assignment::Add(1)]);
    }
}

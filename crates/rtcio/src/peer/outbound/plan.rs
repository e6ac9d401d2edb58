//! How to get from the m-lines there are to the tracks that are wanted.

use confab_wire::media::Codec;

/// One step towards what is wanted. Indices are those of the slots before the first step, and of the wishes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
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
pub(crate) struct Wish<'a> {
    /// MediaStream id.
    pub(crate) msid: &'a str,
    /// Its codec, which an m-line of ours keeps for life: what it may be sent on.
    pub(crate) codec: Codec,
    /// Track id.
    pub(crate) track: &'a str,
}

/// An m-line of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place<'a> {
    /// MediaStream id.
    pub(crate) msid: &'a str,
    pub(crate) codec: Codec,
    /// Track id; `None` while it is idle.
    pub(crate) track: Option<&'a str>,
    /// The other side knows that it is idle: another stream may have it. Before that, a receiver would see one track move
    /// between streams, which in browsers is no new track.
    pub(crate) free: bool,
}

impl Place<'_> {
    fn carries(&self, wish: &Wish<'_>) -> bool {
        self.msid == wish.msid && self.codec == wish.codec && self.track == Some(wish.track)
    }
}

/// The steps. Tracks stay where they are; then swaps within a stream; then idle m-lines are used again, those of the same
/// stream first; then new ones.
pub(crate) fn plan(slots: &[Place<'_>], wanted: &[Wish<'_>]) -> Vec<Step> {
    let mut taken: Vec<bool> = wanted.iter().map(|wish| slots.iter().any(|slot| slot.carries(wish))).collect();
    let mut used = vec![false; slots.len()];
    let mut steps = Vec::new();
    let next = |taken: &mut Vec<bool>, fits: &dyn Fn(&Wish<'_>) -> bool| {
        let free = wanted.iter().zip(taken.iter()).position(|(wish, taken)| !taken && fits(wish))?;
        taken[free] = true;
        Some(free)
    };
    for (index, slot) in slots.iter().enumerate() {
        if slot.track.is_none() || wanted.iter().any(|wish| slot.carries(wish)) {
            continue;
        }
        steps.push(match next(&mut taken, &|wish| wish.msid == slot.msid && wish.codec == slot.codec) {
            Some(wish) => Step::Swap(index, wish),
            None => Step::Idle(index),
        });
    }
    for (index, slot) in slots.iter().enumerate().filter(|(_, slot)| slot.track.is_none()) {
        if let Some(wish) = next(&mut taken, &|wish| wish.msid == slot.msid && wish.codec == slot.codec) {
            used[index] = true;
            steps.push(Step::Revive(index, wish));
        }
    }
    for (index, slot) in slots.iter().enumerate().filter(|(_, slot)| slot.free) {
        if !used[index]
            && let Some(wish) = next(&mut taken, &|wish| wish.codec == slot.codec)
        {
            steps.push(Step::Take(index, wish));
        }
    }
    steps.extend(taken.iter().enumerate().filter(|(_, taken)| !**taken).map(|(index, _)| Step::Add(index)));
    steps
}

#[cfg(test)]
mod tests {
    use super::*;
    use Codec::{Opus, Vp8, Vp9};

    fn wish<'a>(msid: &'a str, codec: Codec, track: &'a str) -> Wish<'a> {
        Wish { msid, codec, track }
    }

    fn busy<'a>(msid: &'a str, codec: Codec, track: &'a str) -> Place<'a> {
        Place { msid, codec, track: Some(track), free: false }
    }

    fn idle(msid: &str, codec: Codec, free: bool) -> Place<'_> {
        Place { msid, codec, track: None, free }
    }

    #[test]
    fn tracks_that_are_there_stay() {
        let wanted = [wish("s", Vp8, "v"), wish("s", Opus, "a")];
        assert!(plan(&[busy("s", Vp8, "v"), busy("s", Opus, "a")], &wanted).is_empty());
    }

    #[test]
    fn new_tracks_get_new_lines() {
        let wanted = [wish("s", Vp8, "v"), wish("s", Opus, "a")];
        assert_eq!(plan(&[], &wanted), [Step::Add(0), Step::Add(1)]);
    }

    #[test]
    fn a_swap_of_one_codec_needs_no_line() {
        let slots = [busy("s", Vp8, "v")];
        assert_eq!(plan(&slots, &[wish("s", Vp8, "w")]), [Step::Swap(0, 0)]);
        for other in [wish("s", Opus, "a"), wish("s", Vp9, "w"), wish("t", Vp8, "w")] {
            assert_eq!(plan(&slots, &[other]), [Step::Idle(0), Step::Add(0)], "{other:?}");
        }
    }

    #[test]
    fn an_idle_line_of_the_same_stream_is_used_again() {
        assert_eq!(plan(&[idle("s", Vp8, false)], &[wish("s", Vp8, "v")]), [Step::Revive(0, 0)]);
        assert!(plan(&[idle("s", Vp8, true)], &[]).is_empty());
        let slots = [idle("t", Vp8, true), idle("s", Vp8, true)];
        assert_eq!(plan(&slots, &[wish("s", Vp8, "v")]), [Step::Revive(1, 0)]);
        assert_eq!(plan(&slots, &[wish("s", Vp8, "v"), wish("t", Vp8, "w")]), [Step::Revive(0, 1), Step::Revive(1, 0)]);
    }

    #[test]
    fn another_stream_takes_an_idle_line_once_the_other_side_knows_it_as_such() {
        assert_eq!(plan(&[idle("t", Vp8, true)], &[wish("s", Vp8, "v")]), [Step::Take(0, 0)]);
        assert_eq!(plan(&[idle("t", Vp8, false)], &[wish("s", Vp8, "v")]), [Step::Add(0)]);
        assert_eq!(plan(&[idle("t", Opus, true)], &[wish("s", Vp8, "v")]), [Step::Add(0)]);
        let slots = [idle("t", Vp8, true), busy("u", Vp8, "x")];
        let wanted = [wish("s", Vp8, "v"), wish("r", Vp8, "w")];
        assert_eq!(plan(&slots, &wanted), [Step::Idle(1), Step::Take(0, 0), Step::Add(1)]);
    }
}

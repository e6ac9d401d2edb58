//! The pattern of temporal layers in VP8: which frame may refer to which, so that layers can be dropped.
//!
//! `0-2-1-2`: the base layer keeps the LAST buffer, layer 1 the GOLDEN one, layer 2 none. Layer 1 always refers to the
//! base alone, so a receiver can take it up at any of its frames. Frames above the base change no probabilities, or those
//! without them would read the next base frame wrongly.

use confab_wire::layers::TOP_TEMPORAL;
use vpx_sys::{
    VP8_EFLAG_NO_REF_ARF, VP8_EFLAG_NO_REF_GF, VP8_EFLAG_NO_UPD_ARF, VP8_EFLAG_NO_UPD_ENTROPY, VP8_EFLAG_NO_UPD_GF,
    VP8_EFLAG_NO_UPD_LAST, VPX_EFLAG_FORCE_KF,
};

/// What a frame is in the pattern: which frames it refers to and which buffers it updates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrameKind {
    /// A key frame: everything begins here.
    Key,
    /// Layer 0.
    Base,
    /// Layer 1.
    Middle,
    /// Layer 2 between a frame of layer 0 and one of layer 1.
    TopAfterBase,
    /// Layer 2 after a frame of layer 1.
    TopAfterMiddle,
}

impl FrameKind {
    /// Its temporal layer.
    pub fn temporal(self) -> u8 {
        match self {
            Self::Key | Self::Base => 0,
            Self::Middle => 1,
            Self::TopAfterBase | Self::TopAfterMiddle => TOP_TEMPORAL,
        }
    }

    /// True if it refers to layer 0 only.
    pub fn is_sync(self) -> bool {
        matches!(self, Self::Middle | Self::TopAfterBase)
    }

    /// libvpx's flags: which buffers the frame may refer to and which it replaces.
    pub fn flags(self) -> u32 {
        const BASE_ALONE: u32 = VP8_EFLAG_NO_REF_GF | VP8_EFLAG_NO_REF_ARF;
        const KEEP_ALL: u32 =
            VP8_EFLAG_NO_UPD_LAST | VP8_EFLAG_NO_UPD_GF | VP8_EFLAG_NO_UPD_ARF | VP8_EFLAG_NO_UPD_ENTROPY;
        match self {
            Self::Key => VPX_EFLAG_FORCE_KF,
            Self::Base => BASE_ALONE | VP8_EFLAG_NO_UPD_GF | VP8_EFLAG_NO_UPD_ARF,
            Self::Middle => BASE_ALONE | (KEEP_ALL & !VP8_EFLAG_NO_UPD_GF),
            Self::TopAfterBase => BASE_ALONE | KEEP_ALL,
            Self::TopAfterMiddle => VP8_EFLAG_NO_REF_ARF | KEEP_ALL,
        }
    }
}

/// The pattern where `highest` is the highest temporal layer.
pub fn pattern(highest: u8) -> &'static [FrameKind] {
    match highest {
        0 => &[FrameKind::Base],
        1 => &[FrameKind::Base, FrameKind::Middle],
        _ => &[FrameKind::Base, FrameKind::TopAfterBase, FrameKind::Middle, FrameKind::TopAfterMiddle],
    }
}

/// Walks through the pattern.
#[derive(Debug, Clone, Copy, Default)]
pub struct PatternCursor {
    position: usize,
}

impl PatternCursor {
    const PERIOD: usize = 1 << TOP_TEMPORAL;

    /// Behind a key frame.
    pub fn after_key() -> Self {
        Self { position: 1 }
    }

    /// The kind of the next picture, if it is to be encoded at all: with a lower highest layer, pictures are left out.
    pub fn next(&mut self, highest: u8, key: bool) -> Option<FrameKind> {
        if key {
            self.position = 0;
        }
        let stride = Self::PERIOD >> highest.min(TOP_TEMPORAL);
        let position = self.position % Self::PERIOD;
        self.position = position + 1;
        if key {
            return Some(FrameKind::Key);
        }
        position.is_multiple_of(stride).then(|| pattern(highest)[position / stride])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn walk(highest: u8) -> Vec<Option<u8>> {
        let mut walk = PatternCursor::default();
        (0..8).map(|n| walk.next(highest, n == 0).map(FrameKind::temporal)).collect()
    }

    #[test]
    fn lower_layers_halve_the_frame_rate() {
        assert_eq!(walk(2), [0, 2, 1, 2, 0, 2, 1, 2].map(Some));
        assert_eq!(walk(1), [Some(0), None, Some(1), None, Some(0), None, Some(1), None]);
        assert_eq!(walk(0), [Some(0), None, None, None, Some(0), None, None, None]);
    }

    #[test]
    fn a_key_frame_begins_the_pattern_anew() {
        let mut walk = PatternCursor::default();
        let kinds = [true, false, true, false, false].map(|key| walk.next(2, key));
        use FrameKind::{Key, Middle, TopAfterBase};
        assert_eq!(kinds, [Key, TopAfterBase, Key, TopAfterBase, Middle].map(Some));
    }
}

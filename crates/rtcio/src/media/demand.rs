//! What all peers together want of one track.

use super::ladder::{Choice, Supply};
use confab_wire::ladder::{LayerDemand, SPATIAL_LAYERS, SpatialLayer};

/// Peers whose targets are this close to the best one's share its bitrate: a little less for one is better than fewer
/// frames for the others. Who has less than that loses temporal layers.
const SHARED: f64 = 0.8;

/// What one peer asks of the encoder.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ask {
    /// What it is to get.
    pub(crate) choice: Choice,
    /// The layer it is on until a key frame of the other comes.
    pub(crate) current: Option<SpatialLayer>,
    /// Its target in bit/s.
    pub(crate) bitrate: u32,
}

impl Ask {
    fn is_for(&self, layer: SpatialLayer) -> bool {
        self.choice.layer == Some(layer) || self.is_leaving(layer)
    }

    /// It is on this layer for as long as it must.
    fn is_leaving(&self, layer: SpatialLayer) -> bool {
        self.choice.layer.is_some_and(|wanted| wanted != layer) && self.current == Some(layer)
    }
}

/// The layers that are wanted and at which rates; `key_frames` are the requests so far.
pub(crate) fn merge(
    asks: &[Ask],
    supply: &Supply,
    key_frames: &[u64; SPATIAL_LAYERS],
) -> [Option<LayerDemand>; SPATIAL_LAYERS] {
    SpatialLayer::ALL.map(|layer| {
        let all = || asks.iter().filter(|ask| ask.is_for(layer));
        // Those who leave have no word in it, unless they are alone.
        let staying = all().any(|ask| !ask.is_leaving(layer));
        let counted = || all().filter(|ask| !staying || !ask.is_leaving(layer));
        let best = counted().map(|ask| ask.bitrate).max()?;
        let best = best.min(supply.ceiling(layer));
        let shared =
            counted().map(|ask| ask.bitrate.min(best)).filter(|rate| f64::from(*rate) >= f64::from(best) * SHARED);
        Some(LayerDemand {
            bitrate: shared.min().unwrap_or(best),
            key_frames: key_frames[layer.index()],
            temporal: counted().map(|ask| ask.choice.temporal).max().unwrap_or_default(),
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::ladder::Reason;
    use crate::media::ladder::tests::SUPPLY;
    use SpatialLayer::{Full, Half};

    fn on(layer: SpatialLayer, temporal: u8, bitrate: u32) -> Ask {
        let choice = Choice { layer: Some(layer), temporal, reason: Reason::None };
        Ask { choice, current: Some(layer), bitrate }
    }

    fn rates(asks: &[Ask]) -> [Option<(u32, u8)>; SPATIAL_LAYERS] {
        merge(asks, &SUPPLY, &[0; SPATIAL_LAYERS]).map(|layer| layer.map(|layer| (layer.bitrate, layer.temporal)))
    }

    #[test]
    fn only_what_somebody_wants_is_encoded() {
        assert_eq!(rates(&[]), [None; 3]);
        assert_eq!(rates(&[on(Full, 2, u32::MAX)]), [None, None, Some((1_500_000, 2))]);
        let half = Some((622_080, 2));
        assert_eq!(rates(&[on(Full, 1, 900_000), on(Half, 2, 800_000)]), [None, half, Some((900_000, 1))]);
    }

    #[test]
    fn one_a_little_worse_is_followed_and_one_much_worse_is_not() {
        assert_eq!(rates(&[on(Full, 2, 1_500_000), on(Full, 2, 1_300_000)])[2], Some((1_300_000, 2)));
        assert_eq!(rates(&[on(Full, 2, 1_500_000), on(Full, 1, 1_000_000)])[2], Some((1_500_000, 2)));
    }

    #[test]
    fn who_changes_layers_has_both_until_the_key_frame_and_no_word_on_the_old_one() {
        let leaving = Ask { current: Some(Full), ..on(Half, 2, 400_000) };
        assert_eq!(rates(&[leaving, on(Full, 2, 1_200_000)]), [None, Some((400_000, 2)), Some((1_200_000, 2))]);
        assert_eq!(rates(&[leaving]), [None, Some((400_000, 2)), Some((400_000, 2))]);
    }
}

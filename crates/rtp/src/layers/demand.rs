//! What all receivers of a track together want of its encoder.

use super::selection::LayerSelection;
use super::source::SourceLayers;
use confab_wire::layers::{LayerDemand, SPATIAL_LAYERS, SpatialLayer};

/// Receivers whose targets are this close to the best one's share its bitrate: a little less for one is better than fewer
/// frames for the others. Receivers with less lose temporal layers.
const SHARED_FROM: f64 = 0.8;

/// What one receiver wants of the encoder.
#[derive(Debug, Clone, Copy)]
pub struct LayerRequest {
    /// The layers that it is to get.
    pub selection: LayerSelection,
    /// The layer it is on until a key frame of the other comes.
    pub current: Option<SpatialLayer>,
    /// Its target in bit/s.
    pub bitrate: u32,
}

impl LayerRequest {
    fn is_for(&self, layer: SpatialLayer) -> bool {
        self.selection.layer == Some(layer) || self.is_leaving(layer)
    }

    /// It is on this layer for as long as it must.
    fn is_leaving(&self, layer: SpatialLayer) -> bool {
        self.selection.layer.is_some_and(|wanted| wanted != layer) && self.current == Some(layer)
    }
}

/// The layers that are wanted and at which bitrates; `key_frames` are the requests for key frames of each layer so far.
pub fn merge(
    requests: &[LayerRequest],
    source: &SourceLayers,
    key_frames: &[u64; SPATIAL_LAYERS],
) -> [Option<LayerDemand>; SPATIAL_LAYERS] {
    SpatialLayer::ALL.map(|layer| {
        let all = || requests.iter().filter(|request| request.is_for(layer));
        // Receivers that leave do not count, unless they are alone.
        let staying = all().any(|request| !request.is_leaving(layer));
        let counted = || all().filter(|request| !staying || !request.is_leaving(layer));
        let best = counted().map(|request| request.bitrate).max()?;
        let best = best.min(source.ceiling(layer));
        let shared = counted()
            .map(|request| request.bitrate.min(best))
            .filter(|rate| f64::from(*rate) >= f64::from(best) * SHARED_FROM);
        Some(LayerDemand {
            bitrate: shared.min().unwrap_or(best),
            key_frames: key_frames[layer.index()],
            temporal: counted().map(|request| request.selection.temporal).max().unwrap_or_default(),
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layers::selection::QualityLimitation;
    use crate::layers::selection::tests::CAMERA;
    use SpatialLayer::{Full, Half};

    fn on(layer: SpatialLayer, temporal: u8, bitrate: u32) -> LayerRequest {
        let selection = LayerSelection { layer: Some(layer), temporal, reason: QualityLimitation::None };
        LayerRequest { selection, current: Some(layer), bitrate }
    }

    fn rates(requests: &[LayerRequest]) -> [Option<(u32, u8)>; SPATIAL_LAYERS] {
        merge(requests, &CAMERA, &[0; SPATIAL_LAYERS]).map(|layer| layer.map(|layer| (layer.bitrate, layer.temporal)))
    }

    #[test]
    fn only_wanted_layers_are_encoded() {
        assert_eq!(rates(&[]), [None; 3]);
        assert_eq!(rates(&[on(Full, 2, u32::MAX)]), [None, None, Some((1_500_000, 2))]);
        let half = Some((622_080, 2));
        assert_eq!(rates(&[on(Full, 1, 900_000), on(Half, 2, 800_000)]), [None, half, Some((900_000, 1))]);
    }

    #[test]
    fn a_receiver_a_little_worse_is_followed_and_one_much_worse_is_not() {
        assert_eq!(rates(&[on(Full, 2, 1_500_000), on(Full, 2, 1_300_000)])[2], Some((1_300_000, 2)));
        assert_eq!(rates(&[on(Full, 2, 1_500_000), on(Full, 1, 1_000_000)])[2], Some((1_500_000, 2)));
    }

    #[test]
    fn a_change_of_layer_keeps_both_until_the_key_frame_and_does_not_count_for_the_old_one() {
        let leaving = LayerRequest { current: Some(Full), ..on(Half, 2, 400_000) };
        assert_eq!(rates(&[leaving, on(Full, 2, 1_200_000)]), [None, Some((400_000, 2)), Some((1_200_000, 2))]);
        assert_eq!(rates(&[leaving]), [None, Some((400_000, 2)), Some((400_000, 2))]);
    }
}

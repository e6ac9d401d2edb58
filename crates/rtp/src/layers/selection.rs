//! Layer selection: which layer of a video one receiver gets, by its share of the bandwidth and the size at which it draws.
//!
//! A shortage costs temporal layers at once, which needs no key frame; only when it stays it costs a spatial one. The
//! way up is slower than the way down: every change of the spatial layer is a key frame for every receiver on it.

use super::source::{SourceLayers, TOO_FEW_BITS, USUAL_SIZE};
use confab_wire::{
    layers::{LayerDemand, RenderedSize, SPATIAL_LAYERS, SpatialLayer, TOP_TEMPORAL, temporal_share},
    media::DegradationPreference,
};
use std::time::{Duration, Instant};

/// How much more than the least a larger layer needs before it is taken up again.
const HEADROOM: f64 = 1.5;
/// How long a shortage or a plenty has to stay before it changes the spatial layer.
const HOLD_DOWN: Duration = Duration::from_secs(1);
const HOLD_UP: Duration = Duration::from_secs(2);
/// A target that is this little under what a temporal layer needs is no reason to leave it.
const TOLERANCE: f64 = 1.1;

/// What bounds the layer of one receiver of a track.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReceiverConstraints {
    /// Bitrate that may be sent to it for this track, in bit/s.
    pub bitrate: u32,
    /// The size at which it draws the picture; `None` if it does not say.
    pub rendered_size: Option<RenderedSize>,
}

impl Default for ReceiverConstraints {
    fn default() -> Self {
        Self { bitrate: u32::MAX, rendered_size: None }
    }
}

/// Why a receiver gets less than everything (`RTCQualityLimitationReason`, webrtc-stats section 8.6.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum QualityLimitation {
    /// Nothing: it gets everything.
    #[default]
    None,
    /// Computing power: no more can be encoded.
    Cpu,
    /// The bandwidth to the receiver.
    Bandwidth,
    /// The size at which it draws.
    RenderedSize,
}

impl QualityLimitation {
    /// Its value in W3C webrtc-stats.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Cpu => "cpu",
            Self::Bandwidth => "bandwidth",
            Self::RenderedSize => "other",
        }
    }
}

/// The layers that a receiver is to get.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LayerSelection {
    /// Spatial layer; `None`: nothing is sent.
    pub layer: Option<SpatialLayer>,
    /// Highest temporal layer.
    pub temporal: u8,
    /// What bounds it.
    pub reason: QualityLimitation,
}

/// Selects the layers for one receiver.
#[derive(Debug, Default)]
pub struct LayerSelector {
    selection: LayerSelection,
    /// Bit/s that could be made use of, were the bandwidth unbounded.
    needed_bitrate: u32,
    /// The layer to which the bandwidth would lead, and since when.
    pressure: Option<(SpatialLayer, Instant)>,
}

impl LayerSelector {
    /// The latest selection.
    pub fn selection(&self) -> LayerSelection {
        self.selection
    }

    /// Bit/s that the receiver could make use of, were the bandwidth unbounded; 0 if it draws nothing.
    pub fn needed_bitrate(&self) -> u32 {
        self.needed_bitrate
    }

    /// What the receiver is to get from `now` on. `rates` is what is encoded of each layer at present.
    pub fn select(
        &mut self,
        source: &SourceLayers,
        constraints: &ReceiverConstraints,
        rates: &[Option<LayerDemand>; SPATIAL_LAYERS],
        now: Instant,
    ) -> LayerSelection {
        if constraints.rendered_size.is_some_and(RenderedSize::is_hidden) {
            (self.pressure, self.needed_bitrate) = (None, 0);
            self.selection = LayerSelection { layer: None, temporal: 0, reason: QualityLimitation::RenderedSize };
            return self.selection;
        }
        let target = f64::from(constraints.bitrate.min(source.max_bitrate));
        let rate = |layer: SpatialLayer| {
            // One from before the bound came down.
            rates[layer.index()].map_or(0.0, |demand| f64::from(demand.bitrate.min(source.ceiling(layer))))
        };
        let (ceiling, limit) = ceiling(source, constraints.rendered_size);
        self.needed_bitrate = source.ceiling(ceiling);
        // Of what the others get this many temporal layers have to fit: a slide show is no video.
        let least_temporal = match source.degradation {
            DegradationPreference::MaintainFramerate => TOP_TEMPORAL,
            DegradationPreference::Balanced | DegradationPreference::MaintainResolution => 1,
        };
        let affordable = |headroom: f64| {
            let fits = |layer: &SpatialLayer| {
                let shared = rate(*layer) * temporal_share(least_temporal, TOP_TEMPORAL);
                source.degradation.keeps_resolution() || (source.floor(*layer) * headroom).max(shared) <= target
            };
            let within = source.layers().filter(|layer| *layer <= ceiling);
            within.rev().find(fits).unwrap_or(source.lowest())
        };
        let layer = self.settle(affordable(1.0), affordable(HEADROOM), ceiling, now);
        let affordable = self.temporal(source, target, layer, rate(layer));
        let temporal = affordable.min(source.restrictions.temporal);
        let reason = match limit {
            _ if layer < ceiling => QualityLimitation::Bandwidth,
            QualityLimitation::None if affordable < source.restrictions.temporal => QualityLimitation::Bandwidth,
            QualityLimitation::None if temporal < TOP_TEMPORAL => QualityLimitation::Cpu,
            limit => limit,
        };
        self.selection = LayerSelection { layer: Some(layer), temporal, reason };
        self.selection
    }

    /// The spatial layer: `least` is what the target can carry, `ample` what it can carry with room to spare.
    fn settle(
        &mut self,
        least: SpatialLayer,
        ample: SpatialLayer,
        ceiling: SpatialLayer,
        now: Instant,
    ) -> SpatialLayer {
        let Some(current) = self.selection.layer.filter(|layer| *layer <= ceiling) else {
            // The first selection, or a ceiling that came down: nothing to wait for.
            self.pressure = None;
            return least;
        };
        let bound_by_bandwidth = self.selection.reason == QualityLimitation::Bandwidth;
        let (towards, hold) = match () {
            () if least < current => (least, HOLD_DOWN),
            // What was not drawn before, or not encoded, is no question of bandwidth.
            () if least > current && !bound_by_bandwidth => (least, Duration::ZERO),
            () if ample > current => (ample, HOLD_UP),
            () => {
                self.pressure = None;
                return current;
            }
        };
        let since = match self.pressure {
            Some((layer, since)) if (layer < current) == (towards < current) => since,
            _ => now,
        };
        self.pressure = Some((towards, since));
        if now.saturating_duration_since(since) < hold {
            return current;
        }
        self.pressure = None;
        towards
    }

    /// The highest temporal layer that fits, where the layer is encoded at `rate` bit/s in all.
    fn temporal(&self, source: &SourceLayers, target: f64, layer: SpatialLayer, rate: f64) -> u8 {
        let fits = |temporal: &u8| {
            let going_up = *temporal > self.selection.temporal;
            let slack = if going_up { 1.0 } else { TOLERANCE };
            let margin = if going_up { 1.0 / TOLERANCE } else { TOLERANCE };
            // Of a picture that keeps its size, each frame has to be worth it: there are fewer of them.
            let worth = source
                .degradation
                .keeps_resolution()
                .then(|| source.bits(layer, TOO_FEW_BITS) / frames_left_out(*temporal));
            // Without a margin on the way up: for a receiver alone the rate is its target.
            rate * temporal_share(*temporal, TOP_TEMPORAL) <= target * slack
                && worth.is_none_or(|worth| worth <= target * margin)
        };
        (0..=TOP_TEMPORAL).rev().find(fits).unwrap_or(0)
    }
}

/// How many times fewer frames there are up to this temporal layer.
fn frames_left_out(temporal: u8) -> f64 {
    f64::from(1_u32 << (TOP_TEMPORAL - temporal))
}

/// The largest layer that makes sense, and what bounds it.
fn ceiling(source: &SourceLayers, rendered_size: Option<RenderedSize>) -> (SpatialLayer, QualityLimitation) {
    let largest = source.layers().next_back().unwrap_or_default();
    let full = source.full.unwrap_or(USUAL_SIZE);
    let fills = |layer: &SpatialLayer| rendered_size.is_some_and(|size| layer.fills(full, size));
    let by_view = source.layers().find(fills).unwrap_or(largest);
    let by_cpu = source.layers().rev().find(|layer| *layer <= source.restrictions.top).unwrap_or(source.lowest());
    match by_view.min(by_cpu) {
        layer if layer == largest => (layer, QualityLimitation::None),
        layer if by_cpu < by_view => (layer, QualityLimitation::Cpu),
        layer => (layer, QualityLimitation::RenderedSize),
    }
}

#[cfg(test)]
#[path = "selection_tests.rs"]
pub(crate) mod tests;

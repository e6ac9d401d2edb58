//! Which layer of a video one peer gets, by what its line carries and what it shows.
//!
//! A shortage costs temporal layers at once, which needs no key frame; only when it stays it costs a spatial one. The
//! way up is slower than the way down: every change of the spatial layer is a key frame for everybody on it.

use confab_wire::{
    ctrl::Drawn,
    ladder::{LayerDemand, Relief, SPATIAL_LAYERS, SpatialLayer, TOP_TEMPORAL, temporal_share},
    media::DegradationPreference,
};
use std::time::{Duration, Instant};

/// Under this many bits per pixel a smaller picture looks better (720p30: 500 kbit/s).
const TOO_FEW_BITS: f64 = 0.018;
/// Over this many bits per pixel VP8 has nothing more to show (360p30: 620 kbit/s).
const ENOUGH_BITS: f64 = 0.09;
/// How much more than the least a larger layer needs before it is taken up again.
const HEADROOM: f64 = 1.5;
/// How long a shortage or a plenty has to stay before it changes the spatial layer.
const HOLD_DOWN: Duration = Duration::from_secs(1);
const HOLD_UP: Duration = Duration::from_secs(2);
/// A target that is this little under what a temporal layer needs is no reason to leave it.
const TOLERANCE: f64 = 1.1;
/// What a picture is taken for before the first frame of it.
const USUAL_SIZE: (u32, u32) = (1280, 720);
/// Frame rate that is planned for where none is set.
const USUAL_FPS: f64 = 30.0;

/// What one peer can take of a track and shows of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Wants {
    /// Bits per second that may be sent to it for this track.
    pub(crate) bitrate: u32,
    /// The size at which it draws the picture; `None` if it does not say.
    pub(crate) drawn: Option<Drawn>,
}

impl Default for Wants {
    fn default() -> Self {
        Self { bitrate: u32::MAX, drawn: None }
    }
}

/// What the source of a track has to give.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Supply {
    /// It encodes the layers that are asked for; otherwise there is the full one only.
    pub(crate) layered: bool,
    /// Pixels of the full layer, once known.
    pub(crate) full: Option<(u32, u32)>,
    /// What the computer can encode at most.
    pub(crate) relief: Relief,
    /// Bound of the frame rate.
    pub(crate) max_framerate: Option<f64>,
    /// Upper bound of a layer's bitrate, in bit/s.
    pub(crate) max_bitrate: u32,
    /// What is given up first.
    pub(crate) degradation: DegradationPreference,
}

impl Supply {
    fn size(&self, layer: SpatialLayer) -> Option<(u32, u32)> {
        if !self.layered && layer != SpatialLayer::Full {
            return None;
        }
        layer.size(self.full.unwrap_or(USUAL_SIZE))
    }

    fn layers(&self) -> impl DoubleEndedIterator<Item = SpatialLayer> {
        SpatialLayer::ALL.into_iter().filter(|layer| self.size(*layer).is_some())
    }

    fn lowest(&self) -> SpatialLayer {
        self.layers().next().unwrap_or_default()
    }

    /// Bits per second at so many bits per pixel.
    fn bits(&self, layer: SpatialLayer, per_pixel: f64) -> f64 {
        let (width, height) = self.size(layer).unwrap_or(USUAL_SIZE);
        let fps = self.max_framerate.map_or(USUAL_FPS, |most| most.min(USUAL_FPS));
        f64::from(width) * f64::from(height) * fps * per_pixel
    }

    /// The least at which the layer is better than the one under it.
    fn floor(&self, layer: SpatialLayer) -> f64 {
        if layer == self.lowest() { 0.0 } else { self.bits(layer, TOO_FEW_BITS) }
    }

    /// The most that is worth spending on a layer, in bit/s.
    pub(crate) fn ceiling(&self, layer: SpatialLayer) -> u32 {
        if layer == SpatialLayer::Full {
            return self.max_bitrate;
        }
        self.max_bitrate.min(self.bits(layer, ENOUGH_BITS) as u32)
    }
}

/// Why a peer gets less than everything (`RTCQualityLimitationReason`, webrtc-stats section 8.6.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Reason {
    /// It gets everything.
    #[default]
    None,
    /// The computer can't encode more.
    Cpu,
    /// The line can't carry more.
    Bandwidth,
    /// It does not draw more.
    Drawn,
}

impl Reason {
    /// W3C's word.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Cpu => "cpu",
            Self::Bandwidth => "bandwidth",
            Self::Drawn => "other",
        }
    }
}

/// What a peer is to get.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Choice {
    /// `None`: nothing.
    pub(crate) layer: Option<SpatialLayer>,
    /// Highest temporal layer.
    pub(crate) temporal: u8,
    pub(crate) reason: Reason,
}

/// Chooses for one peer.
#[derive(Debug, Default)]
pub(crate) struct Chooser {
    choice: Choice,
    /// Bit/s that a line without bounds would carry.
    need: u32,
    /// Where the line would lead, and since when.
    pressure: Option<(SpatialLayer, Instant)>,
}

impl Chooser {
    pub(crate) fn choice(&self) -> Choice {
        self.choice
    }

    /// Bit/s that the peer would get on a line without bounds; 0 if it shows nothing.
    pub(crate) fn need(&self) -> u32 {
        self.need
    }

    /// What the peer is to get from `now` on. `rates` is what is encoded of each layer at present.
    pub(crate) fn choose(
        &mut self,
        supply: &Supply,
        wants: &Wants,
        rates: &[Option<LayerDemand>; SPATIAL_LAYERS],
        now: Instant,
    ) -> Choice {
        if wants.drawn.is_some_and(Drawn::is_hidden) {
            (self.pressure, self.need) = (None, 0);
            self.choice = Choice { layer: None, temporal: 0, reason: Reason::Drawn };
            return self.choice;
        }
        let target = f64::from(wants.bitrate.min(supply.max_bitrate));
        let rate = |layer: SpatialLayer| {
            // One from before the bound came down.
            rates[layer.index()].map_or(0.0, |demand| f64::from(demand.bitrate.min(supply.ceiling(layer))))
        };
        let (ceiling, limit) = ceiling(supply, wants.drawn);
        self.need = supply.ceiling(ceiling);
        // Of what the others get this many temporal layers have to fit: a slide show is no video.
        let least_temporal = match supply.degradation {
            DegradationPreference::MaintainFramerate => TOP_TEMPORAL,
            DegradationPreference::Balanced | DegradationPreference::MaintainResolution => 1,
        };
        let affordable = |headroom: f64| {
            let fits = |layer: &SpatialLayer| {
                let shared = rate(*layer) * temporal_share(least_temporal, TOP_TEMPORAL);
                supply.degradation.keeps_resolution() || (supply.floor(*layer) * headroom).max(shared) <= target
            };
            let within = supply.layers().filter(|layer| *layer <= ceiling);
            within.rev().find(fits).unwrap_or(supply.lowest())
        };
        let layer = self.settle(affordable(1.0), affordable(HEADROOM), ceiling, now);
        let affordable = self.temporal(supply, target, layer, rate(layer));
        let temporal = affordable.min(supply.relief.temporal);
        let reason = match limit {
            _ if layer < ceiling => Reason::Bandwidth,
            Reason::None if affordable < supply.relief.temporal => Reason::Bandwidth,
            Reason::None if temporal < TOP_TEMPORAL => Reason::Cpu,
            limit => limit,
        };
        self.choice = Choice { layer: Some(layer), temporal, reason };
        self.choice
    }

    /// The spatial layer: `least` is what the target can carry, `ample` what it can carry with room to spare.
    fn settle(
        &mut self,
        least: SpatialLayer,
        ample: SpatialLayer,
        ceiling: SpatialLayer,
        now: Instant,
    ) -> SpatialLayer {
        let Some(current) = self.choice.layer.filter(|layer| *layer <= ceiling) else {
            // The first choice, or a ceiling that came down: nothing to wait for.
            self.pressure = None;
            return least;
        };
        let bound_by_line = self.choice.reason == Reason::Bandwidth;
        let (towards, hold) = match () {
            () if least < current => (least, HOLD_DOWN),
            // What was not drawn before, or not encoded, is no question of the line.
            () if least > current && !bound_by_line => (least, Duration::ZERO),
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
    fn temporal(&self, supply: &Supply, target: f64, layer: SpatialLayer, rate: f64) -> u8 {
        let fits = |temporal: &u8| {
            let going_up = *temporal > self.choice.temporal;
            let slack = if going_up { 1.0 } else { TOLERANCE };
            let margin = if going_up { 1.0 / TOLERANCE } else { TOLERANCE };
            // Of a picture that keeps its size, each frame has to be worth it: there are fewer of them.
            let worth = supply
                .degradation
                .keeps_resolution()
                .then(|| supply.bits(layer, TOO_FEW_BITS) / frames_left_out(*temporal));
            // Without a margin on the way up: for a peer alone the rate is its target.
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
fn ceiling(supply: &Supply, drawn: Option<Drawn>) -> (SpatialLayer, Reason) {
    let largest = supply.layers().next_back().unwrap_or_default();
    let full = supply.full.unwrap_or(USUAL_SIZE);
    let fills = |layer: &SpatialLayer| drawn.is_some_and(|drawn| layer.fills(full, drawn));
    let by_view = supply.layers().find(fills).unwrap_or(largest);
    let by_cpu = supply.layers().rev().find(|layer| *layer <= supply.relief.top).unwrap_or(supply.lowest());
    match by_view.min(by_cpu) {
        layer if layer == largest => (layer, Reason::None),
        layer if by_cpu < by_view => (layer, Reason::Cpu),
        layer => (layer, Reason::Drawn),
    }
}

#[cfg(test)]
#[path = "ladder_tests.rs"]
pub(crate) mod tests;

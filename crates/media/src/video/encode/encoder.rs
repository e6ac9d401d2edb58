//! The VP8 encoders of a source: each picture once for each spatial layer that is wanted.

use std::time::{Duration, Instant};

use confab_wire::{
    layers::{LayerDemand, SPATIAL_LAYERS, SpatialLayer},
    media::{EncodedFrame, VIDEO_CLOCK_HZ, VideoDemand},
};

use crate::clock;
use crate::video::encode::layer::{LayerEncoder, LayerTerms, Timing};
use crate::video::encode::size::full_size;
use crate::video::i420::{I420Frame, ScaleScratch};
use crate::video::types::VideoConfig;
use crate::video::vpx::VpxError;

/// A gap between two pictures after which libvpx (1.12) may leave out all that follow, in 1/90000 s: it begins anew. The
/// program was suspended, or the camera saw nothing.
const GAP: i64 = 3 * VIDEO_CLOCK_HZ as i64;

/// Encodes pictures of one source as they come, once for each layer that is wanted; also usable without threads, to
/// measure.
#[derive(Debug)]
pub struct VideoEncoder {
    config: VideoConfig,
    layers: [LayerEncoder; SPATIAL_LAYERS],
    scaled: [I420Frame; SPATIAL_LAYERS],
    scratch: ScaleScratch,
    last_pts: i64,
    /// When the next picture may be encoded under a bound of the frame rate.
    due: Option<Instant>,
}

impl VideoEncoder {
    /// An encoder that opens libvpx with the first picture.
    pub fn new(config: VideoConfig) -> Self {
        Self {
            config,
            layers: SpatialLayer::ALL.map(LayerEncoder::new),
            scaled: SpatialLayer::ALL.map(|_| I420Frame::new(2, 2)),
            scratch: ScaleScratch::default(),
            last_pts: i64::MIN,
            due: None,
        }
    }

    /// Frees the encoders: the next frames will be key frames.
    pub fn rest(&mut self) {
        self.layers.iter_mut().for_each(LayerEncoder::stop);
    }

    /// Encodes a picture captured at `captured` for `demand`: at most one frame of each layer, key frames first, so that
    /// receivers that change layers are on the new one before the old one's frame of the same picture comes. None at all if the
    /// picture comes sooner than the demanded frame rate allows, or no bits were left for it.
    pub fn encode(
        &mut self,
        picture: &I420Frame,
        captured: Instant,
        demand: &VideoDemand,
    ) -> Result<Vec<EncodedFrame>, VpxError> {
        if !self.is_due(captured, demand.max_framerate) {
            return Ok(Vec::new());
        }
        // Strictly growing, or libvpx refuses the frame.
        let pts = clock::video_ticks(captured).max(self.last_pts.saturating_add(1));
        if pts.saturating_sub(std::mem::replace(&mut self.last_pts, pts)) > GAP {
            self.rest();
        }
        let fps = f64::from(self.config.fps.clamp(1, 120));
        let fps = demand.max_framerate.map_or(fps, |most| fps.min(most));
        let timing = Timing { pts, duration: (f64::from(VIDEO_CLOCK_HZ) / fps) as u32 };
        let terms = LayerTerms {
            most: demand.max_bitrate.min(self.config.bitrate),
            fps: self.config.fps,
            detailed: demand.content_hint.is_detailed(),
        };
        let full = full_size((picture.width(), picture.height()), self.config, demand);
        let wanted = available_layers(demand, full);
        let mut frames = Vec::new();
        // From the largest to the smallest: each is scaled from the one above it.
        let mut above = None;
        for layer in SpatialLayer::ALL.into_iter().rev() {
            let index = layer.index();
            let (Some(demand), Some(size)) = (wanted[index], layer.size(full)) else {
                self.layers[index].stop();
                continue;
            };
            let (lower, upper) = self.scaled.split_at_mut(index + 1);
            let source = above.map_or(picture, |above: usize| &upper[above - index - 1]);
            let picture = if size == (source.width(), source.height()) {
                source
            } else {
                lower[index].resize(size.0, size.1);
                source.scale_into(&mut lower[index], &mut self.scratch);
                above = Some(index);
                &lower[index]
            };
            frames.extend(self.layers[index].encode(picture, timing, demand, terms)?);
        }
        frames.sort_by_key(|frame| !frame.key);
        Ok(frames)
    }

    /// Whether a picture of this time keeps to the frame rate. Pictures come at a rate of their own, so the average counts:
    /// one that is a little early is taken, and the next one is due as if it had not been.
    fn is_due(&mut self, captured: Instant, max_framerate: Option<f64>) -> bool {
        let rate = max_framerate.filter(|rate| *rate > 0.0 && *rate < f64::from(self.config.fps));
        let Some(rate) = rate else {
            self.due = None;
            return true;
        };
        // A bound that lasts longer than a day between two pictures is a still picture.
        let interval = Duration::from_secs_f64((1.0 / rate).min(86_400.0));
        let early = Duration::from_secs_f64(0.5 / f64::from(self.config.fps.max(1)));
        // One from before the bound was loosened.
        let due = self.due.map(|due| due.min(captured + interval));
        if due.is_some_and(|due| captured + early < due) {
            self.due = due;
            return false;
        }
        let on_time = due.filter(|due| captured.saturating_duration_since(*due) < interval);
        self.due = Some(on_time.unwrap_or(captured) + interval);
        true
    }
}

/// What is wanted of the layers that a picture with a full layer of this size has. A demand for a smaller one gets the
/// smallest there is, whose frames tell the size of the picture.
fn available_layers(demand: &VideoDemand, full: (u32, u32)) -> [Option<LayerDemand>; SPATIAL_LAYERS] {
    let mut wanted = demand.layers;
    for layer in SpatialLayer::ALL.into_iter().filter(|layer| layer.size(full).is_none()) {
        let index = layer.index();
        if let Some(demand) = wanted[index].take() {
            wanted[index + 1].get_or_insert(demand);
        }
    }
    wanted
}

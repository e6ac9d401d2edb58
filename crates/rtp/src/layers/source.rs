//! What the source of a video track can encode, and what each of its layers is worth in bits.

use confab_wire::{
    layers::{SpatialLayer, VideoSourceRestrictions},
    media::DegradationPreference,
};

/// Under this many bits per pixel a smaller picture looks better (720p30: 500 kbit/s).
pub(crate) const TOO_FEW_BITS: f64 = 0.018;
/// Over this many bits per pixel VP8 has nothing more to show (360p30: 620 kbit/s).
const ENOUGH_BITS: f64 = 0.09;
/// What a picture is taken for before the first frame of it.
pub(crate) const USUAL_SIZE: (u32, u32) = (1280, 720);
/// Frame rate that is planned for where none is set.
const USUAL_FPS: f64 = 30.0;

/// The layers that the source of a video track can encode, and what bounds them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SourceLayers {
    /// True if it encodes the layers that are asked for; otherwise there is the full one only.
    pub layered: bool,
    /// Pixels of the full layer, once known.
    pub full: Option<(u32, u32)>,
    /// What can be encoded at most, for want of computing power.
    pub restrictions: VideoSourceRestrictions,
    /// Upper bound of the frame rate in frames per second.
    pub max_framerate: Option<f64>,
    /// Upper bound of a layer's bitrate, in bit/s.
    pub max_bitrate: u32,
    /// What is given up first when bits run short.
    pub degradation: DegradationPreference,
}

impl SourceLayers {
    /// Pixels of a layer; `None` if the source has no such layer.
    pub(crate) fn size(&self, layer: SpatialLayer) -> Option<(u32, u32)> {
        if !self.layered && layer != SpatialLayer::Full {
            return None;
        }
        layer.size(self.full.unwrap_or(USUAL_SIZE))
    }

    /// The layers there are, the smallest first.
    pub(crate) fn layers(&self) -> impl DoubleEndedIterator<Item = SpatialLayer> {
        SpatialLayer::ALL.into_iter().filter(|layer| self.size(*layer).is_some())
    }

    /// The smallest layer.
    pub(crate) fn lowest(&self) -> SpatialLayer {
        self.layers().next().unwrap_or_default()
    }

    /// Bitrate of a layer at so many bits per pixel, in bit/s.
    pub(crate) fn bits(&self, layer: SpatialLayer, per_pixel: f64) -> f64 {
        let (width, height) = self.size(layer).unwrap_or(USUAL_SIZE);
        let fps = self.max_framerate.map_or(USUAL_FPS, |most| most.min(USUAL_FPS));
        f64::from(width) * f64::from(height) * fps * per_pixel
    }

    /// The least bitrate at which the layer is better than the one under it, in bit/s.
    pub(crate) fn floor(&self, layer: SpatialLayer) -> f64 {
        if layer == self.lowest() { 0.0 } else { self.bits(layer, TOO_FEW_BITS) }
    }

    /// The most that is worth spending on a layer, in bit/s.
    pub fn ceiling(&self, layer: SpatialLayer) -> u32 {
        if layer == SpatialLayer::Full {
            return self.max_bitrate;
        }
        self.max_bitrate.min(self.bits(layer, ENOUGH_BITS) as u32)
    }
}

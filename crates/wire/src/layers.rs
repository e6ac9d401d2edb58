//! The layers of one video: up to three sizes (simulcast, spatial layers), each in three frame rates (temporal layers).

use serde::{Deserialize, Serialize};

/// Spatial layers of a video.
pub const SPATIAL_LAYERS: usize = 3;
/// Temporal layers of each spatial layer.
pub const TEMPORAL_LAYERS: u8 = 3;
/// The temporal layer that completes the frame rate.
pub const TOP_TEMPORAL: u8 = TEMPORAL_LAYERS - 1;
/// Smallest picture that is a layer of its own, in pixels of its shorter side.
pub const MIN_SIDE: u32 = 90;
/// A picture this much larger than a layer is still filled by it: nobody sees the difference.
const STRETCH: f64 = 1.1;
/// Largest share of a layer's bitrate that its lower temporal layers take, themselves included, in percent.
const CUMULATIVE_PERCENT: [u32; TEMPORAL_LAYERS as usize] = [40, 60, 100];

/// One size of a video; each is twice as wide and high as the one under it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum SpatialLayer {
    /// A quarter of each side.
    Quarter,
    /// Half of each side.
    Half,
    /// The whole picture. A source of one layer has this one.
    #[default]
    Full,
}

impl SpatialLayer {
    /// Every layer, the smallest first.
    pub const ALL: [Self; SPATIAL_LAYERS] = [Self::Quarter, Self::Half, Self::Full];

    /// Its place in [`Self::ALL`].
    pub fn index(self) -> usize {
        self as usize
    }

    /// Halvings of each side between the full layer and this one.
    fn shift(self) -> u32 {
        Self::Full as u32 - self as u32
    }

    /// Size of this layer of a video whose full layer has `full` pixels. `None` if it would be too small to be one; the
    /// full layer always is.
    pub fn size(self, (width, height): (u32, u32)) -> Option<(u32, u32)> {
        if self == Self::Full {
            return Some((width, height));
        }
        let size = ((width >> self.shift()) & !1, (height >> self.shift()) & !1);
        (size.0.min(size.1) >= MIN_SIDE).then_some(size)
    }

    /// True if this layer of a video whose full layer has `full` pixels is as large as it is rendered, or nearly.
    pub fn fills(self, full: (u32, u32), rendered: RenderedSize) -> bool {
        let reaches = |side: u32, rendered: u16| f64::from(side) * STRETCH >= f64::from(rendered);
        self.size(full)
            .is_some_and(|(width, height)| reaches(width, rendered.width) || reaches(height, rendered.height))
    }

    /// About the size of the full layer, if this one has `size` pixels.
    pub fn full_size(self, (width, height): (u32, u32)) -> (u32, u32) {
        (width << self.shift(), height << self.shift())
    }

    /// Statistics' word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Quarter => "quarter",
            Self::Half => "half",
            Self::Full => "full",
        }
    }
}

/// The size at which a video is rendered, in physical pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RenderedSize {
    /// Width; 0 if the video is not rendered at all.
    pub width: u16,
    /// Height; 0 if the video is not rendered at all.
    pub height: u16,
}

impl RenderedSize {
    /// Nobody sees the video.
    pub const HIDDEN: Self = Self { width: 0, height: 0 };

    /// True if nobody sees the video.
    pub fn is_hidden(self) -> bool {
        self.width == 0 || self.height == 0
    }
}

/// Where a frame belongs. The default is that of a source without layers.
///
/// What a frame may refer to: temporal layer 0 to the frame of layer 0 before it, a frame with `sync` to the newest
/// frame of layer 0, any other one to the newest frames of its own and all lower layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct FrameLayer {
    /// Its size.
    pub spatial: SpatialLayer,
    /// Temporal layer, from 0, the base, to [`TOP_TEMPORAL`].
    pub temporal: u8,
    /// It refers to layer 0 only: who was without its temporal layer can begin here.
    pub sync: bool,
}

/// What is wanted of one spatial layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LayerDemand {
    /// Target bitrate of all its temporal layers together, in bit/s.
    pub bitrate: u32,
    /// Grows with each request for a key frame; many requests between two frames are one key frame.
    pub key_frames: u64,
    /// Highest temporal layer that anybody wants; frames of those above are not encoded.
    pub temporal: u8,
}

/// What is encoded at most on a computer that can't keep up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VideoSourceRestrictions {
    /// Highest spatial layer.
    pub top: SpatialLayer,
    /// Highest temporal layer.
    pub temporal: u8,
}

impl VideoSourceRestrictions {
    /// Nothing is held back.
    pub const NONE: Self = Self { top: SpatialLayer::Full, temporal: TOP_TEMPORAL };
}

impl Default for VideoSourceRestrictions {
    fn default() -> Self {
        Self::NONE
    }
}

/// Share of the bitrate that the temporal layers up to `temporal` have, where `highest` is the highest encoded: 0 to 1.
pub fn temporal_share(temporal: u8, highest: u8) -> f64 {
    let of = |layer: u8| f64::from(CUMULATIVE_PERCENT[usize::from(layer.min(TOP_TEMPORAL))]);
    of(temporal.min(highest)) / of(highest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use SpatialLayer::{Full, Half, Quarter};

    #[test]
    fn each_layer_is_half_of_the_next_until_it_would_be_tiny() {
        let sizes = |full| SpatialLayer::ALL.map(|layer| layer.size(full));
        assert_eq!(sizes((1280, 720)), [Some((320, 180)), Some((640, 360)), Some((1280, 720))]);
        assert_eq!(sizes((320, 180)), [None, Some((160, 90)), Some((320, 180))]);
        assert_eq!(sizes((64, 48)), [None, None, Some((64, 48))]);
        assert_eq!(sizes((406, 720)), [Some((100, 180)), Some((202, 360)), Some((406, 720))]);
        assert_eq!((Quarter.full_size((320, 180)), Full.full_size((64, 48))), ((1280, 720), (64, 48)));
        assert!(Quarter < Half && Half < Full);
    }

    #[test]
    fn a_layer_fills_what_is_a_little_larger() {
        let fills = |width, height| Half.fills((1280, 720), RenderedSize { width, height });
        assert!(fills(640, 360) && fills(690, 388) && !fills(720, 405));
        assert!(fills(1000, 300), "one side is enough: the picture is shown whole");
        assert!(!Quarter.fills((320, 180), RenderedSize { width: 10, height: 10 }), "a layer that there is not");
    }

    #[test]
    fn lower_temporal_layers_have_their_share_of_what_is_encoded() {
        assert_eq!((temporal_share(0, 2), temporal_share(1, 2), temporal_share(2, 2)), (0.4, 0.6, 1.0));
        assert_eq!((temporal_share(1, 1), temporal_share(2, 0)), (1.0, 1.0));
    }
}

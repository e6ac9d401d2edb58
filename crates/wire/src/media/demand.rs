//! What is wanted of a video encoder.

use crate::layers::{LayerDemand, SPATIAL_LAYERS, SpatialLayer, TOP_TEMPORAL};
use serde::{Deserialize, Serialize};

/// What an encoder gives up when bits or time run short (W3C mst-content-hint, `RTCDegradationPreference`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DegradationPreference {
    /// Size before frames.
    MaintainFramerate,
    /// Frames before size.
    MaintainResolution,
    /// A little of both.
    #[default]
    Balanced,
}

impl DegradationPreference {
    /// Frames are given up before pixels.
    pub fn keeps_resolution(self) -> bool {
        self == Self::MaintainResolution
    }
}

/// What a picture shows (W3C mst-content-hint).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ContentHint {
    /// Not told.
    #[default]
    #[serde(rename = "")]
    None,
    /// Motion matters more than each picture: people, games, films.
    Motion,
    /// Each picture matters more than motion: documents, drawings.
    Detail,
    /// As `Detail`, with edges that must stay readable.
    Text,
}

impl ContentHint {
    /// Each picture matters more than motion: it was drawn by a computer, rests most of the time and has sharp edges.
    pub fn is_detailed(self) -> bool {
        matches!(self, Self::Detail | Self::Text)
    }
}

/// Upper bound of a layer's bitrate where nobody sets one, in bit/s.
pub const DEFAULT_MAX_BITRATE: u32 = 1_500_000;

/// What all peers together want of one video encoder. One value in a `watch`; the encoder obeys the newest.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct VideoDemand {
    /// What is wanted of each spatial layer, by [`SpatialLayer::index`]; `None` while no one, peer or preview, shows it.
    pub layers: [Option<LayerDemand>; SPATIAL_LAYERS],
    /// Upper bound of each layer's bitrate, in bit/s.
    pub max_bitrate: u32,
    /// Upper bound of the frame rate, in frames per second, over 0; `None`: as many as the source has.
    pub max_framerate: Option<f64>,
    /// Each side of the picture is divided by this before it is encoded; at least 1.
    pub scale_resolution_down_by: f64,
    /// What is given up first when bits or time run short; `None`: as the content says ([`Self::degradation`]).
    pub degradation_preference: Option<DegradationPreference>,
    /// What the picture shows; decides where `degradation_preference` does not.
    pub content_hint: ContentHint,
}

/// Nothing is wanted, and nothing bounded but by [`DEFAULT_MAX_BITRATE`].
impl Default for VideoDemand {
    fn default() -> Self {
        Self {
            layers: [None; SPATIAL_LAYERS],
            max_bitrate: DEFAULT_MAX_BITRATE,
            max_framerate: None,
            scale_resolution_down_by: 1.0,
            degradation_preference: None,
            content_hint: ContentHint::default(),
        }
    }
}

impl VideoDemand {
    /// The full layer alone, at [`DEFAULT_MAX_BITRATE`] and every frame.
    pub fn full() -> Self {
        let mut demand = Self::default();
        demand.layers[SpatialLayer::Full.index()] =
            Some(LayerDemand { bitrate: DEFAULT_MAX_BITRATE, key_frames: 0, temporal: TOP_TEMPORAL });
        demand
    }

    /// What is wanted of `layer`.
    pub fn layer(&self, layer: SpatialLayer) -> Option<LayerDemand> {
        self.layers[layer.index()]
    }

    /// False while no one shows the picture: the encoder rests.
    pub fn wanted(&self) -> bool {
        self.layers.iter().any(Option::is_some)
    }

    /// Requests for key frames of all layers together: what a source of one layer looks at.
    pub fn key_frames(&self) -> u64 {
        self.layers.iter().flatten().map(|layer| layer.key_frames).sum()
    }

    /// What is given up first when bits or time run short: what was asked for, or else what the content implies
    /// (W3C mst-content-hint section 3.2).
    pub fn degradation(&self) -> DegradationPreference {
        self.degradation_preference.unwrap_or(match self.content_hint {
            ContentHint::None => DegradationPreference::Balanced,
            ContentHint::Motion => DegradationPreference::MaintainFramerate,
            ContentHint::Detail | ContentHint::Text => DegradationPreference::MaintainResolution,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use DegradationPreference::{Balanced, MaintainFramerate, MaintainResolution};

    #[test]
    fn the_content_decides_where_nothing_else_was_asked_for() {
        let degradation = |degradation_preference, content_hint| {
            VideoDemand { degradation_preference, content_hint, ..VideoDemand::default() }.degradation()
        };
        for (hint, implied) in [
            (ContentHint::None, Balanced),
            (ContentHint::Motion, MaintainFramerate),
            (ContentHint::Detail, MaintainResolution),
            (ContentHint::Text, MaintainResolution),
        ] {
            assert_eq!(degradation(None, hint), implied);
            for asked in [Balanced, MaintainFramerate, MaintainResolution] {
                assert_eq!(degradation(Some(asked), hint), asked);
            }
        }
    }
}

//! Encoded media as it moves between encoder, engine, recorder and window.

use crate::ladder::{FrameLayer, LayerDemand, SPATIAL_LAYERS, SpatialLayer, TOP_TEMPORAL};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
#[cfg(feature = "typescript")]
use ts_rs::TS;

/// RTP clock rate of every video codec (RFC 7741 section 4.1), in Hz.
pub const VIDEO_CLOCK_HZ: u32 = 90_000;
/// RTP clock rate of Opus (RFC 7587 section 4.1) and the sample rate of all audio here, in Hz.
pub const AUDIO_CLOCK_HZ: u32 = 48_000;

/// Kind of a track.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(TS))]
#[serde(rename_all = "kebab-case")]
pub enum MediaKind {
    /// Sound.
    Audio,
    /// Pictures.
    Video,
}

/// Codec of an encoded frame or packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(TS))]
#[serde(rename_all = "kebab-case")]
pub enum Codec {
    /// VP8, RFC 6386.
    Vp8,
    /// VP9.
    Vp9,
    /// H.264. Received only: its patents forbid an encoder here.
    H264,
    /// Opus, RFC 6716.
    Opus,
}

impl Codec {
    /// The kind of media this codec carries.
    pub fn kind(self) -> MediaKind {
        if self == Codec::Opus { MediaKind::Audio } else { MediaKind::Video }
    }
}

/// The video codecs that a receiver can decode, beside VP8 and VP9, which are always taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(TS))]
pub struct Decoders {
    /// H.264 of 4:2:0 pictures up to the High profile.
    pub h264: bool,
}

impl Decoders {
    /// True if `codec` can be received.
    pub fn takes(self, codec: Codec) -> bool {
        codec != Codec::H264 || self.h264
    }
}

/// One encoded video frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncodedFrame {
    /// The bitstream of the frame, as the codec defines it (no RTP payload descriptor); of H.264 one access unit as a byte
    /// stream (ITU-T H.264 annex B).
    pub data: Bytes,
    /// Codec of `data`.
    pub codec: Codec,
    /// True if it can be decoded without any other frame.
    pub key: bool,
    /// RTP timestamp in units of 1/90000 s, wrapping.
    pub timestamp: u32,
    /// Width in pixels; 0 if not known (a received delta frame before any key frame).
    pub width: u16,
    /// Height in pixels; 0 if not known.
    pub height: u16,
    /// Its place in the ladder. A received frame has the default: what a peer sends is one layer for who receives it.
    pub layer: FrameLayer,
}

/// How loud the sound of a packet is, as its sender says (RFC 6464).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AudioLevel {
    decibels: u8,
    /// The sender takes it for speech.
    pub voice: bool,
}

impl AudioLevel {
    /// Below this it is digital silence, in -dBov.
    const SILENCE: u8 = 127;

    /// Of sound whose samples in -1..1 have this root mean square.
    pub fn from_rms(rms: f32, voice: bool) -> Self {
        // The logarithm of silence is minus infinity, which the bound makes 127; `max` makes silence of what is no number.
        let decibels = (-20.0 * rms.max(0.0).log10()).round().clamp(0.0, f32::from(Self::SILENCE)) as u8;
        Self { decibels, voice }
    }

    /// Of a level in -dBov (0 is the loudest there can be); over 127 is silence.
    pub fn from_decibels(decibels: u8, voice: bool) -> Self {
        Self { decibels: decibels.min(Self::SILENCE), voice }
    }

    /// In -dBov: 0 is the loudest there can be, 127 digital silence.
    pub fn decibels(self) -> u8 {
        self.decibels
    }

    /// Root mean square of samples in -1..1.
    pub fn rms(self) -> f32 {
        if self.decibels == Self::SILENCE { 0.0 } else { 10f32.powf(-f32::from(self.decibels) / 20.0) }
    }
}

/// One Opus packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AudioPacket {
    /// The Opus packet.
    pub data: Bytes,
    /// RTP timestamp in units of 1/48000 s, wrapping.
    pub timestamp: u32,
    /// RTP sequence number, wrapping. The sender's engine assigns its own; a source may leave 0.
    pub sequence: u16,
    /// How loud it is; `None` if its sender does not say.
    pub level: Option<AudioLevel>,
}

/// What is done to the sound of a microphone before it is sent (W3C mediacapture-streams, `MediaTrackSettings`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(TS))]
#[serde(rename_all = "camelCase", default)]
pub struct Processing {
    /// What the speaker plays is taken out of what the microphone hears.
    pub echo_cancellation: bool,
    /// Steady noise is taken out.
    pub noise_suppression: bool,
    /// Voices are brought to an even loudness.
    pub gain_control: bool,
}

impl Default for Processing {
    fn default() -> Self {
        Self { echo_cancellation: true, noise_suppression: true, gain_control: true }
    }
}

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
    fn a_level_is_what_the_header_extension_can_say() {
        let decibels = |rms| AudioLevel::from_rms(rms, true).decibels();
        assert_eq!([1.0, 0.5, 0.1, 0.001, 0.0].map(decibels), [0, 6, 20, 60, 127]);
        assert_eq!([2.0, f32::NAN].map(decibels), [0, 127], "full scale is the most, and what is no number is silence");
        assert_eq!(AudioLevel::from_decibels(200, false).rms(), 0.0);
        assert!((AudioLevel::from_decibels(20, false).rms() - 0.1).abs() < 1e-6);
    }

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

//! Kinds of media, codecs and their clocks.

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

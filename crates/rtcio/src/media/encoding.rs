//! Options of a stream: its identity, how its pictures are encoded and which codecs are offered.

use confab_rtp::encoding::{EncodingError, VideoEncoding};
use confab_wire::{limits, media::MediaKind};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;

/// An option of a stream that can't be.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum StreamError {
    /// A stream id is empty or longer than [`confab_wire::limits::ID_BYTES`].
    #[error("a stream id has 1 to {} bytes", limits::ID_BYTES)]
    Id,
    /// How the pictures are to be encoded.
    #[error(transparent)]
    Encoding(#[from] EncodingError),
}

/// A codec as the application sees it (`RTCRtpCodec`, W3C webrtc-pc section 5.2.9).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RtpCodec {
    /// Such as `video/VP8`; case does not matter.
    pub mime_type: String,
    /// In Hz.
    pub clock_rate: u32,
    /// For sound.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channels: Option<u16>,
    /// The value of `a=fmtp`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sdp_fmtp_line: Option<String>,
}

type Choose = dyn Fn(Vec<RtpCodec>, MediaKind) -> Vec<RtpCodec> + Send + Sync;

/// Orders and filters the codecs of a stream's m-lines (`codecPreferences` of rtc.io): called with what can be sent, it
/// returns what is offered, the preferred one first. What is not known is ignored; an empty result means the default
/// (`setCodecPreferences`, W3C webrtc-pc section 5.4.2). Retransmission follows each codec by itself.
#[derive(Clone)]
pub struct CodecPreferences(Arc<Choose>);

impl CodecPreferences {
    /// With this function. It is called in the peers' tasks and must not wait.
    pub fn new(choose: impl Fn(Vec<RtpCodec>, MediaKind) -> Vec<RtpCodec> + Send + Sync + 'static) -> Self {
        Self(Arc::new(choose))
    }

    /// What is to be offered of `capabilities`.
    pub(crate) fn choose(&self, capabilities: Vec<RtpCodec>, kind: MediaKind) -> Vec<RtpCodec> {
        (self.0)(capabilities, kind)
    }
}

impl fmt::Debug for CodecPreferences {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CodecPreferences")
    }
}

/// Options of a stream (`RTCIOStreamOptions` of rtc.io).
#[derive(Debug, Clone, Default)]
pub struct StreamOptions {
    /// The stream's identity, for one that outlives the program; without it a new UUID.
    pub id: Option<String>,
    /// `videoEncoding`: how video tracks are encoded.
    pub encoding: VideoEncoding,
    /// `codecPreferences`: which codecs are offered, in which order.
    pub codec_preferences: Option<CodecPreferences>,
}

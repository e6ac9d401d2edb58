//! Which codecs a stream's m-lines offer.

use confab_wire::media::MediaKind;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;

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

//! The codec of an RTP stream.

use confab_wire::media::{AUDIO_CLOCK_HZ, Codec, VIDEO_CLOCK_HZ};
use rtc::interceptor::StreamInfo;

/// The codec of a stream, as negotiated.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StreamCodec {
    /// RTP payload type.
    pub payload_type: u8,
    /// Such as `video/VP8`.
    pub mime_type: String,
    /// Units of a timestamp in a second; 0 if not known.
    pub clock_rate: u32,
    /// Of sound; 0 for video.
    pub channels: u16,
    /// The value of `a=fmtp`.
    pub sdp_fmtp_line: String,
}

impl StreamCodec {
    pub(crate) fn new(info: &StreamInfo) -> Self {
        Self {
            payload_type: info.payload_type,
            mime_type: info.mime_type.clone(),
            clock_rate: info.clock_rate,
            channels: info.channels,
            sdp_fmtp_line: info.sdp_fmtp_line.clone(),
        }
    }

    /// The codec, if it is one of ours.
    pub fn codec(&self) -> Option<Codec> {
        let (_, name) = self.mime_type.split_once('/')?;
        let known = [("VP8", Codec::Vp8), ("VP9", Codec::Vp9), ("H264", Codec::H264), ("opus", Codec::Opus)];
        known.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, codec)| codec)
    }

    /// True for video.
    pub fn is_video(&self) -> bool {
        self.mime_type.starts_with("video/")
    }

    /// Units of a timestamp in a second.
    pub(crate) fn clock_hz(&self) -> f64 {
        let fallback = if self.is_video() { VIDEO_CLOCK_HZ } else { AUDIO_CLOCK_HZ };
        f64::from(if self.clock_rate == 0 { fallback } else { self.clock_rate })
    }
}

//! Counters of packets, frames and feedback.

use crate::packetization::{ParsedPayload, h264, vp8, vp9};
use bytes::Bytes;
use confab_wire::media::Codec;
use rtc::rtp;
use rtc::shared::marshal::MarshalSize;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Frames in the window of the frame rate: far more than any camera makes in it.
const MAX_RECENT_FRAMES: usize = 256;
/// Window of the frame rate.
const RATE_WINDOW: Duration = Duration::from_secs(1);

/// RTP packets and their bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PacketCounter {
    /// Packets.
    pub count: u64,
    /// Payload bytes, without headers and padding.
    pub bytes: u64,
    /// Bytes of RTP headers.
    pub header_bytes: u64,
}

impl PacketCounter {
    pub(crate) fn add(&mut self, packet: &rtp::Packet) {
        self.count += 1;
        self.bytes += packet.payload.len() as u64;
        self.header_bytes += packet.header.marshal_size() as u64;
    }
}

/// Frames of a video stream, seen at their packets.
#[derive(Debug, Clone, Default)]
pub struct FrameCounter {
    /// Frames whose last packet passed.
    pub complete: u64,
    /// Key frames whose first packet passed, of VP8, VP9 and H.264.
    pub key: u64,
    /// Width and height of the latest key frame, in pixels.
    pub size: Option<(u16, u16)>,
    recent: VecDeque<Instant>,
    /// The frame that passes is a key frame that was counted.
    in_key: bool,
}

impl FrameCounter {
    /// Adds a packet. Of a codec that is not known only complete frames are counted.
    pub(crate) fn add(&mut self, codec: Option<Codec>, marker: bool, payload: &Bytes, now: Instant) {
        let (key, size) = match codec {
            Some(Codec::Vp8) => beginning(vp8::parse(payload), vp8::is_key_frame, vp8::key_frame_size),
            Some(Codec::Vp9) => beginning(vp9::parse(payload), vp9::is_key_frame, vp9::key_frame_size),
            Some(Codec::H264) => h264::beginnings(payload),
            Some(Codec::Opus) | None => (false, None),
        };
        if key && !std::mem::replace(&mut self.in_key, true) {
            self.key += 1;
        }
        self.size = size.or(self.size);
        if marker {
            self.in_key = false;
            self.complete += 1;
            while self.recent.len() >= MAX_RECENT_FRAMES
                || self.recent.front().is_some_and(|at| *at + RATE_WINDOW < now)
            {
                self.recent.pop_front();
            }
            self.recent.push_back(now);
        }
    }

    /// Frames in the second before `now`.
    pub fn rate(&self, now: Instant) -> f64 {
        self.recent.iter().filter(|at| now.saturating_duration_since(**at) < RATE_WINDOW).count() as f64
            / RATE_WINDOW.as_secs_f64()
    }
}

/// Whether a payload begins a key frame, and its size.
fn beginning(
    payload: Option<ParsedPayload>,
    is_key: fn(&[u8]) -> bool,
    size: fn(&[u8]) -> Option<(u16, u16)>,
) -> (bool, Option<(u16, u16)>) {
    match payload.filter(|payload| payload.frame_start && is_key(&payload.data)) {
        Some(payload) => (true, size(&payload.data)),
        None => (false, None),
    }
}

/// RTCP feedback about one stream, in packets (RFC 4585, RFC 5104).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RtcpFeedbackCounter {
    /// Negative acknowledgements.
    pub nack: u64,
    /// Picture loss indications.
    pub pli: u64,
    /// Full intra requests.
    pub fir: u64,
}

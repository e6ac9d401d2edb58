//! Counters of packets, frames and feedback.

use crate::packetization::vp8;
use bytes::Bytes;
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
    /// Key frames whose first packet passed (of VP8).
    pub key: u64,
    /// Width and height of the latest key frame, in pixels.
    pub size: Option<(u16, u16)>,
    recent: VecDeque<Instant>,
}

impl FrameCounter {
    pub(crate) fn add(&mut self, marker: bool, payload: &Bytes, now: Instant) {
        if let Some(parsed) = vp8::parse(payload)
            && parsed.frame_start
            && vp8::is_key_frame(&parsed.data)
        {
            self.key += 1;
            self.size = vp8::key_frame_size(&parsed.data).or(self.size);
        }
        if marker {
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

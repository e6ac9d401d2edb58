//! The meter of an RTP stream that is received.

use super::codec::StreamCodec;
use super::counters::{FrameCounter, PacketCounter, RtcpFeedbackCounter};
use rtc::rtp;
use std::collections::VecDeque;
use std::time::Instant;

/// Packets that were asked for again and may still come.
const MAX_NACKED: usize = 1024;
/// Retransmission packets begin with the original sequence number (RFC 4588 section 4).
pub(crate) const RTX_HEADER_BYTES: usize = 2;

/// A stream that is received.
#[derive(Debug, Clone, Default)]
pub struct InboundMeter {
    /// Its codec.
    pub codec: StreamCodec,
    /// All its packets, retransmissions under its own SSRC included.
    pub packets: PacketCounter,
    /// Retransmissions.
    pub retransmitted: PacketCounter,
    /// Its frames, if it is video.
    pub frames: FrameCounter,
    /// Feedback sent about it.
    pub feedback: RtcpFeedbackCounter,
    /// When its last packet came.
    pub last_packet: Option<Instant>,
    /// Interarrival jitter in seconds (RFC 3550 section 6.4.1).
    pub jitter: f64,
    /// Packets and payload bytes sent, by the sender's latest report.
    pub sender_report: Option<(u64, u64)>,
    /// SSRC of its retransmissions (RFC 4588).
    pub(crate) rtx_ssrc: Option<u32>,
    first: Option<i64>,
    highest: i64,
    /// Packets that came without having been asked for again.
    unsolicited: u64,
    /// Sequence numbers that were asked for again and may still come.
    nacked: VecDeque<u16>,
    /// The last packet's arrival, and its timestamp.
    transit: Option<(Instant, u32)>,
    /// False once it is over.
    pub(crate) bound: bool,
}

impl InboundMeter {
    pub(crate) fn receive(&mut self, packet: &rtp::Packet, now: Instant) {
        let (sequence, timestamp) = (packet.header.sequence_number, packet.header.timestamp);
        let extended = match self.first {
            None => i64::from(sequence),
            Some(_) => self.highest + i64::from(sequence.wrapping_sub(self.highest as u16) as i16),
        };
        let newest = self.first.is_none() || extended > self.highest;
        self.first = Some(self.first.map_or(extended, |first| first.min(extended)));
        self.packets.add(packet);
        self.last_packet = Some(now);
        if newest {
            self.highest = extended;
            self.measure_jitter(timestamp, now);
        }
        match self.nacked.iter().position(|nacked| *nacked == sequence).filter(|_| !newest) {
            Some(index) => {
                self.nacked.remove(index);
                self.retransmitted.add(packet);
            }
            None => self.unsolicited += 1,
        }
        if self.codec.is_video() {
            self.frames.add(self.codec.codec(), packet.header.marker, &packet.payload, now);
        }
    }

    pub(crate) fn receive_again(&mut self, packet: &rtp::Packet, now: Instant) {
        self.retransmitted.add(packet);
        if packet.payload.len() > RTX_HEADER_BYTES && self.codec.is_video() {
            let payload = packet.payload.slice(RTX_HEADER_BYTES..);
            self.frames.add(self.codec.codec(), packet.header.marker, &payload, now);
        }
    }

    /// Arrivals against timestamps, only between packets of different timestamps: those of one frame leave together and
    /// say nothing.
    fn measure_jitter(&mut self, timestamp: u32, now: Instant) {
        if let Some((at, last)) = self.transit {
            if last == timestamp {
                return;
            }
            let ticks = f64::from(timestamp.wrapping_sub(last) as i32);
            let difference = (now.saturating_duration_since(at).as_secs_f64() - ticks / self.codec.clock_hz()).abs();
            // A step of seconds is a new source, not jitter.
            if difference < 5.0 {
                self.jitter += (difference - self.jitter) / 16.0;
            }
        }
        self.transit = Some((now, timestamp));
    }

    /// Packets that the path lost, whether or not they came when they were asked for again: the same for peers that
    /// send again under another SSRC (RFC 4588) and for those that use the same. Doubled packets count against it.
    pub fn lost(&self) -> i64 {
        let expected = self.first.map_or(0, |first| self.highest - first + 1);
        expected - self.unsolicited as i64
    }

    /// These packets are asked for again (RFC 4585 section 6.2.1).
    pub(crate) fn nack(&mut self, sequences: impl Iterator<Item = u16>) {
        self.feedback.nack += 1;
        for sequence in sequences {
            if !self.nacked.contains(&sequence) {
                if self.nacked.len() >= MAX_NACKED {
                    self.nacked.pop_front();
                }
                self.nacked.push_back(sequence);
            }
        }
    }
}

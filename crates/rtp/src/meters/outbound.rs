//! The meter of an RTP stream that is sent.

use super::codec::StreamCodec;
use super::counters::{FrameCounter, PacketCounter, RtcpFeedbackCounter};
use rtc::rtcp::reception_report::ReceptionReport;
use rtc::rtp;
use std::time::Instant;

/// What the far end reports about a stream that is sent (RFC 3550 section 6.4.1).
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct RemoteReport {
    /// Share of the packets lost since the report before, from 0 to 1.
    pub fraction_lost: f64,
    /// Packets lost since the beginning; negative if more were doubled.
    pub packets_lost: i64,
    /// Interarrival jitter in seconds.
    pub jitter: f64,
    /// The latest round-trip time in seconds.
    pub round_trip: Option<f64>,
    /// Sum of all round-trip times in seconds.
    pub round_trips: f64,
    /// Number of round-trip times.
    pub measurements: u64,
}

/// A stream that is sent.
#[derive(Debug, Clone, Default)]
pub struct OutboundMeter {
    /// Its codec.
    pub codec: StreamCodec,
    /// All its packets, retransmissions under its own SSRC included.
    pub packets: PacketCounter,
    /// Retransmissions.
    pub retransmitted: PacketCounter,
    /// Its frames, if it is video.
    pub frames: FrameCounter,
    /// Feedback received about it.
    pub feedback: RtcpFeedbackCounter,
    /// What its receiver reports.
    pub report: Option<RemoteReport>,
    /// SSRC of its retransmissions (RFC 4588).
    pub(crate) rtx_ssrc: Option<u32>,
    highest: Option<u16>,
    /// False once it is over.
    pub(crate) bound: bool,
}

impl OutboundMeter {
    pub(crate) fn send(&mut self, packet: &rtp::Packet, now: Instant) {
        self.packets.add(packet);
        let sequence = packet.header.sequence_number;
        let ahead = |highest: u16| sequence != highest && sequence.wrapping_sub(highest) < 0x8000;
        if !self.highest.is_none_or(ahead) {
            self.retransmitted.add(packet);
            return;
        }
        self.highest = Some(sequence);
        if self.codec.is_video() {
            self.frames.add(self.codec.codec(), packet.header.marker, &packet.payload, now);
        }
    }

    /// A report block of its receiver came, which measured this round-trip time in seconds.
    pub(crate) fn reported(&mut self, reception: &ReceptionReport, round_trip: Option<f64>) {
        let clock_hz = self.codec.clock_hz();
        let report = self.report.get_or_insert_default();
        report.fraction_lost = f64::from(reception.fraction_lost) / 256.0;
        // 24 bits with a sign.
        report.packets_lost = i64::from(((reception.total_lost << 8) as i32) >> 8);
        report.jitter = f64::from(reception.jitter) / clock_hz;
        if let Some(round_trip) = round_trip {
            report.round_trip = Some(round_trip);
            report.round_trips += round_trip;
            report.measurements += 1;
        }
    }
}

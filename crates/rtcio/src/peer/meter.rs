//! Counters of RTP streams, taken at the wire: the library's own statistics leave most of them at zero.

use crate::media::vp8::{self, Descriptor};
use bytes::Bytes;
use confab_wire::media::{AUDIO_CLOCK_HZ, VIDEO_CLOCK_HZ};
use rtc::interceptor::StreamInfo;
use rtc::rtcp::reception_report::ReceptionReport;
use rtc::rtp;
use rtc::shared::marshal::MarshalSize;
use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

/// RTP streams counted in one direction; further ones are not.
const STREAMS: usize = 64;
/// Packets that were asked for again and may still come.
const ASKED: usize = 1024;
/// Frames in the window of the frame rate: far more than any camera makes in it.
const FRAMES: usize = 256;
/// Window of the frame rate.
const RATE_WINDOW: Duration = Duration::from_secs(1);
/// Retransmission packets begin with the original sequence number (RFC 4588 section 4).
pub(crate) const ORIGINAL_SEQUENCE_BYTES: usize = 2;

/// The codec of a stream.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct StreamCodec {
    pub(crate) payload_type: u8,
    pub(crate) mime_type: String,
    pub(crate) clock_rate: u32,
    pub(crate) channels: u16,
    pub(crate) sdp_fmtp_line: String,
}

impl StreamCodec {
    fn new(info: &StreamInfo) -> Self {
        Self {
            payload_type: info.payload_type,
            mime_type: info.mime_type.clone(),
            clock_rate: info.clock_rate,
            channels: info.channels,
            sdp_fmtp_line: info.sdp_fmtp_line.clone(),
        }
    }

    pub(crate) fn is_video(&self) -> bool {
        self.mime_type.starts_with("video/")
    }

    fn clock_hz(&self) -> f64 {
        let fallback = if self.is_video() { VIDEO_CLOCK_HZ } else { AUDIO_CLOCK_HZ };
        f64::from(if self.clock_rate == 0 { fallback } else { self.clock_rate })
    }
}

/// Packets of one kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Volume {
    pub(crate) packets: u64,
    /// Payload without headers and padding.
    pub(crate) bytes: u64,
    pub(crate) header_bytes: u64,
}

impl Volume {
    fn count(&mut self, packet: &rtp::Packet) {
        self.packets += 1;
        self.bytes += packet.payload.len() as u64;
        self.header_bytes += packet.header.marshal_size() as u64;
    }
}

/// What is known of the pictures of a stream.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pictures {
    /// Frames whose last packet passed.
    pub(crate) frames: u64,
    pub(crate) key_frames: u64,
    /// Of the latest key frame, in pixels.
    pub(crate) size: Option<(u16, u16)>,
    recent: VecDeque<Instant>,
}

impl Pictures {
    fn count(&mut self, marker: bool, payload: &Bytes, now: Instant) {
        if let Some(descriptor) = Descriptor::parse(payload)
            && descriptor.frame_start
            && vp8::is_key_frame(&descriptor.payload)
        {
            self.key_frames += 1;
            self.size = vp8::key_frame_size(&descriptor.payload).or(self.size);
        }
        if marker {
            self.frames += 1;
            while self.recent.len() >= FRAMES || self.recent.front().is_some_and(|at| *at + RATE_WINDOW < now) {
                self.recent.pop_front();
            }
            self.recent.push_back(now);
        }
    }

    /// Frames in the last second.
    pub(crate) fn rate(&self, now: Instant) -> f64 {
        self.recent.iter().filter(|at| now.saturating_duration_since(**at) < RATE_WINDOW).count() as f64
            / RATE_WINDOW.as_secs_f64()
    }
}

/// RTCP feedback about one stream, in packets.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct FeedbackCount {
    pub(crate) nack: u64,
    pub(crate) pli: u64,
    pub(crate) fir: u64,
}

/// A stream that is received.
#[derive(Debug, Clone, Default)]
pub(crate) struct Inbound {
    pub(crate) codec: StreamCodec,
    pub(crate) volume: Volume,
    pub(crate) resent: Volume,
    pub(crate) pictures: Pictures,
    pub(crate) feedback: FeedbackCount,
    pub(crate) last_packet: Option<Instant>,
    /// Interarrival jitter in seconds (RFC 3550 section 6.4.1).
    pub(crate) jitter: f64,
    /// What the sender's latest report says it has sent: packets, bytes.
    pub(crate) sender_report: Option<(u64, u64)>,
    rtx_ssrc: Option<u32>,
    first: Option<i64>,
    highest: i64,
    /// Packets that came by themselves, not because they were asked for.
    unasked: u64,
    asked: VecDeque<u16>,
    /// The last packet's arrival, and its timestamp.
    transit: Option<(Instant, u32)>,
    bound: bool,
}

impl Inbound {
    fn receive(&mut self, packet: &rtp::Packet, now: Instant) {
        let (sequence, timestamp) = (packet.header.sequence_number, packet.header.timestamp);
        let extended = match self.first {
            None => i64::from(sequence),
            Some(_) => self.highest + i64::from(sequence.wrapping_sub(self.highest as u16) as i16),
        };
        let newest = self.first.is_none() || extended > self.highest;
        self.first = Some(self.first.map_or(extended, |first| first.min(extended)));
        self.volume.count(packet);
        self.last_packet = Some(now);
        if newest {
            self.highest = extended;
            self.measure_jitter(timestamp, now);
        }
        match self.asked.iter().position(|asked| *asked == sequence).filter(|_| !newest) {
            Some(index) => {
                self.asked.remove(index);
                self.resent.count(packet);
            }
            None => self.unasked += 1,
        }
        if self.codec.is_video() {
            self.pictures.count(packet.header.marker, &packet.payload, now);
        }
    }

    fn receive_again(&mut self, packet: &rtp::Packet, now: Instant) {
        self.resent.count(packet);
        if packet.payload.len() > ORIGINAL_SEQUENCE_BYTES && self.codec.is_video() {
            self.pictures.count(packet.header.marker, &packet.payload.slice(ORIGINAL_SEQUENCE_BYTES..), now);
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
    pub(crate) fn lost(&self) -> i64 {
        let expected = self.first.map_or(0, |first| self.highest - first + 1);
        expected - self.unasked as i64
    }
}

/// What the far end reports about a stream that is sent (RFC 3550 section 6.4.1).
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Report {
    /// From 0 to 1, since its report before.
    pub(crate) fraction_lost: f64,
    pub(crate) packets_lost: i64,
    /// In seconds.
    pub(crate) jitter: f64,
    /// In seconds; the last one, their sum, their number.
    pub(crate) round_trip: Option<f64>,
    pub(crate) round_trips: f64,
    pub(crate) measurements: u64,
}

/// A stream that is sent.
#[derive(Debug, Clone, Default)]
pub(crate) struct Outbound {
    pub(crate) codec: StreamCodec,
    pub(crate) volume: Volume,
    pub(crate) resent: Volume,
    pub(crate) pictures: Pictures,
    pub(crate) feedback: FeedbackCount,
    pub(crate) report: Option<Report>,
    rtx_ssrc: Option<u32>,
    highest: Option<u16>,
    bound: bool,
}

impl Outbound {
    fn send(&mut self, packet: &rtp::Packet, now: Instant) {
        self.volume.count(packet);
        let sequence = packet.header.sequence_number;
        let ahead = |highest: u16| sequence != highest && sequence.wrapping_sub(highest) < 0x8000;
        if !self.highest.is_none_or(ahead) {
            self.resent.count(packet);
            return;
        }
        self.highest = Some(sequence);
        if self.codec.is_video() {
            self.pictures.count(packet.header.marker, &packet.payload, now);
        }
    }

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

/// All streams of one connection, by SSRC.
#[derive(Debug, Clone, Default)]
pub(crate) struct Meters {
    pub(crate) inbound: HashMap<u32, Inbound>,
    pub(crate) outbound: HashMap<u32, Outbound>,
}

impl Meters {
    pub(crate) fn bind_inbound(&mut self, info: &StreamInfo, bound: bool) {
        // The library binds the stream of retransmissions, too, as if it were one of pictures.
        if self.inbound.values().any(|stream| stream.rtx_ssrc == Some(info.ssrc)) {
            return;
        }
        if let Some(rtx_ssrc) = info.ssrc_rtx {
            self.inbound.remove(&rtx_ssrc);
        }
        if make_room(&mut self.inbound, info.ssrc, |stream| stream.bound) {
            let stream = self.inbound.entry(info.ssrc).or_default();
            (stream.codec, stream.rtx_ssrc, stream.bound) = (StreamCodec::new(info), info.ssrc_rtx, bound);
        }
    }

    pub(crate) fn bind_outbound(&mut self, info: &StreamInfo, bound: bool) {
        if make_room(&mut self.outbound, info.ssrc, |stream| stream.bound) {
            let stream = self.outbound.entry(info.ssrc).or_default();
            (stream.codec, stream.rtx_ssrc, stream.bound) = (StreamCodec::new(info), info.ssrc_rtx, bound);
        }
    }

    /// Counts a packet. For a retransmission (RFC 4588) returns the SSRC and the payload type of the original.
    pub(crate) fn receive(&mut self, packet: &rtp::Packet, now: Instant) -> Option<(u32, u8)> {
        let ssrc = packet.header.ssrc;
        if let Some(stream) = self.inbound.get_mut(&ssrc) {
            stream.receive(packet, now);
            return None;
        }
        let (original, stream) = self.inbound.iter_mut().find(|(_, stream)| stream.rtx_ssrc == Some(ssrc))?;
        stream.receive_again(packet, now);
        Some((*original, stream.codec.payload_type))
    }

    pub(crate) fn send(&mut self, packet: &rtp::Packet, now: Instant) {
        let ssrc = packet.header.ssrc;
        if let Some(stream) = self.outbound.get_mut(&ssrc) {
            stream.send(packet, now);
        } else if let Some(stream) = self.outbound.values_mut().find(|stream| stream.rtx_ssrc == Some(ssrc)) {
            stream.volume.count(packet);
            stream.resent.count(packet);
        }
    }

    /// These packets of a received stream are asked for again.
    pub(crate) fn asked(&mut self, ssrc: u32, sequences: impl Iterator<Item = u16>) {
        if let Some(stream) = self.inbound.get_mut(&ssrc) {
            stream.feedback.nack += 1;
            for sequence in sequences {
                if !stream.asked.contains(&sequence) {
                    if stream.asked.len() >= ASKED {
                        stream.asked.pop_front();
                    }
                    stream.asked.push_back(sequence);
                }
            }
        }
    }
}

/// True if there is a place for the stream; those that are over make it.
fn make_room<T>(streams: &mut HashMap<u32, T>, ssrc: u32, bound: impl Fn(&T) -> bool) -> bool {
    if streams.len() >= STREAMS && !streams.contains_key(&ssrc) {
        streams.retain(|_, stream| bound(stream));
    }
    streams.len() < STREAMS || streams.contains_key(&ssrc)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn video() -> StreamInfo {
        StreamInfo {
            ssrc: 1,
            mime_type: "video/VP8".into(),
            clock_rate: VIDEO_CLOCK_HZ,
            payload_type: 96,
            ..StreamInfo::default()
        }
    }

    fn packet(sequence: u16, timestamp: u32, marker: bool) -> rtp::Packet {
        // A whole key frame of 640×360 behind the shortest descriptor.
        let payload = Bytes::from_static(&[0x10, 0x10, 0, 0, 0x9d, 0x01, 0x2a, 0x80, 0x02, 0x68, 0x01]);
        let header =
            rtp::Header { version: 2, ssrc: 1, sequence_number: sequence, timestamp, marker, ..rtp::Header::default() };
        rtp::Packet { header, payload }
    }

    fn at(start: Instant, milliseconds: u64) -> Instant {
        start + Duration::from_millis(milliseconds)
    }

    #[test]
    fn a_packet_that_came_when_asked_for_was_lost_nevertheless() {
        let (mut meters, start) = (Meters::default(), Instant::now());
        meters.bind_inbound(&video(), true);
        for sequence in [65_534, 65_535, 1, 2, 5, 4] {
            meters.receive(&packet(sequence, 0, false), start);
        }
        // 0 and 3 are missing; 4 only came late.
        assert_eq!(meters.inbound[&1].lost(), 2);
        meters.asked(1, [0, 3].into_iter());
        meters.receive(&packet(0, 0, false), start);
        let stream = &meters.inbound[&1];
        assert_eq!((stream.lost(), stream.resent.packets, stream.volume.packets), (2, 1, 7));
        assert_eq!(stream.feedback.nack, 1);
    }

    #[test]
    fn a_steady_stream_has_no_jitter_and_a_shaken_one_has() {
        let (mut meters, start) = (Meters::default(), Instant::now());
        meters.bind_inbound(&video(), true);
        for n in 0..200u16 {
            meters.receive(&packet(n, u32::from(n) * 3_000, true), at(start, u64::from(n) * 100 / 3));
        }
        assert!(meters.inbound[&1].jitter < 0.001, "{}", meters.inbound[&1].jitter);
        for n in 200..600u16 {
            let shake = if n % 2 == 0 { 10 } else { 0 };
            meters.receive(&packet(n, u32::from(n) * 3_000, true), at(start, u64::from(n) * 100 / 3 + shake));
        }
        let jitter = meters.inbound[&1].jitter;
        assert!((0.009..0.011).contains(&jitter), "{jitter}");
    }

    #[test]
    fn pictures_are_counted_measured_and_timed() {
        let (mut meters, start) = (Meters::default(), Instant::now());
        meters.bind_outbound(&video(), true);
        for n in 0..100u16 {
            meters.send(&packet(n, u32::from(n) * 3_600, true), at(start, u64::from(n) * 40));
        }
        meters.send(&packet(50, 50 * 3_600, true), at(start, 3_960));
        let stream = &meters.outbound[&1];
        assert_eq!((stream.pictures.frames, stream.pictures.key_frames), (100, 100));
        assert_eq!(stream.pictures.size, Some((640, 360)));
        assert_eq!((stream.volume.packets, stream.resent.packets), (101, 1));
        assert_eq!(stream.pictures.rate(at(start, 3_960)), 25.0);
        assert_eq!(stream.pictures.rate(at(start, 9_000)), 0.0);
    }

    #[test]
    fn the_far_end_may_count_less_than_nothing_lost() {
        let mut stream = Outbound { codec: StreamCodec::new(&video()), ..Outbound::default() };
        let reception =
            ReceptionReport { fraction_lost: 64, total_lost: 0x00ff_ffff, jitter: 900, ..ReceptionReport::default() };
        stream.reported(&reception, Some(0.05));
        let report = stream.report.unwrap();
        assert_eq!((report.fraction_lost, report.packets_lost, report.jitter), (0.25, -1, 0.01));
        assert_eq!((report.round_trip, report.measurements), (Some(0.05), 1));
    }

    #[test]
    fn streams_that_are_over_make_room() {
        let mut meters = Meters::default();
        for ssrc in 0..1_000 {
            meters.bind_inbound(&StreamInfo { ssrc, ..video() }, ssrc % 2 == 0);
        }
        assert_eq!(meters.inbound.len(), STREAMS);
        meters.receive(&packet(1, 1, true), Instant::now());
    }
}

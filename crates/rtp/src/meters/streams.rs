//! The meters of all RTP streams of a connection, taken next to the wire: the statistics of `rtc` leave most of them at zero.

use super::codec::StreamCodec;
use super::inbound::InboundMeter;
use super::outbound::OutboundMeter;
use rtc::interceptor::StreamInfo;
use rtc::rtp;
use std::collections::HashMap;
use std::time::Instant;

/// RTP streams counted in one direction; further ones are not.
const MAX_STREAMS: usize = 64;

/// The counters of all RTP streams of one connection, by SSRC.
#[derive(Debug, Clone, Default)]
pub struct StreamMeters {
    /// Streams that are received.
    pub inbound: HashMap<u32, InboundMeter>,
    /// Streams that are sent.
    pub outbound: HashMap<u32, OutboundMeter>,
}

impl StreamMeters {
    /// A stream that is received begins (`bound`) or ends.
    pub(crate) fn bind_inbound(&mut self, info: &StreamInfo, bound: bool) {
        // `rtc` binds the stream of retransmissions, too, as if it were one of pictures.
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

    /// A stream that is sent begins (`bound`) or ends.
    pub(crate) fn bind_outbound(&mut self, info: &StreamInfo, bound: bool) {
        if make_room(&mut self.outbound, info.ssrc, |stream| stream.bound) {
            let stream = self.outbound.entry(info.ssrc).or_default();
            (stream.codec, stream.rtx_ssrc, stream.bound) = (StreamCodec::new(info), info.ssrc_rtx, bound);
        }
    }

    /// Counts a packet that is received. For a retransmission (RFC 4588) returns the SSRC and the payload type of the original.
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

    /// Counts a packet that is sent.
    pub(crate) fn send(&mut self, packet: &rtp::Packet, now: Instant) {
        let ssrc = packet.header.ssrc;
        if let Some(stream) = self.outbound.get_mut(&ssrc) {
            stream.send(packet, now);
        } else if let Some(stream) = self.outbound.values_mut().find(|stream| stream.rtx_ssrc == Some(ssrc)) {
            stream.packets.add(packet);
            stream.retransmitted.add(packet);
        }
    }

    /// These packets of a received stream are asked for again (RFC 4585 section 6.2.1).
    pub(crate) fn nack(&mut self, ssrc: u32, sequences: impl Iterator<Item = u16>) {
        if let Some(stream) = self.inbound.get_mut(&ssrc) {
            stream.nack(sequences);
        }
    }
}

/// True if there is a place for the stream; those that are over make it.
fn make_room<T>(streams: &mut HashMap<u32, T>, ssrc: u32, bound: impl Fn(&T) -> bool) -> bool {
    if streams.len() >= MAX_STREAMS && !streams.contains_key(&ssrc) {
        streams.retain(|_, stream| bound(stream));
    }
    streams.len() < MAX_STREAMS || streams.contains_key(&ssrc)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use confab_wire::media::VIDEO_CLOCK_HZ;
    use rtc::rtcp::reception_report::ReceptionReport;
    use std::time::Duration;

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
    fn a_retransmitted_packet_was_lost_nevertheless() {
        let (mut meters, start) = (StreamMeters::default(), Instant::now());
        meters.bind_inbound(&video(), true);
        for sequence in [65_534, 65_535, 1, 2, 5, 4] {
            meters.receive(&packet(sequence, 0, false), start);
        }
        // 0 and 3 are missing; 4 only came late.
        assert_eq!(meters.inbound[&1].lost(), 2);
        meters.nack(1, [0, 3].into_iter());
        meters.receive(&packet(0, 0, false), start);
        let stream = &meters.inbound[&1];
        assert_eq!((stream.lost(), stream.retransmitted.count, stream.packets.count), (2, 1, 7));
        assert_eq!(stream.feedback.nack, 1);
    }

    #[test]
    fn a_steady_stream_has_no_jitter_and_a_shaken_one_has() {
        let (mut meters, start) = (StreamMeters::default(), Instant::now());
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
    fn frames_are_counted_measured_and_timed() {
        let (mut meters, start) = (StreamMeters::default(), Instant::now());
        meters.bind_outbound(&video(), true);
        for n in 0..100u16 {
            meters.send(&packet(n, u32::from(n) * 3_600, true), at(start, u64::from(n) * 40));
        }
        meters.send(&packet(50, 50 * 3_600, true), at(start, 3_960));
        let stream = &meters.outbound[&1];
        assert_eq!((stream.frames.complete, stream.frames.key), (100, 100));
        assert_eq!(stream.frames.size, Some((640, 360)));
        assert_eq!((stream.packets.count, stream.retransmitted.count), (101, 1));
        assert_eq!(stream.frames.rate(at(start, 3_960)), 25.0);
        assert_eq!(stream.frames.rate(at(start, 9_000)), 0.0);
    }

    /// Counts key frames and their size in packets of a stream, each with its marker.
    fn frames_of(mime_type: &str, packets: &[(&[u8], bool)]) -> (u64, u64, Option<(u16, u16)>) {
        let (mut meters, now) = (StreamMeters::default(), Instant::now());
        meters.bind_inbound(&StreamInfo { mime_type: mime_type.into(), ..video() }, true);
        for (number, (payload, marker)) in packets.iter().enumerate() {
            let payload = Bytes::copy_from_slice(payload);
            meters.receive(&rtp::Packet { payload, ..packet(number as u16, 0, *marker) }, now);
        }
        let frames = &meters.inbound[&1].frames;
        (frames.complete, frames.key, frames.size)
    }

    #[test]
    fn vp9_and_h264_are_measured_as_what_they_are() {
        // Flexible mode: a key frame of 640×360, and frames that refer to others. As VP8 some of them were key frames.
        let key = [0x98, 0x81, 0x02, 0x82, 0x49, 0x83, 0x42, 0x20, 0x27, 0xf0, 0x16, 0x70, 0x00];
        let delta = [0xdc, 0x81, 0x03, 0x02, 0x86, 0x00];
        let end = [0x94, 0x81, 0x02, 0x00, 0x00];
        let packets: [(&[u8], bool); 5] = [(&key, false), (&end, true), (&delta, true), (&delta, true), (&delta, true)];
        assert_eq!(frames_of("video/VP9", &packets), (4, 1, Some((640, 360))));
        // Parameters of 640×480, an IDR picture in two slices and in fragments, and other slices.
        let parameters = [0x67, 0x42, 0xc0, 0x1e, 0xda, 0x02, 0x80, 0xf6, 0x80];
        let idr = [0x65, 0x10, 0x20];
        let begin = [0x7c, 0x85, 0x10];
        let slice = [0x61, 0x10, 0x20];
        let mut aggregate = vec![0x78, 0, parameters.len() as u8];
        aggregate.extend(parameters);
        aggregate.extend([0, idr.len() as u8]);
        aggregate.extend(idr);
        let packets: [(&[u8], bool); 6] = [
            (&aggregate, false),
            (&idr, true),
            (&slice, true),
            (&slice, true),
            (&begin, false),
            (&[0x7c, 0x45, 1], true),
        ];
        let (complete, keys, size) = frames_of("video/H264", &packets);
        assert_eq!((complete, keys), (4, 2));
        assert!(size.is_some());
        assert_eq!(frames_of("video/AV1", &packets), (4, 0, None), "what is not known is not guessed");
    }

    #[test]
    fn the_far_end_may_count_less_than_nothing_lost() {
        let mut meters = StreamMeters::default();
        meters.bind_outbound(&video(), true);
        let stream = meters.outbound.get_mut(&1).unwrap();
        let reception =
            ReceptionReport { fraction_lost: 64, total_lost: 0x00ff_ffff, jitter: 900, ..ReceptionReport::default() };
        stream.reported(&reception, Some(0.05));
        let report = stream.report.unwrap();
        assert_eq!((report.fraction_lost, report.packets_lost, report.jitter), (0.25, -1, 0.01));
        assert_eq!((report.round_trip, report.measurements), (Some(0.05), 1));
    }

    #[test]
    fn streams_that_are_over_make_room() {
        let mut meters = StreamMeters::default();
        for ssrc in 0..1_000 {
            meters.bind_inbound(&StreamInfo { ssrc, ..video() }, ssrc % 2 == 0);
        }
        assert_eq!(meters.inbound.len(), MAX_STREAMS);
        meters.receive(&packet(1, 1, true), Instant::now());
    }
}

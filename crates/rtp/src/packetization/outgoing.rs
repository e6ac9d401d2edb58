//! Rewriting of what differs between receivers: sequence numbers, timestamps and picture ids of one outgoing RTP stream stay
//! continuous for its receiver, whichever layers or sources feed it.

use super::audio_level;
use super::packetizer::PacketizedFrame;
use super::vp8::PayloadDescriptor;
use bytes::Bytes;
use confab_wire::media::{Codec, MediaKind};
use rtc::rtp;
use std::time::Instant;

/// What was negotiated for the packets of an m-line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutgoingFormat {
    /// RTP payload type of the codec.
    pub payload_type: u8,
    /// Id of the header extension for the audio level (RFC 6464), if it was negotiated.
    pub audio_level: Option<u8>,
}

/// One outgoing RTP stream: turns frames, packetized once for all, into the RTP packets of one receiver. Its numbers stand
/// still while nothing is sent, so that no gap asks for retransmissions.
#[derive(Debug)]
pub struct OutgoingStream {
    ssrc: u32,
    sequence: u16,
    /// The last timestamp sent, and when.
    last: Option<(u32, Instant)>,
    /// What is added to the source's timestamps.
    offset: u32,
    picture_id: u16,
    tl0_pic_idx: u8,
}

impl OutgoingStream {
    /// A stream under `ssrc`. Sequence number, picture id and `TL0PICIDX` begin with what is in `random`, so that they
    /// can't be predicted (RFC 3550 section 5.1, RFC 7741 section 4.2).
    pub fn new(ssrc: u32, random: [u16; 3]) -> Self {
        let [sequence, picture_id, tl0_pic_idx] = random;
        Self { ssrc, sequence, last: None, offset: 0, picture_id, tl0_pic_idx: tl0_pic_idx as u8 }
    }

    /// Another source begins, with this timestamp: its timestamps go on where the last one's ended, plus the time between.
    /// `clock_hz`: units of a timestamp in a second.
    pub fn switch_source(&mut self, timestamp: u32, clock_hz: u32, now: Instant) {
        if let Some((last, at)) = self.last {
            let passed = now.saturating_duration_since(at).as_secs_f64();
            let passed = (passed * f64::from(clock_hz)) as u64 as u32;
            self.offset = last.wrapping_add(passed.max(1)).wrapping_sub(timestamp);
        }
    }

    /// The RTP packets of one frame or of one audio packet.
    pub fn packets(
        &mut self,
        frame: &PacketizedFrame,
        codec: Codec,
        format: OutgoingFormat,
        now: Instant,
    ) -> Vec<rtp::Packet> {
        let timestamp = self.timestamp(frame.timestamp, codec, now);
        let descriptor = (codec == Codec::Vp8).then(|| self.describe(frame));
        let count = frame.payloads.len();
        let packet = |(index, part): (usize, &Bytes)| {
            let mut header = rtp::Header {
                version: 2,
                // The marker ends a picture (RFC 7741 section 4.1); in audio it would begin a talkspurt.
                marker: codec.kind() == MediaKind::Video && index + 1 == count,
                payload_type: format.payload_type,
                sequence_number: self.sequence.wrapping_add(index as u16),
                timestamp,
                ssrc: self.ssrc,
                ..rtp::Header::default()
            };
            if let (Some(id), Some(level)) = (format.audio_level, frame.level) {
                audio_level::write(&mut header, id, level);
            }
            let payload = descriptor.map_or_else(|| part.clone(), |descriptor| descriptor.payload(index == 0, part));
            rtp::Packet { header, payload }
        };
        let packets = frame.payloads.iter().enumerate().map(packet).collect();
        self.sequence = self.sequence.wrapping_add(count as u16);
        packets
    }

    fn timestamp(&mut self, source: u32, codec: Codec, now: Instant) -> u32 {
        let mut timestamp = source.wrapping_add(self.offset);
        if let Some((last, _)) = self.last
            && codec.kind() == MediaKind::Video
            && timestamp == last
        {
            // Two layers have frames of one picture; with one timestamp they would be one frame (RFC 3550 section 5.1).
            timestamp = timestamp.wrapping_add(1);
        }
        self.last = Some((timestamp, now));
        timestamp
    }

    fn describe(&mut self, frame: &PacketizedFrame) -> PayloadDescriptor {
        self.picture_id = self.picture_id.wrapping_add(1) & 0x7fff;
        if frame.layer.temporal == 0 {
            self.tl0_pic_idx = self.tl0_pic_idx.wrapping_add(1);
        }
        PayloadDescriptor { picture_id: self.picture_id, tl0_pic_idx: self.tl0_pic_idx, layer: frame.layer }
    }
}

#[cfg(test)]
#[path = "outgoing_tests.rs"]
mod tests;

//! The numbers of one RTP stream: continuous for its receiver, whatever feeds it.

use crate::media::audio_level;
use crate::media::packets::Packets;
use crate::media::vp8::Marks;
use bytes::Bytes;
use confab_wire::media::{Codec, MediaKind};
use rtc::rtp;
use std::time::Instant;

/// What was negotiated of the packets of an m-line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Format {
    /// Payload type of the codec.
    pub(crate) payload_type: u8,
    /// Id of the header extension that tells the level of sound, if the other side wants to know.
    pub(crate) audio_level: Option<u8>,
}

/// Sequence numbers, timestamps and picture ids of one RTP stream. They stand still while nothing is sent, so that no gap
/// asks for retransmissions.
#[derive(Debug)]
pub(super) struct Line {
    ssrc: u32,
    sequence: u16,
    /// The last timestamp sent, and when.
    last: Option<(u32, Instant)>,
    /// What is added to the source's timestamps.
    offset: u32,
    picture_id: u16,
    base_index: u8,
}

impl Line {
    pub(super) fn new(ssrc: u32) -> Self {
        // Like the sequence number, so that nobody can know them (RFC 3550 section 5.1, RFC 7741 section 4.2).
        let [sequence, picture_id] = rand::random::<[u16; 2]>();
        Self { ssrc, sequence, last: None, offset: 0, picture_id, base_index: rand::random() }
    }

    /// Another source begins: its timestamps go on where the last one's ended, plus the time between.
    pub(super) fn join(&mut self, timestamp: u32, clock_hz: u32, now: Instant) {
        if let Some((last, at)) = self.last {
            let passed = now.saturating_duration_since(at).as_secs_f64();
            let passed = (passed * f64::from(clock_hz)) as u64 as u32;
            self.offset = last.wrapping_add(passed.max(1)).wrapping_sub(timestamp);
        }
    }

    /// The packets of one frame or of one piece of sound.
    pub(super) fn packets(
        &mut self,
        packets: &Packets,
        codec: Codec,
        format: Format,
        now: Instant,
    ) -> Vec<rtp::Packet> {
        let timestamp = self.timestamp(packets.timestamp, codec, now);
        let marks = (codec == Codec::Vp8).then(|| self.mark(packets));
        let count = packets.payloads.len();
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
            if let (Some(id), Some(level)) = (format.audio_level, packets.level) {
                audio_level::write(&mut header, id, level);
            }
            let payload = marks.map_or_else(|| part.clone(), |marks| marks.payload(index == 0, part));
            rtp::Packet { header, payload }
        };
        let written = packets.payloads.iter().enumerate().map(packet).collect();
        self.sequence = self.sequence.wrapping_add(count as u16);
        written
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

    fn mark(&mut self, packets: &Packets) -> Marks {
        self.picture_id = self.picture_id.wrapping_add(1) & 0x7fff;
        if packets.layer.temporal == 0 {
            self.base_index = self.base_index.wrapping_add(1);
        }
        Marks { picture_id: self.picture_id, base_index: self.base_index, layer: packets.layer }
    }
}

#[cfg(test)]
#[path = "line_tests.rs"]
mod tests;

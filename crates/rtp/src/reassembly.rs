//! Reassembly: RTP packets of video in any order become whole frames in decoding order.
//!
//! Packets are put in order by sequence number. A gap is waited for, because the sender answers negative acknowledgements;
//! after two round trips, or at once if it is long, it is given up, and nothing is delivered until the next key frame. A
//! whole key frame behind a gap ends the wait at once.

use crate::packetization::{PACKET_HISTORY, ParsedPayload, h264, vp8, vp9};
use bytes::Bytes;
use confab_wire::{
    layers::FrameLayer,
    limits,
    media::{Codec, EncodedFrame},
};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// How long a missing packet is waited for at least and at most.
const MIN_WAIT: Duration = Duration::from_millis(200);
const MAX_WAIT: Duration = Duration::from_secs(1);
/// Beyond two round trips: until it is missed and asked for, twice.
const NACK_DELAY: Duration = Duration::from_millis(100);
/// Packets that wait at once; a key frame of 1080p at high quality has about 300.
const MAX_BUFFERED_PACKETS: usize = 1024;
/// A step in the sequence numbers beyond which the sender has restarted.
const RESET_STEP: u64 = 3_000;

#[derive(Debug)]
struct BufferedPacket {
    timestamp: u32,
    marker: bool,
    codec: Codec,
    arrived: Instant,
    /// `None`: padding, which only fills its place in the sequence.
    payload: Option<ParsedPayload>,
}

/// All packets of one frame.
struct CompleteFrame {
    codec: Codec,
    timestamp: u32,
    payloads: Vec<Bytes>,
}

/// Turns the packets of one video track into frames.
#[derive(Debug)]
pub struct Reassembler {
    packets: BTreeMap<i64, BufferedPacket>,
    /// Sequence number of the first packet of the next frame; `None` before the first packet.
    next: Option<i64>,
    /// Highest sequence number so far, unwrapped.
    highest: i64,
    /// True until a key frame comes.
    awaits_key_frame: bool,
    /// Of the latest key frame, in pixels.
    size: (u16, u16),
    /// Codec of the packets that come.
    codec: Codec,
    /// How long a missing packet is waited for.
    wait: Duration,
}

impl Default for Reassembler {
    fn default() -> Self {
        Self {
            packets: BTreeMap::new(),
            next: None,
            highest: 0,
            awaits_key_frame: true,
            size: (0, 0),
            codec: Codec::Vp8,
            wait: MIN_WAIT,
        }
    }
}

impl Reassembler {
    /// True while nothing can be delivered before a key frame.
    pub fn needs_key_frame(&self) -> bool {
        self.awaits_key_frame
    }

    /// The receiver of the frames lost one: what follows is useless until a key frame.
    pub fn break_chain(&mut self) {
        self.awaits_key_frame = true;
    }

    /// The codec of the packets from now on.
    pub fn set_codec(&mut self, codec: Codec) {
        self.codec = codec;
    }

    /// The round-trip time, after which a retransmission comes: a missing packet is waited for until it could have come twice.
    pub fn set_round_trip(&mut self, round_trip: Duration) {
        self.wait = (round_trip * 2 + NACK_DELAY).clamp(MIN_WAIT, MAX_WAIT);
    }

    /// Takes a packet that came at `now`; `payload` is that of RTP. Packets that come twice or too late are dropped.
    pub fn push(&mut self, sequence: u16, timestamp: u32, marker: bool, payload: &Bytes, now: Instant) {
        let highest = self.highest;
        let sequence = self.unwrap(sequence);
        if self.next.is_some_and(|next| sequence < next) {
            return;
        }
        // No sender keeps enough packets to fill a longer gap, as after a cut of seconds.
        if self.next.is_some() && sequence - highest > i64::from(PACKET_HISTORY) {
            self.skip_to(sequence);
        }
        let payload = match self.codec {
            Codec::Vp9 => vp9::parse(payload),
            Codec::H264 => h264::parse(payload),
            Codec::Vp8 | Codec::Opus => vp8::parse(payload),
        };
        let part = BufferedPacket { timestamp, marker, codec: self.codec, arrived: now, payload };
        self.packets.entry(sequence).or_insert(part);
        if self.next.is_none() {
            self.next = Some(sequence);
        }
        if self.packets.len() > MAX_BUFFERED_PACKETS {
            self.give_up();
        }
    }

    /// The next whole frame, if there is one.
    pub fn pop(&mut self, now: Instant) -> Option<EncodedFrame> {
        loop {
            if let Some(packets) = self.take_next() {
                let frame = self.assemble(packets);
                self.awaits_key_frame = frame.as_ref().is_none_or(|frame| self.awaits_key_frame && !frame.key);
                if !self.awaits_key_frame {
                    return frame;
                }
                continue;
            }
            let deadline = self.deadline()?;
            if let Some(start) = self.whole_key_frame() {
                self.skip_to(start);
            } else if deadline > now {
                return None;
            } else {
                self.give_up();
            }
        }
    }

    /// Where the first whole key frame of VP8 or VP9 begins that waits behind a gap.
    fn whole_key_frame(&self) -> Option<i64> {
        let mut start = None;
        let mut expected = None;
        for (sequence, part) in &self.packets {
            if expected.replace(sequence + 1) != Some(*sequence) {
                start = None;
            }
            if let Some(payload) = part.payload.as_ref().filter(|payload| payload.frame_start) {
                let key = match part.codec {
                    Codec::Vp8 => vp8::is_key_frame(&payload.data),
                    Codec::Vp9 => vp9::is_key_frame(&payload.data),
                    Codec::H264 | Codec::Opus => false,
                };
                start = key.then_some(*sequence);
            }
            if part.marker && start.is_some() {
                return start;
            }
        }
        None
    }

    /// When the oldest packet that waits behind a gap has waited long enough.
    pub fn deadline(&self) -> Option<Instant> {
        let next = self.next?;
        let (first, _) = self.packets.first_key_value()?;
        let gap = if *first > next { *first } else { self.end_of_run(*first)? };
        self.packets.range(gap..).map(|(_, part)| part.arrived).min().map(|arrived| arrived + self.wait)
    }

    /// The first packet behind the first gap after `from`.
    fn end_of_run(&self, from: i64) -> Option<i64> {
        let sequences = self.packets.range(from..).map(|(sequence, _)| *sequence);
        (from..).zip(sequences).find(|(expected, sequence)| expected != sequence).map(|(_, sequence)| sequence)
    }

    /// Takes the packets of the frame that begins at `next`, if all of them are there.
    fn take_next(&mut self) -> Option<CompleteFrame> {
        let mut next = self.next?;
        // Padding between frames, and what is left of a frame whose beginning is lost.
        while let Some(part) = self.packets.get(&next) {
            match &part.payload {
                Some(payload) if payload.frame_start => break,
                None => {}
                Some(_) => self.awaits_key_frame = true,
            }
            self.packets.remove(&next);
            next += 1;
            self.next = Some(next);
        }
        let BufferedPacket { timestamp, codec, .. } = *self.packets.get(&next)?;
        let mut end = next;
        loop {
            let part = self.packets.get(&end)?;
            // Each NAL unit of H.264 may be the first one of a frame: there the timestamp alone tells.
            let begins_another =
                end != next && codec != Codec::H264 && part.payload.as_ref().is_some_and(|payload| payload.frame_start);
            if part.timestamp != timestamp || begins_another {
                break;
            }
            end += 1;
            if part.marker {
                break;
            }
        }
        self.next = Some(end);
        let packets = (next..end).filter_map(|sequence| self.packets.remove(&sequence)?.payload);
        Some(CompleteFrame { codec, timestamp, payloads: packets.map(|payload| payload.data).collect() })
    }

    /// The frame in these packets. `None` if it is damaged or too large.
    fn assemble(&mut self, CompleteFrame { codec, timestamp, payloads }: CompleteFrame) -> Option<EncodedFrame> {
        if payloads.iter().map(Bytes::len).sum::<usize>() > limits::VIDEO_FRAME_BYTES {
            return None;
        }
        let (data, key, size) = match codec {
            Codec::H264 => {
                let unit = h264::access_unit(&payloads)?;
                (unit.data, unit.key, unit.size)
            }
            Codec::Vp9 => {
                let data = payloads.concat();
                let (key, size) = (vp9::is_key_frame(&data), vp9::key_frame_size(&data));
                (data.into(), key, size)
            }
            Codec::Vp8 | Codec::Opus => {
                let data = payloads.concat();
                let (key, size) = (vp8::is_key_frame(&data), vp8::key_frame_size(&data));
                (data.into(), key, size)
            }
        };
        // Start codes are longer than the lengths in aggregates.
        if data.len() > limits::VIDEO_FRAME_BYTES {
            return None;
        }
        let pixels = match codec {
            Codec::Vp9 => vp9::claimed_pixels(&data),
            // The parameters of H.264 were looked at where they were read.
            _ => size.map(|(width, height)| u64::from(width) * u64::from(height)),
        };
        if pixels.is_some_and(|pixels| pixels > u64::from(limits::PICTURE_PIXELS)) {
            tracing::debug!(pixels, "a picture is too large");
            return None;
        }
        if let Some(size) = size {
            self.size = size;
        }
        let (width, height) = self.size;
        Some(EncodedFrame { data, codec, key, timestamp, width, height, layer: FrameLayer::default() })
    }

    /// Jumps over the first gap, to the packet behind it.
    fn give_up(&mut self) {
        let Some((first, _)) = self.packets.first_key_value() else { return };
        let first = *first;
        let resume = if self.next.is_some_and(|next| first > next) { Some(first) } else { self.end_of_run(first) };
        let Some(resume) = resume.or_else(|| self.packets.last_key_value().map(|(last, _)| last + 1)) else { return };
        self.skip_to(resume);
    }

    /// Forgets what waits before `resume`.
    fn skip_to(&mut self, resume: i64) {
        self.packets = self.packets.split_off(&resume);
        self.next = Some(resume);
        self.awaits_key_frame = true;
    }

    /// Extends a 16-bit sequence number (RFC 3550 appendix A.1, by the shortest way round).
    fn unwrap(&mut self, sequence: u16) -> i64 {
        if self.next.is_none() {
            self.highest = i64::from(sequence);
            return self.highest;
        }
        let step = i64::from(sequence.wrapping_sub(self.highest as u16) as i16);
        if step.unsigned_abs() > RESET_STEP {
            // The sender restarted: what waits will never be completed.
            self.packets.clear();
            self.next = None;
            self.awaits_key_frame = true;
            self.highest = i64::from(sequence);
            return self.highest;
        }
        let sequence = self.highest + step;
        self.highest = self.highest.max(sequence);
        sequence
    }
}

#[cfg(test)]
#[path = "reassembly_tests.rs"]
mod tests;

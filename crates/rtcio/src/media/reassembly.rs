//! From packets of video in any order to whole frames in order.
//!
//! Packets are put in order by sequence number. A gap is waited for, because the other side answers our negative
//! acknowledgements; after some patience, or at once if it is long, it is given up, and nothing is delivered until the next key
//! frame. A whole key frame behind a gap ends the wait at once.

use super::packets::KEPT_PACKETS;
use super::vp8::Descriptor;
use super::{h264, vp8, vp9};
use bytes::Bytes;
use confab_wire::{
    ladder::FrameLayer,
    limits,
    media::{Codec, EncodedFrame},
};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::Instant;

/// How long a missing packet is waited for at least and at most.
const SHORTEST_PATIENCE: Duration = Duration::from_millis(200);
const LONGEST_PATIENCE: Duration = Duration::from_secs(1);
/// Beyond two round trips: until it is missed and asked for, twice.
const ASKING: Duration = Duration::from_millis(100);
/// Packets that wait at once; a key frame of 1080p at high quality has about 300.
const BUFFERED: usize = 1024;
/// A step in the sequence numbers beyond which the sender has started anew.
const RESET_STEP: u64 = 3_000;

#[derive(Debug)]
struct Part {
    timestamp: u32,
    marker: bool,
    codec: Codec,
    arrived: Instant,
    /// `None`: padding, which only fills its place in the sequence.
    descriptor: Option<Descriptor>,
}

/// All packets of one frame.
struct Whole {
    codec: Codec,
    timestamp: u32,
    payloads: Vec<Bytes>,
}

/// Turns packets into frames.
#[derive(Debug)]
pub(crate) struct Reassembler {
    parts: BTreeMap<i64, Part>,
    /// Sequence number of the first packet of the next frame; `None` before the first packet.
    next: Option<i64>,
    /// Highest sequence number so far, unwrapped.
    highest: i64,
    /// True until a key frame comes.
    broken: bool,
    size: (u16, u16),
    /// Of the packets that come.
    codec: Codec,
    /// How long a missing packet is waited for.
    patience: Duration,
}

impl Default for Reassembler {
    fn default() -> Self {
        Self {
            parts: BTreeMap::new(),
            next: None,
            highest: 0,
            broken: true,
            size: (0, 0),
            codec: Codec::Vp8,
            patience: SHORTEST_PATIENCE,
        }
    }
}

impl Reassembler {
    /// True while nothing can be delivered before a key frame.
    pub(crate) fn needs_key_frame(&self) -> bool {
        self.broken
    }

    /// The receiver of the frames lost one: what follows is useless until a key frame.
    pub(crate) fn break_chain(&mut self) {
        self.broken = true;
    }

    /// The codec of the packets from now on.
    pub(crate) fn set_codec(&mut self, codec: Codec) {
        self.codec = codec;
    }

    /// A packet that is asked for again comes after so long: it is waited for until it could have come twice.
    pub(crate) fn set_round_trip(&mut self, round_trip: Duration) {
        self.patience = (round_trip * 2 + ASKING).clamp(SHORTEST_PATIENCE, LONGEST_PATIENCE);
    }

    /// Takes a packet in.
    pub(crate) fn push(&mut self, sequence: u16, timestamp: u32, marker: bool, payload: &Bytes, now: Instant) {
        let highest = self.highest;
        let sequence = self.unwrap(sequence);
        if self.next.is_some_and(|next| sequence < next) {
            return;
        }
        // A sender that is like ours can't fill a longer gap, as after a cut of seconds.
        if self.next.is_some() && sequence - highest > i64::from(KEPT_PACKETS) {
            self.skip_to(sequence);
        }
        let descriptor = match self.codec {
            Codec::Vp9 => vp9::parse(payload),
            Codec::H264 => h264::parse(payload),
            Codec::Vp8 | Codec::Opus => Descriptor::parse(payload),
        };
        let part = Part { timestamp, marker, codec: self.codec, arrived: now, descriptor };
        self.parts.entry(sequence).or_insert(part);
        if self.next.is_none() {
            self.next = Some(sequence);
        }
        if self.parts.len() > BUFFERED {
            self.give_up();
        }
    }

    /// The next whole frame, if there is one.
    pub(crate) fn pop(&mut self, now: Instant) -> Option<EncodedFrame> {
        loop {
            if let Some(packets) = self.take_next() {
                let frame = self.assemble(packets);
                self.broken = frame.as_ref().is_none_or(|frame| self.broken && !frame.key);
                if !self.broken {
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
        for (sequence, part) in &self.parts {
            if expected.replace(sequence + 1) != Some(*sequence) {
                start = None;
            }
            if let Some(descriptor) = part.descriptor.as_ref().filter(|descriptor| descriptor.frame_start) {
                let key = match part.codec {
                    Codec::Vp8 => vp8::is_key_frame(&descriptor.payload),
                    Codec::Vp9 => vp9::is_key_frame(&descriptor.payload),
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
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let next = self.next?;
        let (first, _) = self.parts.first_key_value()?;
        let gap = if *first > next { *first } else { self.end_of_run(*first)? };
        self.parts.range(gap..).map(|(_, part)| part.arrived).min().map(|arrived| arrived + self.patience)
    }

    /// The first packet behind the first gap after `from`.
    fn end_of_run(&self, from: i64) -> Option<i64> {
        let sequences = self.parts.range(from..).map(|(sequence, _)| *sequence);
        (from..).zip(sequences).find(|(expected, sequence)| expected != sequence).map(|(_, sequence)| sequence)
    }

    /// Takes the packets of the frame that begins at `next`, if all of them are there.
    fn take_next(&mut self) -> Option<Whole> {
        let mut next = self.next?;
        // Padding between frames, and what is left of a frame whose beginning is lost.
        while let Some(part) = self.parts.get(&next) {
            match &part.descriptor {
                Some(descriptor) if descriptor.frame_start => break,
                None => {}
                Some(_) => self.broken = true,
            }
            self.parts.remove(&next);
            next += 1;
            self.next = Some(next);
        }
        let Part { timestamp, codec, .. } = *self.parts.get(&next)?;
        let mut end = next;
        loop {
            let part = self.parts.get(&end)?;
            // Each NAL unit of H.264 may be the first one of a frame: there the timestamp alone tells.
            let begins_another = end != next
                && codec != Codec::H264
                && part.descriptor.as_ref().is_some_and(|descriptor| descriptor.frame_start);
            if part.timestamp != timestamp || begins_another {
                break;
            }
            end += 1;
            if part.marker {
                break;
            }
        }
        self.next = Some(end);
        let parts = (next..end).filter_map(|sequence| self.parts.remove(&sequence)?.descriptor);
        Some(Whole { codec, timestamp, payloads: parts.map(|descriptor| descriptor.payload).collect() })
    }

    /// The frame in these packets. `None` if it is damaged or too large.
    fn assemble(&mut self, Whole { codec, timestamp, payloads }: Whole) -> Option<EncodedFrame> {
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
        if let Some(size) = size {
            self.size = size;
        }
        let (width, height) = self.size;
        Some(EncodedFrame { data, codec, key, timestamp, width, height, layer: FrameLayer::default() })
    }

    /// Jumps over the first gap, to the packet behind it.
    fn give_up(&mut self) {
        let Some((first, _)) = self.parts.first_key_value() else { return };
        let first = *first;
        let resume = if self.next.is_some_and(|next| first > next) { Some(first) } else { self.end_of_run(first) };
        let Some(resume) = resume.or_else(|| self.parts.last_key_value().map(|(last, _)| last + 1)) else { return };
        self.skip_to(resume);
    }

    /// Forgets what waits before `resume`.
    fn skip_to(&mut self, resume: i64) {
        self.parts = self.parts.split_off(&resume);
        self.next = Some(resume);
        self.broken = true;
    }

    /// Extends a 16-bit sequence number (RFC 3550 appendix A.1, by the shortest way round).
    fn unwrap(&mut self, sequence: u16) -> i64 {
        if self.next.is_none() {
            self.highest = i64::from(sequence);
            return self.highest;
        }
        let step = i64::from(sequence.wrapping_sub(self.highest as u16) as i16);
        if step.unsigned_abs() > RESET_STEP {
            // The sender started anew: what waits will never be completed.
            self.parts.clear();
            self.next = None;
            self.broken = true;
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

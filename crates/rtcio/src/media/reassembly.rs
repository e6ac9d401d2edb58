//! From VP8 or VP9 packets in any order to whole frames in order.
//!
//! Packets are put in order by sequence number. A gap is waited for, because the other side answers our negative
//! acknowledgements; after [`PATIENCE`] it is given up, and nothing is delivered until the next key frame.

use super::vp8::Descriptor;
use super::{vp8, vp9};
use bytes::{Bytes, BytesMut};
use confab_protocol::ladder::FrameLayer;
use confab_protocol::limits;
use confab_protocol::media::{Codec, EncodedFrame};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::Instant;

/// How long a missing packet is waited for: a few round trips of negative acknowledgement and answer.
const PATIENCE: Duration = Duration::from_millis(200);
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
}

impl Default for Reassembler {
    fn default() -> Self {
        Self { parts: BTreeMap::new(), next: None, highest: 0, broken: true, size: (0, 0), codec: Codec::Vp8 }
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

    /// Takes a packet in.
    pub(crate) fn push(&mut self, sequence: u16, timestamp: u32, marker: bool, payload: &Bytes, now: Instant) {
        let sequence = self.unwrap(sequence);
        if self.next.is_some_and(|next| sequence < next) {
            return;
        }
        let descriptor = match self.codec {
            Codec::Vp9 => vp9::parse(payload),
            _ => Descriptor::parse(payload),
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
            if let Some(frame) = self.take_next() {
                if frame.key {
                    self.broken = false;
                }
                if !self.broken {
                    return Some(frame);
                }
                continue;
            }
            if self.deadline().is_none_or(|deadline| deadline > now) {
                return None;
            }
            self.give_up();
        }
    }

    /// When the oldest packet that waits behind a gap has waited long enough.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let next = self.next?;
        let (first, _) = self.parts.first_key_value()?;
        let gap = if *first > next { *first } else { self.end_of_run(*first)? };
        self.parts.range(gap..).map(|(_, part)| part.arrived).min().map(|arrived| arrived + PATIENCE)
    }

    /// The first packet behind the first gap after `from`.
    fn end_of_run(&self, from: i64) -> Option<i64> {
        let sequences = self.parts.range(from..).map(|(sequence, _)| *sequence);
        (from..).zip(sequences).find(|(expected, sequence)| expected != sequence).map(|(_, sequence)| sequence)
    }

    /// Takes the frame that begins at `next`, if all of it is there.
    fn take_next(&mut self) -> Option<EncodedFrame> {
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
        let mut bytes = 0;
        loop {
            let part = self.parts.get(&end)?;
            let begins_another = end != next && part.descriptor.as_ref().is_some_and(|d| d.frame_start);
            if part.timestamp != timestamp || begins_another {
                break;
            }
            bytes += part.descriptor.as_ref().map_or(0, |descriptor| descriptor.payload.len());
            end += 1;
            if part.marker {
                break;
            }
        }
        let mut data = BytesMut::with_capacity(bytes);
        for sequence in next..end {
            if let Some(Part { descriptor: Some(descriptor), .. }) = self.parts.remove(&sequence) {
                data.extend_from_slice(&descriptor.payload);
            }
        }
        self.next = Some(end);
        if bytes > limits::VIDEO_FRAME_BYTES {
            self.broken = true;
            return self.take_next();
        }
        let (key, size) = match codec {
            Codec::Vp9 => (vp9::is_key_frame(&data), vp9::key_frame_size(&data)),
            _ => (vp8::is_key_frame(&data), vp8::key_frame_size(&data)),
        };
        if let Some(size) = size {
            self.size = size;
        }
        let (width, height) = self.size;
        let layer = FrameLayer::default();
        Some(EncodedFrame { data: data.freeze(), codec, key, timestamp, width, height, layer })
    }

    /// Jumps over the first gap, to the packet behind it.
    fn give_up(&mut self) {
        let Some((first, _)) = self.parts.first_key_value() else { return };
        let first = *first;
        let resume = if self.next.is_some_and(|next| first > next) { Some(first) } else { self.end_of_run(first) };
        let Some(resume) = resume.or_else(|| self.parts.last_key_value().map(|(last, _)| last + 1)) else { return };
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

//! What a hostile sender can reach, for `fuzz/`. Not part of the API.

use crate::reassembly::Reassembler;
use bytes::Bytes;
use confab_wire::{limits, media::Codec};
use std::time::{Duration, Instant};

/// RTP packets of a video track: a byte of flags (marker, new timestamp), two of sequence number, one of length, a payload.
pub fn video(codec: Codec, mut data: &[u8]) {
    let mut reassembler = Reassembler::default();
    reassembler.set_codec(codec);
    let mut now = Instant::now();
    let mut timestamp = 0u32;
    while let [flags, high, low, length, rest @ ..] = data {
        let (payload, rest) = rest.split_at(rest.len().min(usize::from(*length)));
        data = rest;
        timestamp = timestamp.wrapping_add(if flags & 2 != 0 { 3_000 } else { 0 });
        now += Duration::from_millis(u64::from(flags >> 2));
        let sequence = u16::from_be_bytes([*high, *low]);
        reassembler.push(sequence, timestamp, flags & 1 != 0, &Bytes::copy_from_slice(payload), now);
        while let Some(frame) = reassembler.pop(now) {
            assert!(frame.codec == codec && frame.data.len() <= limits::VIDEO_FRAME_BYTES);
        }
        // What waits for a packet has a deadline, or it would wait for ever.
        if let Some(deadline) = reassembler.deadline() {
            assert!(deadline > now);
        }
    }
}

//! Ways for `fuzz/` into what is private here: each takes what a peer could have sent. Not part of the API.

use crate::media::reassembly::Reassembler;
use crate::peer::fuzzing as peer;
use bytes::Bytes;
use confab_wire::{
    limits,
    media::Codec,
    signaling::{Candidate, Signal},
};
use std::time::Duration;
use tokio::time::Instant;

/// Descriptions and stream events of one peer, one after the other: lines that hold JSON are the `data` of a signal.
pub fn inbound(texts: &[&str]) {
    peer::inbound(texts);
}

/// Signals of one peer, in order, applied to a real connection as the peer's task does it.
pub async fn connection(signals: Vec<Signal>) {
    peer::connection(signals).await;
}

/// A candidate alone, to a connection that has a remote description.
pub fn candidate(text: &str) -> Signal {
    Signal::Candidate(Candidate {
        candidate: text.to_owned(),
        sdp_mid: None,
        sdp_m_line_index: Some(0),
        username_fragment: None,
    })
}

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

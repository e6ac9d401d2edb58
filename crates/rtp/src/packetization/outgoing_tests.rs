use super::*;
use confab_wire::{
    layers::FrameLayer,
    media::{AUDIO_CLOCK_HZ, VIDEO_CLOCK_HZ},
};
use std::time::Duration;

const VP8: OutgoingFormat = OutgoingFormat { payload_type: 96, audio_level: None };
const OPUS: OutgoingFormat = OutgoingFormat { payload_type: 111, audio_level: Some(3) };

fn frame(timestamp: u32, parts: usize, temporal: u8) -> PacketizedFrame {
    let layer = FrameLayer { temporal, ..FrameLayer::default() };
    PacketizedFrame { payloads: vec![Bytes::from_static(b"part"); parts], timestamp, key: false, layer, level: None }
}

/// Picture id and `TL0PICIDX` of a packet's payload descriptor.
fn ids(packet: &rtp::Packet) -> (u16, u8) {
    let payload = &packet.payload;
    (u16::from_be_bytes([payload[2], payload[3]]) & 0x7fff, payload[4])
}

#[test]
fn numbers_go_on_whatever_was_left_out() {
    let mut stream = OutgoingStream::new(7, [0; 3]);
    (stream.sequence, stream.picture_id, stream.tl0_pic_idx) = (u16::MAX - 1, 0x7ffe, 255);
    let now = Instant::now();
    let mut sent = Vec::new();
    for (timestamp, parts, temporal) in [(3_000, 2, 0), (6_000, 1, 2), (18_000, 3, 1), (24_000, 1, 0)] {
        sent.push(stream.packets(&frame(timestamp, parts, temporal), Codec::Vp8, VP8, now));
    }
    let all: Vec<_> = sent.iter().flatten().collect();
    let sequences: Vec<u16> = all.iter().map(|packet| packet.header.sequence_number).collect();
    assert_eq!(sequences, [65_534, 65_535, 0, 1, 2, 3, 4]);
    let firsts: Vec<_> = sent.iter().map(|packets| ids(&packets[0])).collect();
    assert_eq!(firsts, [(0x7fff, 0), (0, 0), (1, 0), (2, 1)]);
    assert!(sent.iter().all(|packets| packets.iter().all(|packet| ids(packet) == ids(&packets[0]))));
    let markers: Vec<bool> = all.iter().map(|packet| packet.header.marker).collect();
    assert_eq!(markers, [false, true, true, false, false, true, true]);
    assert!(all.iter().all(|packet| packet.header.ssrc == 7 && packet.header.payload_type == 96));
}

#[test]
fn two_layers_of_one_picture_are_two_frames() {
    let mut stream = OutgoingStream::new(1, [0; 3]);
    let mut timestamp =
        |source| stream.packets(&frame(source, 1, 0), Codec::Vp8, VP8, Instant::now())[0].header.timestamp;
    assert_eq!([3_000, 3_000, 6_000].map(&mut timestamp), [3_000, 3_001, 6_000]);
}

#[test]
fn timestamps_go_on_when_the_source_changes() {
    let mut stream = OutgoingStream::new(1, [0; 3]);
    let now = Instant::now();
    stream.switch_source(7, VIDEO_CLOCK_HZ, now);
    assert_eq!(stream.offset, 0);
    stream.packets(&frame(u32::MAX, 1, 0), Codec::Vp8, VP8, now);
    stream.switch_source(500, VIDEO_CLOCK_HZ, now + Duration::from_millis(100));
    assert_eq!(500_u32.wrapping_add(stream.offset), 8_999);
}

#[test]
fn other_codecs_pass_unchanged() {
    let packets = OutgoingStream::new(1, [0; 3]).packets(&frame(1, 1, 0), Codec::Opus, OPUS, Instant::now());
    assert_eq!((&packets[0].payload[..], packets[0].header.marker), (&b"part"[..], false));
    let mut stream = OutgoingStream::new(1, [0; 3]);
    stream.switch_source(0, AUDIO_CLOCK_HZ, Instant::now());
    assert_eq!(stream.offset, 0);
}

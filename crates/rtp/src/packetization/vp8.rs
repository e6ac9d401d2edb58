//! VP8: RTP payload descriptor (RFC 7741) and frame header (RFC 6386 section 9.1).

use super::payload::ParsedPayload;
use bytes::{BufMut, Bytes, BytesMut};
use confab_wire::layers::{FrameLayer, TOP_TEMPORAL};

/// Length in bytes of the payload descriptors that are written here.
pub const DESCRIPTOR_BYTES: usize = 6;

/// The payload descriptor of one frame for one receiver (RFC 7741 section 4.2): each receiver has picture ids of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PayloadDescriptor {
    /// `PictureID`: 15 bits, one more with each frame.
    pub picture_id: u16,
    /// `TL0PICIDX`: one more with each frame of temporal layer 0.
    pub tl0_pic_idx: u8,
    /// Temporal layer (`TID`), and whether a receiver can go up to it with this frame (`Y`).
    pub layer: FrameLayer,
}

impl PayloadDescriptor {
    /// An RTP payload: the descriptor with I, L and T set, and a part of the frame; `first` for the part that begins it.
    pub fn payload(&self, first: bool, part: &[u8]) -> Bytes {
        let mut payload = BytesMut::with_capacity(DESCRIPTOR_BYTES + part.len());
        // Nothing refers to a frame of the top layer (N).
        let unneeded = if self.layer.temporal == TOP_TEMPORAL { 0x20 } else { 0 };
        payload.put_u8(0x80 | unneeded | if first { 0x10 } else { 0 });
        payload.put_u8(0xe0);
        payload.put_u16(0x8000 | self.picture_id);
        payload.put_u8(self.tl0_pic_idx);
        payload.put_u8(self.layer.temporal << 6 | u8::from(self.layer.sync) << 5);
        payload.put_slice(part);
        payload.freeze()
    }
}

/// Parses an RTP payload (RFC 7741 section 4.2). A frame begins where the S bit is set and the partition index is 0. `None` if
/// the payload is cut short or holds no part of a frame.
pub fn parse(packet: &Bytes) -> Option<ParsedPayload> {
    let mut at = 1;
    let first = *packet.first()?;
    if first & 0x80 != 0 {
        let extensions = *packet.get(at)?;
        at += 1;
        if extensions & 0x80 != 0 {
            at += if packet.get(at)? & 0x80 != 0 { 2 } else { 1 };
        }
        if extensions & 0x40 != 0 {
            at += 1;
        }
        if extensions & 0x30 != 0 {
            at += 1;
        }
    }
    if at >= packet.len() {
        return None;
    }
    Some(ParsedPayload { frame_start: first & 0x10 != 0 && first & 0x07 == 0, data: packet.slice(at..) })
}

/// True if a frame that begins with these bytes is a key frame: its first bit is 0.
pub fn is_key_frame(frame: &[u8]) -> bool {
    frame.first().is_some_and(|first| first & 1 == 0)
}

/// Width and height of a key frame in pixels. `None` if it is no key frame or its start code is wrong.
pub fn key_frame_size(frame: &[u8]) -> Option<(u16, u16)> {
    let header: &[u8; 10] = frame.first_chunk()?;
    if !is_key_frame(frame) || header[3..6] != [0x9d, 0x01, 0x2a] {
        return None;
    }
    // 14 bits of size, 2 bits of a scaling hint that concerns the display only.
    let size = |low: u8, high: u8| u16::from_le_bytes([low, high]) & 0x3fff;
    Some((size(header[6], header[7]), size(header[8], header[9])))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptors_of_every_length_are_read() {
        for (packet, start) in [
            (&[0x10, 1][..], true),
            (&[0x00, 1], false),
            (&[0x11, 1], false),
            (&[0x90, 0x80, 0x05, 1], true),
            (&[0x90, 0x80, 0x85, 0x01, 1], true),
            (&[0x90, 0xe0, 0x85, 0x01, 0x02, 0x20, 1], true),
            (&[0x80, 0x10, 0x03, 1], false),
        ] {
            let descriptor = parse(&Bytes::copy_from_slice(packet)).unwrap();
            assert_eq!((descriptor.frame_start, &descriptor.data[..]), (start, &[1][..]), "{packet:x?}");
        }
    }

    #[test]
    fn what_is_cut_short_is_no_packet() {
        for packet in [&[][..], &[0x10], &[0x90], &[0x90, 0x80], &[0x90, 0x80, 0x85], &[0x90, 0xf0, 0x85, 1, 2, 3]] {
            assert_eq!(parse(&Bytes::copy_from_slice(packet)), None, "{packet:x?}");
        }
    }

    #[test]
    fn a_descriptor_is_as_the_rfc_has_it() {
        let layer = FrameLayer { temporal: 2, sync: true, ..FrameLayer::default() };
        let full = PayloadDescriptor { picture_id: 0x1234, tl0_pic_idx: 9, layer };
        assert_eq!(full.payload(true, b"x")[..], [0xb0, 0xe0, 0x92, 0x34, 9, 0xa0, b'x']);
        let base = PayloadDescriptor { layer: FrameLayer::default(), ..full };
        assert_eq!(base.payload(false, b"x")[..], [0x80, 0xe0, 0x92, 0x34, 9, 0, b'x']);
        for first in [true, false] {
            let descriptor = parse(&full.payload(first, b"part")).unwrap();
            assert_eq!((descriptor.frame_start, &descriptor.data[..]), (first, &b"part"[..]));
        }
    }

    #[test]
    fn the_size_stands_in_the_key_frame() {
        let head = [0x10, 0, 0, 0x9d, 0x01, 0x2a, 0x00, 0x45, 0xd0, 0x02];
        assert_eq!(key_frame_size(&head), Some((1280, 720)));
        assert_eq!(key_frame_size(&[0x11, 0, 0, 0x9d, 0x01, 0x2a, 0, 5, 0xd0, 2]), None);
        assert_eq!(key_frame_size(&[0x10, 0, 0, 0x9d, 0x01, 0x2b, 0, 5, 0xd0, 2]), None);
        assert_eq!(key_frame_size(&head[..9]), None);
    }
}

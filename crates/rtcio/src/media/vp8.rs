//! VP8 in RTP (RFC 7741) and the head of its frames (RFC 6386 section 9.1).

use bytes::{BufMut, Bytes, BytesMut};
use confab_wire::ladder::{FrameLayer, TOP_TEMPORAL};

/// Bytes of a payload descriptor of ours.
pub(crate) const MARKS_BYTES: usize = 6;

/// What our payload descriptors say of a frame, as one receiver counts them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Marks {
    /// 15 bits, one more with each frame.
    pub(crate) picture_id: u16,
    /// `TL0PICIDX`: one more with each frame of temporal layer 0.
    pub(crate) base_index: u8,
    pub(crate) layer: FrameLayer,
}

impl Marks {
    /// A payload: the descriptor (RFC 7741 section 4.2, with I, L and T) and a part of the frame.
    pub(crate) fn payload(&self, first: bool, part: &[u8]) -> Bytes {
        let mut payload = BytesMut::with_capacity(MARKS_BYTES + part.len());
        // Nothing refers to a frame of the top layer (N).
        let unneeded = if self.layer.temporal == TOP_TEMPORAL { 0x20 } else { 0 };
        payload.put_u8(0x80 | unneeded | if first { 0x10 } else { 0 });
        payload.put_u8(0xe0);
        payload.put_u16(0x8000 | self.picture_id);
        payload.put_u8(self.base_index);
        payload.put_u8(self.layer.temporal << 6 | u8::from(self.layer.sync) << 5);
        payload.put_slice(part);
        payload.freeze()
    }
}

/// What one packet says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Descriptor {
    /// True if the payload begins a frame (of VP8: S bit set and partition index 0).
    pub(crate) frame_start: bool,
    /// The part of the frame.
    pub(crate) payload: Bytes,
}

impl Descriptor {
    /// Parses an RTP payload (RFC 7741 section 4.2). `None` if it is cut short or holds no part of a frame.
    pub(crate) fn parse(packet: &Bytes) -> Option<Self> {
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
        Some(Self { frame_start: first & 0x10 != 0 && first & 0x07 == 0, payload: packet.slice(at..) })
    }
}

/// True if a frame that begins with these bytes is a key frame: its first bit is 0.
pub(crate) fn is_key_frame(frame: &[u8]) -> bool {
    frame.first().is_some_and(|first| first & 1 == 0)
}

/// Width and height of a key frame in pixels. `None` if it is no key frame or its start code is wrong.
pub(crate) fn key_frame_size(frame: &[u8]) -> Option<(u16, u16)> {
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
            let descriptor = Descriptor::parse(&Bytes::copy_from_slice(packet)).unwrap();
            assert_eq!((descriptor.frame_start, &descriptor.payload[..]), (start, &[1][..]), "{packet:x?}");
        }
    }

    #[test]
    fn what_is_cut_short_is_no_packet() {
        for packet in [&[][..], &[0x10], &[0x90], &[0x90, 0x80], &[0x90, 0x80, 0x85], &[0x90, 0xf0, 0x85, 1, 2, 3]] {
            assert_eq!(Descriptor::parse(&Bytes::copy_from_slice(packet)), None, "{packet:x?}");
        }
    }

    #[test]
    fn what_is_marked_is_as_the_rfc_has_it() {
        let layer = FrameLayer { temporal: 2, sync: true, ..FrameLayer::default() };
        let marks = Marks { picture_id: 0x1234, base_index: 9, layer };
        assert_eq!(marks.payload(true, b"x")[..], [0xb0, 0xe0, 0x92, 0x34, 9, 0xa0, b'x']);
        let base = Marks { layer: FrameLayer::default(), ..marks };
        assert_eq!(base.payload(false, b"x")[..], [0x80, 0xe0, 0x92, 0x34, 9, 0, b'x']);
        for first in [true, false] {
            let descriptor = Descriptor::parse(&marks.payload(first, b"part")).unwrap();
            assert_eq!((descriptor.frame_start, &descriptor.payload[..]), (first, &b"part"[..]));
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

//! VP8 in RTP (RFC 7741) and the head of its frames (RFC 6386 section 9.1).

use bytes::Bytes;

/// What the payload descriptor of one packet says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Descriptor {
    /// True if the payload begins a frame: S bit set and partition index 0.
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
    fn the_size_stands_in_the_key_frame() {
        let head = [0x10, 0, 0, 0x9d, 0x01, 0x2a, 0x00, 0x45, 0xd0, 0x02];
        assert_eq!(key_frame_size(&head), Some((1280, 720)));
        assert_eq!(key_frame_size(&[0x11, 0, 0, 0x9d, 0x01, 0x2a, 0, 5, 0xd0, 2]), None);
        assert_eq!(key_frame_size(&[0x10, 0, 0, 0x9d, 0x01, 0x2b, 0, 5, 0xd0, 2]), None);
        assert_eq!(key_frame_size(&head[..9]), None);
    }
}

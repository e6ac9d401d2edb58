//! VP9: RTP payload descriptor (RFC 9628) and frame header (VP9 bitstream specification, section 6.2).

use super::bit_reader::BitReader;
use super::payload::ParsedPayload;
use bytes::{BufMut, Bytes, BytesMut};

/// Length in bytes of the payload descriptors that are written here: flags, two of picture id, one reference.
const DESCRIPTOR_BYTES: usize = 4;

/// Cuts frames into RTP payloads, in flexible mode (RFC 9628 section 4.2).
#[derive(Debug)]
pub(crate) struct Vp9Packetizer {
    picture_id: u16,
}

impl Vp9Packetizer {
    /// The picture id before the first one, which should be random (RFC 9628 section 4.2); of 15 bits.
    pub(crate) fn new(picture_id: u16) -> Self {
        Self { picture_id: picture_id & 0x7fff }
    }

    /// The payloads of a frame, each of at most `most` bytes. The payloader of `rtc` does not mark inter frames
    /// from key frames, so a receiver would try to decode them after a loss.
    pub(crate) fn payload(&mut self, most: usize, frame: &Bytes) -> Vec<Bytes> {
        let key = is_key_frame(frame);
        let room = most.saturating_sub(DESCRIPTOR_BYTES).max(1);
        let count = frame.len().div_ceil(room);
        self.picture_id = (self.picture_id + 1) & 0x7fff;
        let [high, low] = self.picture_id.to_be_bytes();
        frame
            .chunks(room)
            .enumerate()
            .map(|(index, part)| {
                let mut payload = BytesMut::with_capacity(DESCRIPTOR_BYTES + part.len());
                // I and F: a picture id, and references by its difference.
                let mut flags = 0x90;
                flags |= if key { 0 } else { 0x40 };
                flags |= if index == 0 { 0x08 } else { 0 };
                flags |= if index + 1 == count { 0x04 } else { 0 };
                payload.put_slice(&[flags, 0x80 | high, low]);
                if !key {
                    // Whatever it refers to, it came with or before the picture before.
                    payload.put_u8(1 << 1);
                }
                payload.put_slice(part);
                payload.freeze()
            })
            .collect()
    }
}

/// Parses an RTP payload. `None` if it is cut short or holds no part of a frame. All spatial layers of one picture are one
/// frame here: it begins with the lowest.
pub fn parse(packet: &Bytes) -> Option<ParsedPayload> {
    let flags = *packet.first()?;
    let has = |bit: u8| flags & bit != 0;
    let (picture_id, predicted, layers, flexible, begins, structure) =
        (has(0x80), has(0x40), has(0x20), has(0x10), has(0x08), has(0x02));
    let mut at = 1;
    let mut layer = 0;
    if picture_id {
        at += if packet.get(at)? & 0x80 != 0 { 2 } else { 1 };
    }
    if layers {
        layer = (packet.get(at)? >> 1) & 0x07;
        at += if flexible { 1 } else { 2 };
    }
    if flexible && predicted {
        // Up to three references; the lowest bit says that another follows.
        for _ in 0..3 {
            at += 1;
            if packet.get(at - 1)? & 1 == 0 {
                break;
            }
        }
    }
    if structure {
        let head = *packet.get(at)?;
        at += 1;
        if head & 0x10 != 0 {
            at += 4 * (usize::from(head >> 5) + 1);
        }
        if head & 0x08 != 0 {
            let pictures = *packet.get(at)?;
            at += 1;
            for _ in 0..pictures {
                at += 1 + usize::from((packet.get(at)? >> 2) & 0x03);
            }
        }
    }
    if at >= packet.len() {
        return None;
    }
    Some(ParsedPayload { frame_start: begins && layer == 0, data: packet.slice(at..) })
}

/// True if a frame that begins with these bytes is a key frame.
pub fn is_key_frame(frame: &[u8]) -> bool {
    head(frame).is_some()
}

/// Width and height of a key frame in pixels. `None` if it is no key frame or is cut short.
pub fn key_frame_size(frame: &[u8]) -> Option<(u16, u16)> {
    head(frame)?;
    let (width, height) = explicit_size(frame)?;
    Some((u16::try_from(width).ok()?, u16::try_from(height).ok()?))
}

/// Most pixels of a picture that a decoder is told to make of this: frames that need others may carry a size, too, and a
/// superframe holds several (annex B). `None` if nothing in it tells a size.
pub fn claimed_pixels(data: &[u8]) -> Option<u64> {
    let pixels = |frame| explicit_size(frame).map(|(width, height)| u64::from(width) * u64::from(height));
    superframe(data).into_iter().chain([data]).filter_map(pixels).max()
}

/// The frames of a superframe; none if it is not one.
fn superframe(data: &[u8]) -> Vec<&[u8]> {
    let Some(&marker) = data.last().filter(|marker| **marker & 0xe0 == 0xc0) else { return Vec::new() };
    let (frames, length) = (usize::from(marker & 7) + 1, usize::from(marker >> 3 & 3) + 1);
    let Some(index) = data.len().checked_sub(2 + frames * length).map(|at| &data[at..]) else { return Vec::new() };
    if index[0] != marker {
        return Vec::new();
    }
    let lengths = index[1..=frames * length].chunks_exact(length);
    let mut rest = data;
    let mut found = Vec::new();
    for bytes in lengths {
        let length = bytes.iter().rev().fold(0, |length, byte| length << 8 | usize::from(*byte));
        let Some((frame, behind)) = rest.split_at_checked(length) else { break };
        found.push(frame);
        rest = behind;
    }
    found
}

/// The size that stands in the header of a frame (section 6.2).
fn explicit_size(frame: &[u8]) -> Option<(u32, u32)> {
    let (mut bits, profile) = profile(frame)?;
    if bits.flag()? {
        return None; // show_existing_frame
    }
    let (key, shown, resilient) = (!bits.flag()?, bits.flag()?, bits.flag()?);
    if key {
        sync_code(&mut bits)?;
        skip_colours(&mut bits, profile)?;
        return size(&mut bits);
    }
    let intra_only = if shown { false } else { bits.flag()? };
    if !resilient {
        bits.take(2)?; // reset_frame_context
    }
    if intra_only {
        sync_code(&mut bits)?;
        if profile > 0 {
            skip_colours(&mut bits, profile)?;
        }
        bits.take(8)?; // refresh_frame_flags
        return size(&mut bits);
    }
    bits.take(8 + 3 * 4)?; // refresh_frame_flags, three references
    for _ in 0..3 {
        // It has the size of a reference.
        if bits.flag()? {
            return None;
        }
    }
    size(&mut bits)
}

fn size(bits: &mut BitReader<'_>) -> Option<(u32, u32)> {
    Some((bits.take(16)? + 1, bits.take(16)? + 1))
}

fn sync_code(bits: &mut BitReader<'_>) -> Option<()> {
    (bits.take(24)? == 0x49_83_42).then_some(())
}

/// Skips `color_config`.
fn skip_colours(bits: &mut BitReader<'_>, profile: u32) -> Option<()> {
    const SRGB: u32 = 7;
    if profile >= 2 {
        bits.take(1)?; // ten or twelve bits
    }
    if bits.take(3)? != SRGB {
        bits.take(1)?; // color_range
        if profile & 1 == 1 {
            bits.take(3)?; // subsampling
        }
    } else if profile & 1 == 1 {
        bits.take(1)?;
    }
    Some(())
}

/// True for a key frame; reads no further.
fn head(frame: &[u8]) -> Option<()> {
    let (mut bits, _) = profile(frame)?;
    let (shows_existing, delta) = (bits.flag()?, bits.flag()?);
    (!shows_existing && !delta).then_some(())
}

/// Reads up to the profile.
fn profile(frame: &[u8]) -> Option<(BitReader<'_>, u32)> {
    let mut bits = BitReader::new(frame);
    if bits.take(2)? != 2 {
        return None;
    }
    let (low, high) = (bits.take(1)?, bits.take(1)?);
    let profile = high << 1 | low;
    if profile == 3 {
        bits.take(1)?;
    }
    Some((bits, profile))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The head of a key frame of 640×360 in profile 0, as libvpx writes it.
    const KEY: [u8; 10] = [0x82, 0x49, 0x83, 0x42, 0x00, 0x27, 0xf0, 0x16, 0x76, 0x00];

    #[test]
    fn the_size_stands_in_the_key_frame() {
        assert!(is_key_frame(&KEY));
        assert_eq!(key_frame_size(&KEY), Some((640, 360)));
        assert_eq!(key_frame_size(&KEY[..7]), None);
        for other in [&[][..], &[0x86, 0, 0, 0], &[0x8a, 0, 0, 0], &[0x10, 0, 0, 0x9d]] {
            assert!(!is_key_frame(other), "{other:x?}");
        }
        let mut wrong = KEY;
        wrong[1] = 0;
        assert_eq!(key_frame_size(&wrong), None);
    }

    /// Fields of a header: values and how many bits each has.
    fn header(fields: &[(u32, usize)]) -> Vec<u8> {
        let bits: Vec<bool> =
            fields.iter().flat_map(|(value, count)| (0..*count).rev().map(move |bit| value >> bit & 1 == 1)).collect();
        bits.chunks(8)
            .map(|byte| byte.iter().enumerate().fold(0, |all, (at, bit)| all | u8::from(*bit) << (7 - at)))
            .collect()
    }

    #[test]
    fn every_kind_of_frame_that_tells_a_size_is_read() {
        let large = [(16_382, 16), (16_382, 16), (0, 16)];
        let claimed = |head: &[(u32, usize)]| claimed_pixels(&header(&[head, &large].concat()));
        let pixels = Some(16_383 * 16_383);
        let marker = (2, 2);
        assert_eq!(claimed(&[marker, (0, 6), (0x49_83_42, 24), (1, 3), (0, 1)]), pixels, "key");
        assert_eq!(claimed(&[marker, (0b00_0100, 6), (1, 1), (0, 2), (0x49_83_42, 24), (1, 8)]), pixels, "intra only");
        assert_eq!(
            claimed(&[marker, (0b00_0110, 6), (0, 2), (1, 8), (0, 12), (0, 3)]),
            pixels,
            "of no reference's size"
        );
        assert_eq!(claimed(&[marker, (0b00_0111, 6), (1, 8), (0, 12), (0, 3)]), pixels, "resilient");
        assert_eq!(claimed(&[marker, (0b00_0110, 6), (0, 2), (1, 8), (0, 12), (1, 1)]), None, "of a reference's size");
        // 65,536 is one more than a key frame's size can say here.
        let widest = header(&[marker, (0, 6), (0x49_83_42, 24), (1, 3), (0, 1), (0xffff, 16), (0xffff, 16)]);
        assert_eq!((key_frame_size(&widest), claimed_pixels(&widest)), (None, Some(1 << 32)));
        // The second of a superframe.
        let second = header(&[&[marker, (0, 6), (0x49_83_42, 24), (1, 3), (0, 1)][..], &large].concat());
        let index = [0xc1, KEY.len() as u8, second.len() as u8, 0xc1];
        assert_eq!(claimed_pixels(&[&KEY[..], &second, &index].concat()), pixels);
        assert_eq!(claimed_pixels(&[&KEY[..], &index].concat()), Some(640 * 360));
    }

    #[test]
    fn what_is_cut_is_put_together_again() {
        let mut packetizer = Vp9Packetizer { picture_id: 0x7ffe };
        for (first, key) in [(0x82, true), (0x86, false)] {
            let mut data = vec![first; 2_500];
            data[1] = 7;
            let frame = Bytes::from(data);
            let payloads = packetizer.payload(1_000, &frame);
            assert_eq!(payloads.len(), 3);
            assert!(payloads.iter().all(|payload| payload.len() <= 1_000));
            assert_eq!(payloads[0][0] & 0x40 == 0, key, "only a frame that needs another says so");
            assert_eq!((payloads[0][0] & 0x0c, payloads[1][0] & 0x0c, payloads[2][0] & 0x0c), (0x08, 0, 0x04));
            let parts: Vec<ParsedPayload> = payloads.iter().map(|payload| parse(payload).unwrap()).collect();
            assert_eq!(parts.iter().map(|part| part.frame_start).collect::<Vec<_>>(), [true, false, false]);
            assert_eq!(parts.iter().flat_map(|part| part.data.to_vec()).collect::<Vec<u8>>(), frame);
        }
        assert_eq!(packetizer.picture_id, 0);
    }

    #[test]
    fn descriptors_of_every_length_are_read() {
        for (packet, start) in [
            (&[0x08, 1][..], true),
            (&[0x00, 1], false),
            (&[0x88, 0x05, 1], true),
            (&[0x88, 0x85, 0x01, 1], true),
            // Layers: the lowest begins the picture, the next one does not.
            (&[0xa8, 0x05, 0x00, 0x09, 1], true),
            (&[0xa8, 0x05, 0x02, 0x09, 1], false),
            (&[0xb8, 0x05, 0x00, 1], true),
            // One and three references.
            (&[0xd8, 0x05, 0x02, 1], true),
            (&[0xd8, 0x05, 0x03, 0x05, 0x07, 1], true),
            // A structure with one size, and with two pictures of none and two references.
            (&[0x8a, 0x05, 0x10, 2, 128, 1, 104, 1], true),
            (&[0x8a, 0x05, 0x08, 0x02, 0x00, 0x08, 1, 2, 1], true),
        ] {
            let descriptor = parse(&Bytes::copy_from_slice(packet)).unwrap();
            assert_eq!((descriptor.frame_start, &descriptor.data[..]), (start, &[1][..]), "{packet:x?}");
        }
    }

    #[test]
    fn what_is_cut_short_is_no_packet() {
        for packet in [
            &[][..],
            &[0x08],
            &[0x88],
            &[0x88, 0x85],
            &[0x88, 0x85, 0x01],
            &[0xa8, 0x05, 0x00],
            &[0xd8, 0x05],
            &[0x8a, 0x05, 0x10, 2, 128, 1],
            &[0x8a, 0x05, 0x08, 0xff, 0x00],
        ] {
            assert_eq!(parse(&Bytes::copy_from_slice(packet)), None, "{packet:x?}");
        }
    }
}

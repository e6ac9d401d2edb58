//! The sequence parameter set of H.264 (ITU-T H.264 section 7.3.2.1.1), as far as the size of the picture.

use crate::packetization::bit_reader::BitReader;
use confab_wire::limits;

/// Bytes of a parameter set that are read; one with every table in it has fewer before its size.
const READ_BYTES: usize = 4_096;
/// Profiles whose parameters say more of colours (section 7.3.2.1.1).
const HIGH_PROFILES: [u32; 13] = [44, 83, 86, 100, 110, 118, 122, 128, 134, 135, 138, 139, 244];
/// Values of `chroma_format_idc` (table 6-1).
const CHROMA_420: u32 = 1;
const CHROMA_422: u32 = 2;
const CHROMA_444: u32 = 3;

/// Width and height in pixels of the pictures, without what is cropped. `unit` is the whole NAL unit. `None` if it is cut
/// short or its size none that a picture can have.
pub(crate) fn picture_size(unit: &[u8]) -> Option<(u16, u16)> {
    let payload = without_emulation_prevention(&unit[1..unit.len().min(READ_BYTES)]);
    let mut bits = BitReader::new(&payload);
    let profile = bits.take(8)?;
    bits.take(16)?; // constraint flags, level_idc
    bits.golomb()?; // seq_parameter_set_id
    let chroma = if HIGH_PROFILES.contains(&profile) { colours(&mut bits)? } else { CHROMA_420 };
    bits.golomb()?; // log2_max_frame_num_minus4
    skip_picture_order(&mut bits)?;
    bits.golomb()?; // max_num_ref_frames
    bits.flag()?; // gaps_in_frame_num_value_allowed_flag
    let (columns, rows) = (side(bits.golomb()?)?, side(bits.golomb()?)?);
    let fields = if bits.flag()? { 1 } else { 2 }; // frame_mbs_only_flag
    // A decoder has memory for what is cropped, too.
    if columns * rows * fields > limits::PICTURE_PIXELS / 256 {
        return None;
    }
    if fields == 2 {
        bits.flag()?; // mb_adaptive_frame_field_flag
    }
    bits.flag()?; // direct_8x8_inference_flag
    let mut crop = [0; 4];
    if bits.flag()? {
        for edge in &mut crop {
            *edge = bits.golomb()?;
        }
    }
    // Of each pair of edges, in units of the chroma samples (section 7.4.2.1.1, CropUnitX and CropUnitY).
    let [left, right, top, bottom] = crop;
    let unit_x = if matches!(chroma, CHROMA_420 | CHROMA_422) { 2 } else { 1 };
    let unit_y = if chroma == CHROMA_420 { 2 * fields } else { fields };
    Some((cut(columns * 16, left, right, unit_x)?, cut(rows * 16 * fields, top, bottom, unit_y)?))
}

/// Macroblocks of a side.
fn side(minus_one: u32) -> Option<u32> {
    (minus_one < u32::from(u16::MAX) / 16).then(|| minus_one + 1)
}

/// `length` less two edges of so many `units`.
fn cut(length: u32, one: u32, other: u32, unit: u32) -> Option<u16> {
    let edges = one.checked_add(other)?.checked_mul(unit)?;
    u16::try_from(length.checked_sub(edges)?).ok().filter(|length| *length > 0)
}

/// Reads what only the high profiles have; returns `chroma_format_idc`.
fn colours(bits: &mut BitReader<'_>) -> Option<u32> {
    let chroma = bits.golomb()?;
    if chroma == CHROMA_444 {
        bits.flag()?; // separate_colour_plane_flag
    }
    bits.golomb()?; // bit_depth_luma_minus8
    bits.golomb()?; // bit_depth_chroma_minus8
    bits.flag()?; // qpprime_y_zero_transform_bypass_flag
    if bits.flag()? {
        for list in 0..if chroma == CHROMA_444 { 12 } else { 8 } {
            if bits.flag()? {
                skip_scaling_list(bits, if list < 6 { 16 } else { 64 })?;
            }
        }
    }
    Some(chroma)
}

/// Section 7.3.2.1.1.1.
fn skip_scaling_list(bits: &mut BitReader<'_>, length: usize) -> Option<()> {
    let mut scale = 8;
    for _ in 0..length {
        scale = (scale + signed(bits.golomb()?)).rem_euclid(256);
        if scale == 0 {
            // The rest is as the last one.
            return Some(());
        }
    }
    Some(())
}

/// A number in Exp-Golomb code with a sign (section 9.1.1).
fn signed(code: u32) -> i64 {
    let half = i64::from(code.div_ceil(2));
    if code % 2 == 1 { half } else { -half }
}

fn skip_picture_order(bits: &mut BitReader<'_>) -> Option<()> {
    match bits.golomb()? {
        0 => {
            bits.golomb()?; // log2_max_pic_order_cnt_lsb_minus4
        }
        1 => {
            bits.flag()?; // delta_pic_order_always_zero_flag
            bits.golomb()?; // offset_for_non_ref_pic
            bits.golomb()?; // offset_for_top_to_bottom_field
            // num_ref_frames_in_pic_order_cnt_cycle: an offset for each, as long as there are bits.
            for _ in 0..bits.golomb()? {
                bits.golomb()?;
            }
        }
        _ => {}
    }
    Some(())
}

/// Bytes without those that keep start codes from appearing (section 7.4.1).
fn without_emulation_prevention(bytes: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(bytes.len());
    let mut zeros = 0;
    for &byte in bytes {
        if zeros >= 2 && byte == 3 {
            zeros = 0;
            continue;
        }
        zeros = if byte == 0 { zeros + 1 } else { 0 };
        plain.push(byte);
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 1280×720 in the constrained baseline profile.
    const BASELINE: [u8; 13] = [0x67, 0x42, 0xc0, 0x1f, 0x8c, 0x8d, 0x40, 0x28, 0x02, 0xdd, 0x80, 0x88, 0x45];
    /// 1920×1080 in the High profile: the last eight lines are cropped.
    const HIGH: [u8; 26] = [
        0x67, 0x64, 0x00, 0x28, 0xac, 0xd9, 0x40, 0x78, 0x02, 0x27, 0xe5, 0x84, 0x00, 0x00, 0x03, 0x00, 0x04, 0x00,
        0x00, 0x03, 0x00, 0xf0, 0x3c, 0x60, 0xc6, 0x58,
    ];

    #[test]
    fn the_size_is_that_of_the_picture_without_what_is_cropped() {
        assert_eq!(picture_size(&BASELINE), Some((1280, 720)));
        assert_eq!(picture_size(&HIGH), Some((1920, 1080)));
    }

    #[test]
    fn what_is_cut_short_has_no_size() {
        for length in 1..10 {
            assert_eq!(picture_size(&BASELINE[..length]), None, "{length} bytes");
        }
    }

    #[test]
    fn a_size_that_no_picture_has_is_none() {
        assert_eq!((cut(16, 4, 3, 2), cut(16, 4, 4, 2), cut(16, u32::MAX - 1, 1, 2)), (Some(2), None, None));
        assert_eq!((side(79), side(4_094), side(4_095), side(u32::MAX - 1)), (Some(80), Some(4_095), None, None));
    }

    #[test]
    fn what_is_between_the_profile_and_the_size_may_be_long() {
        // High profile with all eight scaling lists, each of which ends at once, and a picture order of type 1.
        let bits = "1 010 1 1 0 1".to_owned()
            + &" 1 000010001".repeat(8)
            + " 1 010 0 1 1 010 1 1 0 000010100 00000101101 1 1 0";
        let mut unit = vec![0x67, 100, 0, 31];
        let digits: Vec<u8> = bits.bytes().filter(|digit| *digit != b' ').map(|digit| digit - b'0').collect();
        unit.extend(digits.chunks(8).map(|byte| byte.iter().fold(0, |byte, bit| byte << 1 | bit) << (8 - byte.len())));
        assert_eq!(picture_size(&unit), Some((320, 720)));
    }
}

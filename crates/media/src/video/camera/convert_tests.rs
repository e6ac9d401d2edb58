use super::*;
use bytes::Bytes;

fn raw(format: RawFormat, width: u32, height: u32, data: Vec<u8>) -> RawPicture {
    let stride = format.line(width) as u32;
    RawPicture { data: Bytes::from(data), format, width, height, stride, damaged: false }
}

/// A picture with a ramp in each plane, and what a camera would send for it.
fn source(width: u32, height: u32) -> I420Frame {
    let mut frame = I420Frame::new(width, height);
    let chroma = frame.chroma_size().0 as usize;
    let [y, u, v] = frame.planes_mut();
    y.iter_mut().enumerate().for_each(|(i, out)| *out = 40 + (i % width as usize / 2) as u8);
    u.iter_mut().enumerate().for_each(|(i, out)| *out = 100 + (i % chroma) as u8);
    v.iter_mut().enumerate().for_each(|(i, out)| *out = 150 - (i % chroma) as u8);
    frame
}

fn convert(raw: &RawPicture) -> Result<I420Frame, ConvertError> {
    let mut out = I420Frame::new(2, 2);
    CameraConverter::default().convert(raw, &mut out).map(|()| out)
}

fn close(a: &[u8], b: &[u8], most: u8) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.abs_diff(*b) <= most)
}

#[test]
fn nv12_and_gray_keep_every_sample() {
    for (width, height) in [(64, 48), (66, 50), (65, 49)] {
        let frame = source(width, height);
        let [y, u, v] = frame.planes();
        // A line of luma is as long as one of colours.
        let padding = vec![0; (width % 2) as usize];
        let mut data: Vec<u8> =
            y.chunks_exact(width as usize).flat_map(|line| line.iter().chain(&padding)).copied().collect();
        data.extend(u.iter().zip(v).flat_map(|(u, v)| [*u, *v]));
        assert_eq!(convert(&raw(RawFormat::Nv12, width, height, data)).expect("converts"), frame);
        let gray = convert(&raw(RawFormat::Gray, width, height, y.to_vec())).expect("converts");
        assert_eq!(gray.planes()[0], y);
        assert!(gray.planes()[1].iter().all(|v| *v == 128));
    }
}

#[test]
fn yuyv_keeps_luma_and_halves_colour() {
    let frame = source(64, 48);
    let [y, u, v] = frame.planes();
    let mut data = Vec::new();
    for row in 0..48 {
        for pair in 0..32 {
            let at = row * 64 + 2 * pair;
            let colour = row / 2 * 32 + pair;
            data.extend([y[at], u[colour], y[at + 1], v[colour]]);
        }
    }
    let out = convert(&raw(RawFormat::Yuyv, 64, 48, data)).expect("converts");
    assert_eq!(out.planes()[0], y);
    assert!(close(out.planes()[1], u, 1) && close(out.planes()[2], v, 1));
}

#[test]
fn rgb_and_bgr_agree() {
    let rgb: Vec<u8> = (0..64 * 48).flat_map(|i| [(i % 200) as u8, (i % 120) as u8, (i % 80) as u8]).collect();
    let bgr: Vec<u8> = rgb.chunks_exact(3).flat_map(|p| [p[2], p[1], p[0]]).collect();
    let a = convert(&raw(RawFormat::Rgb, 64, 48, rgb)).expect("converts");
    let b = convert(&raw(RawFormat::Bgr, 64, 48, bgr)).expect("converts");
    assert_eq!(a, b);
    let white = convert(&raw(RawFormat::Rgb, 4, 4, vec![255; 48])).expect("converts");
    assert!(white.planes()[0].iter().all(|y| y.abs_diff(235) <= 1), "{:?}", white.planes()[0]);
}

#[test]
fn full_range_is_mapped_to_limited() {
    let mut out = I420Frame::new(3, 3);
    pack(&[255, 128, 128].repeat(9), &mut out);
    assert!(out.planes()[0].iter().all(|y| y.abs_diff(235) <= 1), "{:?}", out.planes()[0]);
    assert!(out.planes()[1].iter().all(|u| *u == 128));
    pack(&[0, 255, 0].repeat(9), &mut out);
    assert_eq!(out.planes()[0][0], 16);
    assert!(out.planes()[1][0].abs_diff(240) <= 1 && out.planes()[2][0].abs_diff(16) <= 1);
}

/// An 8x8 gray JPEG: every coefficient zero but the first (baseline, standard tables for one code each).
fn tiny_jpeg() -> Vec<u8> {
    let mut data = vec![0xFF, 0xD8];
    data.extend([0xFF, 0xDB, 0, 67, 0]);
    data.extend([1; 64]);
    data.extend([0xFF, 0xC0, 0, 17, 8, 0, 8, 0, 8, 3, 1, 0x11, 0, 2, 0x11, 0, 3, 0x11, 0]);
    // One code of one bit for "no difference" (DC) and one for "end of block" (AC).
    for class in [0x00, 0x10] {
        data.extend([0xFF, 0xC4, 0, 20, class, 1]);
        data.extend([0; 15]);
        data.push(0);
    }
    data.extend([0xFF, 0xDA, 0, 12, 3, 1, 0, 2, 0, 3, 0, 0, 63, 0]);
    // Three blocks of two zero bits each, padded with ones.
    data.extend([0b0000_0011, 0xFF, 0xD9]);
    data
}

#[test]
fn a_jpeg_is_decoded_and_its_size_is_its_own() {
    let out = convert(&raw(RawFormat::Mjpeg, 640, 480, tiny_jpeg())).expect("converts");
    assert_eq!((out.width(), out.height()), (8, 8));
    // Mid-gray of full range is mid-gray of limited range.
    assert!(out.planes()[0].iter().all(|y| y.abs_diff(126) <= 1), "{:?}", out.planes()[0]);
    assert!(out.planes()[1].iter().all(|u| u.abs_diff(128) <= 1));
}

#[test]
fn damaged_pictures_are_errors() {
    for format in [RawFormat::Yuyv, RawFormat::Nv12, RawFormat::Gray, RawFormat::Rgb, RawFormat::Bgr] {
        assert!(matches!(convert(&raw(format, 64, 48, vec![0; 100])), Err(ConvertError::Short { .. })), "{format:?}");
        assert!(matches!(convert(&raw(format, 0, 48, vec![0; 100])), Err(ConvertError::Size(0, 48))), "{format:?}");
        assert!(matches!(convert(&raw(format, u32::MAX, 2, vec![0; 100])), Err(ConvertError::Size(..))), "{format:?}");
    }
    let jpeg = tiny_jpeg();
    for length in 0..jpeg.len() - 4 {
        let _ = convert(&raw(RawFormat::Mjpeg, 8, 8, jpeg[..length].to_vec()));
    }
    assert!(convert(&raw(RawFormat::Mjpeg, 8, 8, vec![0xFF; 1000])).is_err());
    let mut huge = tiny_jpeg();
    huge[76..80].copy_from_slice(&[0xFF, 0xFF, 0xFF, 0xFF]);
    assert!(convert(&raw(RawFormat::Mjpeg, 8, 8, huge)).is_err());
}

//! Text on a screen: legible at once, sharp soon after, within the bitrate.

use confab_media::{I420Frame, VideoConfig, VideoEncoder, Vp8Decoder};
use confab_wire::{
    layers::SpatialLayer,
    media::{ContentHint, VideoDemand},
};
use std::time::{Duration, Instant};

const SHARE: VideoConfig = VideoConfig { width: 1920, height: 1080, fps: 15, bitrate: 2_500_000 };

/// A page of dark strokes as thin as those of letters on light ground, other ones for each `page`.
fn text(page: u32) -> I420Frame {
    let mut picture = I420Frame::new(SHARE.width, SHARE.height);
    let width = SHARE.width as usize;
    let [luma, u, v] = picture.planes_mut();
    luma.fill(230);
    u.fill(128);
    v.fill(128);
    let mut seed = page.wrapping_mul(2_654_435_761).max(1);
    for line in (40..1040).step_by(20) {
        for letter in (60..1800).step_by(10) {
            // Xorshift: which strokes of a 5 x 3 letter are drawn.
            seed ^= seed << 13;
            seed ^= seed >> 17;
            seed ^= seed << 5;
            for bit in (0..15).filter(|bit| seed & (1 << bit) != 0 && !seed.is_multiple_of(7)) {
                let (x, y) = (letter + bit % 3 * 2, line + bit / 3 * 2);
                for row in 0..2 {
                    luma[(y + row) * width + x..][..2].fill(30);
                }
            }
        }
    }
    picture
}

#[test]
fn a_page_of_text_is_legible_within_a_second_and_sharp_soon_after() {
    let mut demand = VideoDemand { content_hint: ContentHint::Text, max_bitrate: SHARE.bitrate, ..VideoDemand::full() };
    if let Some(full) = &mut demand.layers[SpatialLayer::Full.index()] {
        full.bitrate = SHARE.bitrate;
    }
    let (mut encoder, mut decoder) = (VideoEncoder::new(SHARE), Vp8Decoder::new());
    let start = Instant::now();
    for page in 0..2 {
        let picture = text(page);
        let (mut bytes, mut quality, mut rested) = (0, Vec::new(), 0);
        // Four seconds at 15 frames.
        for number in 0..60 {
            let captured = start + Duration::from_secs(1) * (page * 60 + number) / SHARE.fps;
            for frame in encoder.encode(&picture, captured, &demand).expect("encodes") {
                bytes += frame.data.len();
                rested += if number >= 45 { frame.data.len() } else { 0 };
                let seen = decoder.decode(&frame).expect("decodes").expect("a picture");
                quality.push((number, picture.psnr(&seen).expect("the same size")));
            }
        }
        let at = |second: u32| quality.iter().rfind(|(number, _)| *number < second * 15).map_or(0.0, |(_, psnr)| *psnr);
        // 28 dB are soft edges that can be read, 40 dB nobody tells from the source.
        let seconds = [at(1), at(2), at(4)];
        assert!(seconds[0] > 28.0 && seconds[1] > 33.0 && seconds[2] > 40.0, "page {page}: {seconds:?} dB");
        // The key frame of a new page may take more; a page at rest may not.
        assert!(bytes < SHARE.bitrate as usize / 8 * 5, "page {page}: {bytes} bytes in four seconds");
        assert!(rested < SHARE.bitrate as usize / 8, "page {page}: {rested} bytes in the last second");
    }
}

//! The test picture: a moving scene with a frame number and a clock that are read back from the pixels.
//!
//! The upper quarter is a code of 32 columns by 4 rows of cells, each `width / 32` by `height / 16` pixels, white for 1
//! and black for 0, most significant bit first:
//!
//! | row | columns 0–15 | columns 16–31 |
//! |---|---|---|
//! | 0 | sync word `0xB2D4` | CRC-16/CCITT-FALSE over the 12 bytes of rows 1–3 |
//! | 1 | frame number, upper half | lower half |
//! | 2, 3 | clock in ms, upper and lower 32 bits | |
//!
//! Cells are large and carry one bit each, so they survive scaling to 160x90 and VP8 at a low bitrate.

use crate::video::i420::I420Frame;

const COLUMNS: usize = 32;
const CODE_ROWS: usize = 4;
const ROWS: usize = 16;
const SYNC: u16 = 0xB2D4;
const BLACK: u8 = 24;
const WHITE: u8 = 228;

/// What [`read`] found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PatternReading {
    /// Frame number.
    pub number: u32,
    /// Clock at drawing, in ms; of which epoch is the drawer's business.
    pub clock_ms: u64,
}

/// CRC-16/CCITT-FALSE: polynomial 0x1021, start 0xFFFF.
fn crc16(data: &[u8]) -> u16 {
    data.iter().fold(0xFFFF, |crc, byte| {
        (0..8).fold(
            crc ^ (u16::from(*byte) << 8),
            |crc, _| {
                if crc & 0x8000 != 0 { (crc << 1) ^ 0x1021 } else { crc << 1 }
            },
        )
    })
}

/// The four rows of the code.
fn code(number: u32, clock_ms: u64) -> [u32; CODE_ROWS] {
    let (high, low) = ((clock_ms >> 32) as u32, clock_ms as u32);
    let mut bytes = [0; 12];
    for (chunk, word) in bytes.chunks_exact_mut(4).zip([number, high, low]) {
        chunk.copy_from_slice(&word.to_be_bytes());
    }
    [(u32::from(SYNC) << 16) | u32::from(crc16(&bytes)), number, high, low]
}

/// Pixels `[from, to)` of part `i` of `parts` along `length` pixels.
fn part(i: usize, parts: usize, length: usize) -> std::ops::Range<usize> {
    i * length / parts..(i + 1) * length / parts
}

/// A rectangle in pixels, filled with one colour.
fn fill(frame: &mut I420Frame, xs: std::ops::Range<usize>, ys: std::ops::Range<usize>, [y, u, v]: [u8; 3]) {
    let (width, chroma) = (frame.width() as usize, frame.chroma_size().0 as usize);
    let (height, chroma_height) = (frame.height() as usize, frame.chroma_size().1 as usize);
    let xs = xs.start.min(width)..xs.end.min(width);
    let ys = ys.start.min(height)..ys.end.min(height);
    let [py, pu, pv] = frame.planes_mut();
    for row in ys.clone() {
        py[row * width..][xs.clone()].fill(y);
    }
    let cxs = xs.start.div_ceil(2)..xs.end.div_ceil(2).min(chroma);
    for row in ys.start.div_ceil(2)..ys.end.div_ceil(2).min(chroma_height) {
        if cxs.start < cxs.end {
            pu[row * chroma..][cxs.clone()].fill(u);
            pv[row * chroma..][cxs.clone()].fill(v);
        }
    }
}

/// Eight calm bars, dark to light and back, in BT.601 limited range.
const BARS: [[u8; 3]; 8] = [
    [62, 150, 112],
    [84, 158, 98],
    [112, 150, 88],
    [142, 128, 98],
    [168, 102, 120],
    [176, 84, 146],
    [150, 92, 172],
    [112, 112, 178],
];

/// Digits as 3x5 dots, one row per three bits, top row first.
const DIGITS: [u16; 10] = [0o75557, 0o26227, 0o71747, 0o71717, 0o55711, 0o74717, 0o74757, 0o71122, 0o75757, 0o75717];

/// Draws only the code, over whatever the picture shows in its upper quarter.
pub fn draw_code(frame: &mut I420Frame, number: u32, clock_ms: u64) {
    let (width, height) = (frame.width() as usize, frame.height() as usize);
    for (row, bits) in code(number, clock_ms).into_iter().enumerate() {
        for column in 0..COLUMNS {
            let luma = if bits & (1 << (COLUMNS - 1 - column)) != 0 { WHITE } else { BLACK };
            fill(frame, part(column, COLUMNS, width), part(row, ROWS, height), [luma, 128, 128]);
        }
    }
}

/// Draws frame `number` at `clock_ms` over the whole picture.
pub fn draw(frame: &mut I420Frame, number: u32, clock_ms: u64) {
    let (width, height) = (frame.width() as usize, frame.height() as usize);
    draw_code(frame, number, clock_ms);
    let bars = CODE_ROWS * height / ROWS..12 * height / ROWS;
    for (i, colour) in BARS.into_iter().enumerate() {
        fill(frame, part(i, BARS.len(), width), bars.clone(), colour);
    }
    draw_floor(frame, bars.end, number);
    draw_disc(frame, bars.start, number);
    draw_number(frame, bars.end, number);
}

/// A slowly sliding gradient: fine detail for the encoder, water for the eye.
fn draw_floor(frame: &mut I420Frame, top: usize, number: u32) {
    let (width, height) = (frame.width() as usize, frame.height() as usize);
    let (chroma, chroma_height) = (frame.chroma_size().0 as usize, frame.chroma_size().1 as usize);
    let slide = number as usize * width / 320;
    let period = (width / 4).max(2);
    let [y, u, v] = frame.planes_mut();
    for row in top..height {
        let depth = (row - top) * 48 / (height - top).max(1);
        for (x, out) in y[row * width..][..width].iter_mut().enumerate() {
            let phase = (x + slide + row / 2) % period * 2;
            let wave = if phase < period { phase } else { 2 * period - phase };
            *out = (40 + depth + wave * 36 / period) as u8;
        }
    }
    for row in top.div_ceil(2)..chroma_height {
        u[row * chroma..][..chroma].fill(146);
        v[row * chroma..][..chroma].fill(112);
    }
}

/// A light disc that swings over the bars like a pendulum, once in about four seconds at 30 fps.
fn draw_disc(frame: &mut I420Frame, top: usize, number: u32) {
    let (width, height) = (frame.width() as i32, frame.height() as i32);
    let angle = f64::from(number % 120) * std::f64::consts::TAU / 120.0;
    let radius = (height / 9).max(3);
    let x = width / 2 + (angle.sin() * f64::from(width / 2 - radius - 2)) as i32;
    let y = top as i32 + height / 4 + (angle.cos().powi(2) * f64::from(height) / 10.0) as i32;
    for row in y - radius..=y + radius {
        let half = f64::from(radius * radius - (row - y).pow(2)).sqrt() as i32;
        let (from, to) = ((x - half).clamp(0, width) as usize, (x + half).clamp(0, width) as usize);
        if (0..height).contains(&row) && from < to {
            let shade = (row - y + radius) * 40 / (2 * radius);
            fill(frame, from..to, row as usize..row as usize + 1, [(224 - shade) as u8, 124, 134]);
        }
    }
}

/// The frame number for human eyes, lower left.
fn draw_number(frame: &mut I420Frame, top: usize, number: u32) {
    let (width, height) = (frame.width() as usize, frame.height() as usize);
    let dot = (height / 60).max(1);
    let (left, top) = (width / 32, top + (height - top).saturating_sub(5 * dot) / 2);
    for (i, digit) in format!("{number:06}").bytes().enumerate() {
        let dots = DIGITS[usize::from(digit - b'0') % 10];
        for bit in (0..15).filter(|bit| dots & (1 << (14 - bit)) != 0) {
            let (x, y) = (left + (i * 4 + bit % 3) * dot, top + bit / 3 * dot);
            fill(frame, x..x + dot, y..y + dot, [220, 128, 128]);
        }
    }
}

/// Reads the code of a drawn picture at any size from 160x90 up, also after lossy coding. `None` if there is none or it is
/// damaged: the sync word has to fit and the checksum too.
pub fn read(frame: &I420Frame) -> Option<PatternReading> {
    let (width, height) = (frame.width() as usize, frame.height() as usize);
    if width < 2 * COLUMNS || height < 2 * ROWS {
        return None;
    }
    let luma = frame.planes()[0];
    // The middle half of a cell: edges are where scaling and coding smear.
    let mean = |column: usize, row: usize| -> u32 {
        let inner = |i, parts, length| {
            let range = part(i, parts, length);
            let margin = range.len() / 4;
            range.start + margin..range.end - margin
        };
        let (xs, ys) = (inner(column, COLUMNS, width), inner(row, ROWS, height));
        let count = (xs.len() * ys.len()).max(1) as u32;
        let sum: u32 = ys.map(|y| luma[y * width..][xs.clone()].iter().map(|v| u32::from(*v)).sum::<u32>()).sum();
        sum / count
    };
    let rows: [u32; CODE_ROWS] = std::array::from_fn(|row| {
        (0..COLUMNS).fold(0, |bits, column| (bits << 1) | u32::from(mean(column, row) >= 126))
    });
    let [_, number, high, low] = rows;
    let clock_ms = (u64::from(high) << 32) | u64::from(low);
    (code(number, clock_ms) == rows).then_some(PatternReading { number, clock_ms })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::video::i420::ScaleScratch;

    #[test]
    fn what_is_drawn_is_read_at_every_size() {
        let mut source = I420Frame::new(1280, 720);
        draw(&mut source, 4_000_000_123, 1_790_000_000_123);
        let expected = Some(PatternReading { number: 4_000_000_123, clock_ms: 1_790_000_000_123 });
        assert_eq!(read(&source), expected);
        for (width, height) in [(1280, 720), (640, 360), (320, 180), (160, 90), (853, 480), (333, 201), (1920, 1080)] {
            let mut direct = I420Frame::new(width, height);
            draw(&mut direct, 4_000_000_123, 1_790_000_000_123);
            assert_eq!(read(&direct), expected, "drawn at {width}x{height}");
            let mut scaled = I420Frame::new(width, height);
            source.scale_into(&mut scaled, &mut ScaleScratch::default());
            assert_eq!(read(&scaled), expected, "scaled to {width}x{height}");
        }
    }

    #[test]
    fn a_picture_without_code_or_with_a_damaged_one_is_not_read() {
        let mut frame = I420Frame::new(320, 180);
        assert_eq!(read(&frame), None);
        assert_eq!(read(&I420Frame::new(16, 16)), None);
        draw(&mut frame, 7, 9);
        fill(&mut frame, part(31, COLUMNS, 320), part(1, ROWS, 180), [BLACK, 128, 128]);
        assert_eq!(read(&frame), None, "a flipped bit has to fail the checksum");
    }

    #[test]
    fn tiny_and_odd_pictures_do_not_panic() {
        for (width, height) in [(1, 1), (2, 2), (3, 5), (17, 9), (31, 33), (161, 91)] {
            let mut frame = I420Frame::new(width, height);
            for number in 0..130 {
                draw(&mut frame, number, u64::from(number));
            }
        }
    }

    #[test]
    fn the_picture_moves() {
        let (mut a, mut b) = (I420Frame::new(320, 180), I420Frame::new(320, 180));
        draw(&mut a, 10, 0);
        draw(&mut b, 11, 33);
        assert!(a.psnr(&b).expect("same size") < 40.0);
    }
}

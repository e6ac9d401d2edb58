//! Clips for tests and benchmarks, the same bytes on every machine.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

/// Samples per second of the WAV clips.
const RATE: u32 = 48_000;
/// Amplitude of each tone.
const AMPLITUDE: f32 = 0.25;

/// Writes a WAV file (48 kHz, mono, 16 bit) with sines of these frequencies in Hz, each with an amplitude of 0.25.
pub fn tone_wav(path: &Path, tones: &[f32], seconds: f32) -> Result<(), hound::Error> {
    let spec =
        hound::WavSpec { channels: 1, sample_rate: RATE, bits_per_sample: 16, sample_format: hound::SampleFormat::Int };
    let mut writer = hound::WavWriter::create(path, spec)?;
    for n in 0..(seconds * RATE as f32) as u32 {
        let time = n as f32 / RATE as f32;
        let sum: f32 = tones.iter().map(|hz| (std::f32::consts::TAU * hz * time).sin() * AMPLITUDE).sum();
        writer.write_sample((sum.clamp(-1.0, 1.0) * 32_767.0) as i16)?;
    }
    writer.finalize()
}

/// Draws frame `number` of a scene into an I420 picture (Y, U, V without padding): a landscape of noise at several scales
/// that pans, with lighter blobs that drift over it. As hard to encode as a room with a moving person, harder than flat
/// test pictures.
///
/// # Panics
/// If `picture` is shorter than an I420 picture of this size.
pub fn draw_scene(picture: &mut [u8], width: usize, height: usize, number: u32) {
    let luma = width * height;
    let (chroma_width, chroma_height) = (width.div_ceil(2), height.div_ceil(2));
    let pan = number as usize;
    let (y_plane, chroma) = picture.split_at_mut(luma);
    for (y, row) in y_plane.chunks_exact_mut(width).enumerate() {
        for (x, out) in row.iter_mut().enumerate() {
            let (sx, sy) = (x + pan, y + pan / 3);
            let coarse = smooth(sx, sy, 64) * 96;
            let middle = smooth(sx, sy, 16) * 40;
            let fine = smooth(sx, sy, 4) * 14;
            *out = (40 + ((coarse + middle + fine) >> 8)) as u8;
        }
    }
    for blob in 0..4usize {
        let size = height / (5 + blob);
        let x = (pan * (3 + blob) + blob * width / 4) % (width + size);
        let y = height / 6 + blob * height / 6;
        for row in y..(y + size).min(height) {
            for column in x.saturating_sub(size)..x.min(width) {
                let at = row * width + column;
                y_plane[at] = (u16::from(y_plane[at]) / 2 + 90) as u8;
            }
        }
    }
    let (u_plane, v_plane) = chroma.split_at_mut(chroma_width * chroma_height);
    for y in 0..chroma_height {
        for x in 0..chroma_width {
            let (sx, sy) = (x + pan / 2, y + pan / 6);
            u_plane[y * chroma_width + x] = (112 + smooth(sx, sy, 32) * 32 / 256) as u8;
            v_plane[y * chroma_width + x] = (112 + smooth(sx + 999, sy, 32) * 32 / 256) as u8;
        }
    }
}

/// Noise at one scale, interpolated between the corners of cells of `cell` pixels: 0..256.
fn smooth(x: usize, y: usize, cell: usize) -> usize {
    let (cx, cy, fx, fy) = (x / cell, y / cell, x % cell, y % cell);
    let top = hash(cx, cy) * (cell - fx) + hash(cx + 1, cy) * fx;
    let bottom = hash(cx, cy + 1) * (cell - fx) + hash(cx + 1, cy + 1) * fx;
    (top * (cell - fy) + bottom * fy) / (cell * cell)
}

fn hash(x: usize, y: usize) -> usize {
    let mixed = (x as u32).wrapping_mul(0x9E37_79B1) ^ (y as u32).wrapping_mul(0x85EB_CA77);
    let mixed = (mixed ^ (mixed >> 15)).wrapping_mul(0x2C1B_3C6D);
    (mixed >> 24) as usize
}

/// Writes `frames` pictures of the scene as Y4M. `overlay` draws over each, given the picture and its number.
pub fn scene_y4m(
    path: &Path,
    (width, height): (usize, usize),
    fps: u32,
    frames: u32,
    mut overlay: impl FnMut(&mut [u8], u32),
) -> io::Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    writeln!(file, "YUV4MPEG2 W{width} H{height} F{fps}:1 Ip A1:1 C420mpeg2")?;
    let mut picture = vec![0; width * height + 2 * width.div_ceil(2) * height.div_ceil(2)];
    for number in 0..frames {
        draw_scene(&mut picture, width, height, number);
        overlay(&mut picture, number);
        file.write_all(b"FRAME\n")?;
        file.write_all(&picture)?;
    }
    file.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scene_moves_and_has_detail() {
        let size = 160 * 90 * 3 / 2;
        let (mut a, mut b) = (vec![0; size], vec![0; size]);
        draw_scene(&mut a, 160, 90, 1);
        draw_scene(&mut b, 160, 90, 2);
        let changed = a.iter().zip(&b).filter(|(a, b)| a != b).count();
        assert!(changed > size / 4, "{changed} of {size} samples changed");
        assert!(a[..160 * 90].iter().max() > a[..160 * 90].iter().min().map(|low| low + 60).as_ref());
    }
}

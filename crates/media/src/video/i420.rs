//! Raw pictures: 8-bit planar YCbCr 4:2:0 (I420), BT.601 limited range as WebRTC assumes for VP8.

use std::cmp::min;

use yuv::BufferStoreMut::Borrowed;
use yuv::YuvPlanarImageMut;

/// Widest and highest picture anything here accepts, in pixels. VP8 could do 16383, which would let a hostile key frame
/// ask for 400 MB.
pub const MAX_DIMENSION: u32 = 4096;

/// One I420 picture. The planes lie one after the other without padding: Y `width * height`, then U and V with
/// `ceil(width / 2) * ceil(height / 2)` each.
#[derive(Clone, PartialEq, Eq)]
pub struct I420Frame {
    width: u32,
    height: u32,
    data: Vec<u8>,
}

impl std::fmt::Debug for I420Frame {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "I420Frame({}x{})", self.width, self.height)
    }
}

/// Bytes of an I420 picture of this size.
pub fn i420_len(width: u32, height: u32) -> usize {
    let luma = width as usize * height as usize;
    luma + 2 * (width.div_ceil(2) as usize * height.div_ceil(2) as usize)
}

impl I420Frame {
    /// A black picture of `width` x `height` pixels, each clamped to 1..=[`MAX_DIMENSION`].
    pub fn new(width: u32, height: u32) -> Self {
        let (width, height) = (width.clamp(1, MAX_DIMENSION), height.clamp(1, MAX_DIMENSION));
        let luma = width as usize * height as usize;
        let mut data = vec![128; i420_len(width, height)];
        data[..luma].fill(16);
        Self { width, height, data }
    }

    /// Width in pixels.
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Height in pixels.
    pub fn height(&self) -> u32 {
        self.height
    }

    /// Width and height of U and V in samples.
    pub fn chroma_size(&self) -> (u32, u32) {
        (self.width.div_ceil(2), self.height.div_ceil(2))
    }

    /// Changes the size if it differs; the content is then black.
    pub fn resize(&mut self, width: u32, height: u32) {
        if (width, height) != (self.width, self.height) {
            *self = Self::new(width, height);
        }
    }

    /// All planes in the order Y, U, V.
    pub fn data(&self) -> &[u8] {
        &self.data
    }

    /// All planes in the order Y, U, V, writable.
    pub fn data_mut(&mut self) -> &mut [u8] {
        &mut self.data
    }

    /// Y, U, V; row strides are [`Self::width`] and the width of [`Self::chroma_size`].
    pub fn planes(&self) -> [&[u8]; 3] {
        let (cw, ch) = self.chroma_size();
        let (y, rest) = self.data.split_at(self.width as usize * self.height as usize);
        let (u, v) = rest.split_at(cw as usize * ch as usize);
        [y, u, v]
    }

    /// Y, U, V, writable.
    pub fn planes_mut(&mut self) -> [&mut [u8]; 3] {
        let (cw, ch) = self.chroma_size();
        let (y, rest) = self.data.split_at_mut(self.width as usize * self.height as usize);
        let (u, v) = rest.split_at_mut(cw as usize * ch as usize);
        [y, u, v]
    }

    /// The planes as conversions write them.
    pub(crate) fn planar_mut(&mut self) -> YuvPlanarImageMut<'_, u8> {
        let (width, height) = (self.width, self.height);
        let (chroma, _) = self.chroma_size();
        let [y, u, v] = self.planes_mut();
        YuvPlanarImageMut {
            y_plane: Borrowed(y),
            y_stride: width,
            u_plane: Borrowed(u),
            u_stride: chroma,
            v_plane: Borrowed(v),
            v_stride: chroma,
            width,
            height,
        }
    }

    /// Peak signal-to-noise ratio of the luma against a picture of the same size, in dB; infinite if equal, `None` if the
    /// sizes differ.
    pub fn psnr(&self, other: &Self) -> Option<f64> {
        if (self.width, self.height) != (other.width, other.height) {
            return None;
        }
        let squares: u64 =
            self.planes()[0].iter().zip(other.planes()[0]).map(|(a, b)| u64::from(a.abs_diff(*b)).pow(2)).sum();
        let mean = squares as f64 / (f64::from(self.width) * f64::from(self.height));
        Some(10.0 * (255.0 * 255.0 / mean).log10())
    }

    /// Draws this picture into `target`, scaled to the target's size. Halves by boxes while it can, then interpolates
    /// between the four neighbours: no ringing, no aliasing worth the name, and cheap enough for every frame.
    pub fn scale_into(&self, target: &mut I420Frame, scratch: &mut ScaleScratch) {
        if (self.width, self.height) == (target.width, target.height) {
            target.data.copy_from_slice(&self.data);
            return;
        }
        let sizes = |frame: &I420Frame| {
            let (cw, ch) = frame.chroma_size();
            [(frame.width, frame.height), (cw, ch), (cw, ch)].map(|(w, h)| (w as usize, h as usize))
        };
        let (from, to) = (sizes(self), sizes(target));
        for (((source, out), from), to) in self.planes().into_iter().zip(target.planes_mut()).zip(from).zip(to) {
            scale_plane(source, from, out, to, scratch);
        }
    }
}

/// Buffers [`I420Frame::scale_into`] keeps between frames.
#[derive(Debug, Default)]
pub struct ScaleScratch {
    halves: [Vec<u8>; 2],
}

fn scale_plane(
    source: &[u8],
    (mut width, mut height): (usize, usize),
    out: &mut [u8],
    (to_width, to_height): (usize, usize),
    scratch: &mut ScaleScratch,
) {
    let [a, b] = &mut scratch.halves;
    let (mut current, mut spare) = (a, b);
    let mut first = true;
    while width >= 2 * to_width && height >= 2 * to_height {
        let (half_width, half_height) = (width / 2, height / 2);
        spare.resize(half_width * half_height, 0);
        halve(if first { source } else { current }, width, spare, half_width);
        std::mem::swap(&mut current, &mut spare);
        (width, height, first) = (half_width, half_height, false);
    }
    let source = if first { source } else { current.as_slice() };
    if (width, height) == (to_width, to_height) {
        out.copy_from_slice(&source[..out.len()]);
    } else {
        bilinear(source, (width, height), out, (to_width, to_height));
    }
}

/// Means of 2x2 boxes. A last odd row or column is left out.
fn halve(source: &[u8], width: usize, out: &mut [u8], half_width: usize) {
    for (rows, out) in source.chunks_exact(2 * width).zip(out.chunks_exact_mut(half_width)) {
        let (top, bottom) = rows.split_at(width);
        for ((top, bottom), out) in top.chunks_exact(2).zip(bottom.chunks_exact(2)).zip(out) {
            let sum = u16::from(top[0]) + u16::from(top[1]) + u16::from(bottom[0]) + u16::from(bottom[1]);
            *out = ((sum + 2) >> 2) as u8;
        }
    }
}

/// Position of sample `i` of `to` between samples of `from`, pixel centres aligned: index and weight of the next, 0..256.
fn sample_position(i: usize, from: usize, to: usize) -> (usize, u32) {
    let position = ((2 * i + 1) * from * 128 / to).saturating_sub(128);
    (min(position / 256, from - 1), (position % 256) as u32)
}

fn bilinear(source: &[u8], (width, height): (usize, usize), out: &mut [u8], (to_width, to_height): (usize, usize)) {
    for (y, row) in out.chunks_exact_mut(to_width).enumerate() {
        let (line, below) = sample_position(y, height, to_height);
        let top = &source[line * width..][..width];
        let bottom = &source[min(line + 1, height - 1) * width..][..width];
        for (x, out) in row.iter_mut().enumerate() {
            let (left, right) = sample_position(x, width, to_width);
            let next = min(left + 1, width - 1);
            let mix = |row: &[u8]| u32::from(row[left]) * (256 - right) + u32::from(row[next]) * right;
            *out = ((mix(top) * (256 - below) + mix(bottom) * below + (1 << 15)) >> 16) as u8;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ramp(width: u32, height: u32) -> I420Frame {
        let mut frame = I420Frame::new(width, height);
        let columns = width as usize;
        for (i, value) in frame.planes_mut()[0].iter_mut().enumerate() {
            *value = (16 + (i % columns) * 200 / columns) as u8;
        }
        frame
    }

    #[test]
    fn odd_sizes_have_rounded_up_chroma() {
        let frame = I420Frame::new(5, 3);
        assert_eq!(frame.chroma_size(), (3, 2));
        assert_eq!(frame.data().len(), 15 + 6 + 6);
        assert_eq!(frame.planes().map(<[u8]>::len), [15, 6, 6]);
    }

    #[test]
    fn scaling_keeps_the_picture() {
        let source = ramp(640, 360);
        for (width, height) in [(320, 180), (160, 90), (480, 270), (426, 240), (641, 361), (1280, 720), (3, 3)] {
            let mut scaled = I420Frame::new(width, height);
            source.scale_into(&mut scaled, &mut ScaleScratch::default());
            let psnr = scaled.psnr(&ramp(width, height)).expect("same size");
            assert!(psnr > if width > 100 { 35.0 } else { 10.0 }, "{width}x{height}: {psnr} dB");
        }
    }

    #[test]
    fn psnr_knows_equal_and_unlike() {
        let frame = ramp(64, 64);
        assert_eq!(frame.psnr(&frame.clone()), Some(f64::INFINITY));
        assert_eq!(frame.psnr(&ramp(64, 32)), None);
        let mut off = frame.clone();
        off.planes_mut()[0].iter_mut().for_each(|v| *v += 1);
        assert!((frame.psnr(&off).expect("same size") - 48.13).abs() < 0.01);
    }
}

//! BGRX pictures, as screens have them in memory: conversion to I420 and to small PNG files.

use yuv::{YuvConversionMode, YuvRange, YuvStandardMatrix};

use crate::error::{Error, ErrorKind};
use crate::video::i420::{I420Frame, MAX_DIMENSION};

/// Bytes of a pixel: blue, green, red, and one that means nothing.
pub(crate) const PIXEL: usize = 4;

/// A picture in rows without padding.
#[derive(Debug)]
pub(crate) struct Bgrx<'a> {
    pub(crate) width: u32,
    pub(crate) height: u32,
    /// `width * height *` [`PIXEL`] bytes.
    pub(crate) data: &'a [u8],
}

impl Bgrx<'_> {
    fn row(&self, y: usize) -> &[u8] {
        let stride = self.width as usize * PIXEL;
        &self.data[y * stride..][..stride]
    }

    /// Means of boxes of `by` x `by` pixels; what is left over at the right and at the bottom is left out.
    fn shrink(&self, by: usize, out: &mut Vec<u8>) -> (u32, u32) {
        let (width, height) = (self.width as usize / by, self.height as usize / by);
        out.clear();
        for y in 0..height {
            for x in 0..width {
                let mean = |channel: usize| {
                    let column = |row: usize| {
                        let pixels = &self.row(y * by + row)[x * by * PIXEL..][..by * PIXEL];
                        pixels.iter().skip(channel).step_by(PIXEL).map(|value| usize::from(*value)).sum::<usize>()
                    };
                    ((0..by).map(column).sum::<usize>() / (by * by)) as u8
                };
                out.extend([mean(0), mean(1), mean(2), u8::MAX]);
            }
        }
        (width as u32, height as u32)
    }
}

/// A picture that holds its pixels; none at first.
#[derive(Debug, Default)]
pub(crate) struct Picture {
    pub(crate) width: u32,
    pub(crate) height: u32,
    /// As in [`Bgrx`].
    pub(crate) data: Vec<u8>,
}

impl Picture {
    /// What it shows; `None` before the first.
    pub(crate) fn as_bgrx(&self) -> Option<Bgrx<'_>> {
        let Self { width, height, data } = self;
        (!data.is_empty()).then_some(Bgrx { width: *width, height: *height, data })
    }

    /// Puts the colours in order where red came first.
    pub(crate) fn put_blue_first(&mut self) {
        self.data.chunks_exact_mut(PIXEL).for_each(|pixel| pixel.swap(0, 2));
    }
}

/// Keeps its buffer between pictures.
#[derive(Debug, Default)]
pub(crate) struct BgrxConverter {
    smaller: Vec<u8>,
}

impl BgrxConverter {
    /// Writes `shown` into `picture`, divided by a whole number if it is larger than any picture may be.
    pub(crate) fn convert(&mut self, shown: &Bgrx<'_>, picture: &mut I420Frame) -> Result<(), Error> {
        let by = shown.width.max(shown.height).div_ceil(MAX_DIMENSION) as usize;
        if by < 2 {
            return fill(shown, picture);
        }
        let (width, height) = shown.shrink(by, &mut self.smaller);
        fill(&Bgrx { width, height, data: &self.smaller }, picture)
    }
}

fn fill(shown: &Bgrx<'_>, picture: &mut I420Frame) -> Result<(), Error> {
    picture.resize(shown.width, shown.height);
    let (range, matrix, mode) = (YuvRange::Limited, YuvStandardMatrix::Bt601, YuvConversionMode::Balanced);
    yuv::bgra_to_yuv420(&mut picture.planar_mut(), shown.data, shown.width * PIXEL as u32, range, matrix, mode)
        .map_err(|error| Error::with_detail(ErrorKind::ScreenFailed, error))
}

/// A PNG file of at most `side` pixels a side.
pub(crate) fn thumbnail(shown: &Bgrx<'_>, side: u32) -> Result<Vec<u8>, png::EncodingError> {
    let by = shown.width.max(shown.height).div_ceil(side).max(1) as usize;
    let mut small = Vec::new();
    let (width, height) = shown.shrink(by, &mut small);
    let rgb: Vec<u8> = small.chunks_exact(PIXEL).flat_map(|pixel| [pixel[2], pixel[1], pixel[0]]).collect();
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::Fast);
    encoder.write_header()?.write_image_data(&rgb)?;
    Ok(file)
}

/// Size and pixels (red, green, blue) of a thumbnail.
#[cfg(test)]
pub(crate) fn read_thumbnail(file: &[u8]) -> ((u32, u32), Vec<u8>) {
    let mut reader = png::Decoder::new(std::io::Cursor::new(file)).read_info().expect("a PNG");
    let mut pixels = vec![0; reader.output_buffer_size().expect("small")];
    let frame = reader.next_frame(&mut pixels).expect("a picture");
    ((frame.width, frame.height), pixels)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Left half blue, right half white.
    fn halves(width: u32, height: u32) -> Vec<u8> {
        let pixel = |i: u32| if i % width < width / 2 { [255, 0, 0, 0] } else { [255; 4] };
        (0..width * height).flat_map(pixel).collect()
    }

    #[test]
    fn colours_and_odd_sizes_survive() {
        for (width, height) in [(64, 48), (65, 49), (3, 3), (2, 1), (1, 1)] {
            let data = halves(width, height);
            let mut picture = I420Frame::new(2, 2);
            BgrxConverter::default().convert(&Bgrx { width, height, data: &data }, &mut picture).expect("converts");
            assert_eq!((picture.width(), picture.height()), (width, height));
            let [y, u, _] = picture.planes();
            assert!(y[width as usize - 1].abs_diff(235) <= 1, "white: {} at {width}x{height}", y[width as usize - 1]);
            if width > 3 {
                assert!(y[0].abs_diff(41) <= 1 && u[0].abs_diff(240) <= 1, "blue: {} {}", y[0], u[0]);
            }
        }
    }

    #[test]
    fn a_picture_that_is_too_large_is_divided() {
        let (width, height) = (MAX_DIMENSION + 2, 3);
        let data = halves(width, height);
        let mut picture = I420Frame::new(2, 2);
        BgrxConverter::default().convert(&Bgrx { width, height, data: &data }, &mut picture).expect("converts");
        assert_eq!((picture.width(), picture.height()), (width / 2, 1));
        assert!(picture.planes()[0][width as usize / 2 - 1] > 230);
    }

    #[test]
    fn a_thumbnail_is_a_small_png_of_the_same_shape_and_colours() {
        let data = halves(1920, 1080);
        let file = thumbnail(&Bgrx { width: 1920, height: 1080, data: &data }, 320).expect("a PNG");
        let (size, pixels) = read_thumbnail(&file);
        assert_eq!(size, (320, 180));
        assert_eq!((&pixels[..3], &pixels[319 * 3..320 * 3]), (&[0, 0, 255][..], &[255, 255, 255][..]));
    }
}

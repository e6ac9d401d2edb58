//! Conversion of camera formats to I420.

use thiserror::Error;
use yuv::{YuvConversionMode, YuvPackedImage, YuvRange, YuvStandardMatrix};
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use super::huffman;
use super::types::{RawFormat, RawPicture};
use crate::video::i420::{I420Frame, MAX_DIMENSION};

/// The marker behind the last byte of a JPEG.
const END_OF_IMAGE: [u8; 2] = [0xFF, 0xD9];

/// A picture that cannot be converted.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ConvertError {
    /// Fewer bytes than its size needs.
    #[error("{got} bytes where {needed} are needed")]
    Short {
        /// Bytes there are.
        got: usize,
        /// Bytes there should be.
        needed: usize,
    },
    /// Lines that are shorter than the picture is wide.
    #[error("lines of {stride} bytes where {least} are needed")]
    Stride {
        /// Bytes there are.
        stride: usize,
        /// Bytes there should be.
        least: usize,
    },
    /// No size, or one over [`MAX_DIMENSION`].
    #[error("size {0}x{1}")]
    Size(u32, u32),
    /// The driver flags the picture as damaged.
    #[error("the driver says so")]
    Flagged,
    /// The JPEG is damaged.
    #[error("JPEG: {0}")]
    Jpeg(String),
    /// The conversion refused the picture.
    #[error("conversion: {0}")]
    Conversion(String),
}

/// Keeps its buffers between pictures.
#[derive(Debug, Default)]
pub(crate) struct CameraConverter {
    jpeg: Vec<u8>,
}

impl CameraConverter {
    pub(crate) fn convert(&mut self, raw: &RawPicture, out: &mut I420Frame) -> Result<(), ConvertError> {
        let (width, height, stride) = (raw.width, raw.height, raw.stride as usize);
        if raw.damaged {
            return Err(ConvertError::Flagged);
        }
        if raw.format == RawFormat::Mjpeg {
            return self.jpeg(&raw.data, out);
        }
        check_size(width, height)?;
        out.resize(width, height);
        let (columns, rows) = (width as usize, height as usize);
        let chroma = out.chroma_size();
        let least = raw.format.line(width);
        if stride < least {
            return Err(ConvertError::Stride { stride, least });
        }
        let enough = |lines: usize| {
            let needed = stride * lines;
            raw.data.get(..needed).ok_or(ConvertError::Short { got: raw.data.len(), needed })
        };
        let refused = |error: yuv::YuvError| ConvertError::Conversion(error.to_string());
        match raw.format {
            RawFormat::Mjpeg => {}
            RawFormat::Gray => {
                let luma = enough(rows)?;
                let [y, u, v] = out.planes_mut();
                copy_lines(luma, stride, y, columns);
                u.fill(128);
                v.fill(128);
            }
            RawFormat::Yuyv => {
                let image = YuvPackedImage { yuy: enough(rows)?, yuy_stride: raw.stride, width, height };
                yuv::yuyv422_to_yuv420(&mut out.planar_mut(), &image).map_err(refused)?;
            }
            RawFormat::Nv12 => {
                let (y_plane, uv_plane) = enough(rows + chroma.1 as usize)?.split_at(stride * rows);
                let [y, u, v] = out.planes_mut();
                copy_lines(y_plane, stride, y, columns);
                let pairs = uv_plane.chunks_exact(stride).flat_map(|line| line[..least].chunks_exact(2));
                for ((pair, u), v) in pairs.zip(u).zip(v) {
                    (*u, *v) = (pair[0], pair[1]);
                }
            }
            RawFormat::Rgb | RawFormat::Bgr => {
                let data = enough(rows)?;
                let convert = if raw.format == RawFormat::Rgb { yuv::rgb_to_yuv420 } else { yuv::bgr_to_yuv420 };
                let mode = YuvConversionMode::Balanced;
                convert(&mut out.planar_mut(), data, raw.stride, YuvRange::Limited, YuvStandardMatrix::Bt601, mode)
                    .map_err(refused)?;
            }
        }
        Ok(())
    }

    /// Decodes to interleaved YCbCr of full range, then halves the colour and maps to limited range.
    fn jpeg(&mut self, data: &[u8], out: &mut I420Frame) -> Result<(), ConvertError> {
        let failed = |error: zune_jpeg::errors::DecodeErrors| ConvertError::Jpeg(error.to_string());
        // What is cut off would be decoded to grey. Behind the end there may be padding.
        if !data.windows(END_OF_IMAGE.len()).rev().any(|marker| marker == END_OF_IMAGE) {
            return Err(ConvertError::Jpeg("cut short".to_owned()));
        }
        let data = huffman::with_tables(data);
        let options = DecoderOptions::new_fast()
            .jpeg_set_out_colorspace(ColorSpace::YCbCr)
            .set_max_width(MAX_DIMENSION as usize)
            .set_max_height(MAX_DIMENSION as usize);
        let mut decoder = JpegDecoder::new_with_options(ZCursor::new(&*data), options);
        decoder.decode_headers().map_err(failed)?;
        let (width, height) = decoder.dimensions().ok_or_else(|| ConvertError::Jpeg("no size".to_owned()))?;
        check_size(width as u32, height as u32)?;
        let size = decoder.output_buffer_size().ok_or_else(|| ConvertError::Jpeg("no size".to_owned()))?;
        if decoder.output_colorspace() != Some(ColorSpace::YCbCr) || size != width * height * 3 {
            return Err(ConvertError::Jpeg(format!("colours {:?}", decoder.output_colorspace())));
        }
        self.jpeg.resize(size, 0);
        decoder.decode_into(&mut self.jpeg).map_err(failed)?;
        out.resize(width as u32, height as u32);
        pack(&self.jpeg, out);
        Ok(())
    }
}

/// Copies a plane whose lines have `stride` bytes into one whose lines have `width`.
fn copy_lines(from: &[u8], stride: usize, to: &mut [u8], width: usize) {
    for (from, to) in from.chunks_exact(stride).zip(to.chunks_exact_mut(width)) {
        to.copy_from_slice(&from[..width]);
    }
}

fn check_size(width: u32, height: u32) -> Result<(), ConvertError> {
    let good = 2..=MAX_DIMENSION;
    if good.contains(&width) && good.contains(&height) { Ok(()) } else { Err(ConvertError::Size(width, height)) }
}

/// Interleaved 4:4:4 of full range (JPEG) to planar 4:2:0 of limited range.
fn pack(source: &[u8], out: &mut I420Frame) {
    let (width, height) = (out.width() as usize, out.height() as usize);
    let chroma = out.chroma_size().0 as usize;
    let [y, u, v] = out.planes_mut();
    for (line, luma) in source.chunks_exact(width * 3).zip(y.chunks_exact_mut(width)) {
        for (pixel, luma) in line.chunks_exact(3).zip(luma) {
            // 219/255 in 1/256.
            *luma = ((u32::from(pixel[0]) * 220 + 128) / 256 + 16) as u8;
        }
    }
    for (row, (u, v)) in u.chunks_exact_mut(chroma).zip(v.chunks_exact_mut(chroma)).enumerate() {
        let top = &source[2 * row * width * 3..][..width * 3];
        let bottom = &source[(2 * row + 1).min(height - 1) * width * 3..][..width * 3];
        for column in 0..chroma {
            let (left, right) = (2 * column * 3, (2 * column + 1).min(width - 1) * 3);
            let mean = |channel: usize| {
                let sum = [top[left + channel], top[right + channel], bottom[left + channel], bottom[right + channel]]
                    .map(i32::from)
                    .iter()
                    .sum::<i32>();
                // 224/255 around the middle, in 1/1024 of the sum of four.
                (((sum - 512) * 225 + 512) / 1024 + 128).clamp(0, 255) as u8
            };
            (u[column], v[column]) = (mean(1), mean(2));
        }
    }
}

#[cfg(test)]
#[path = "convert_tests.rs"]
mod tests;

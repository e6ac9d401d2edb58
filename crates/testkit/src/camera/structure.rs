//! The structures of linux/videodev2.h as bytes, by the offsets that the compiler knows.

use std::mem::offset_of;
use v4l::v4l_sys::{v4l2_captureparm, v4l2_format, v4l2_fract, v4l2_pix_format, v4l2_streamparm};

/// Where `struct v4l2_format` has the parts of a picture.
pub(super) mod picture {
    use super::{offset_of, v4l2_format, v4l2_pix_format};

    const START: usize = offset_of!(v4l2_format, fmt);
    pub(crate) const WIDTH: usize = START + offset_of!(v4l2_pix_format, width);
    pub(crate) const HEIGHT: usize = START + offset_of!(v4l2_pix_format, height);
    pub(crate) const FOURCC: usize = START + offset_of!(v4l2_pix_format, pixelformat);
    pub(crate) const FIELD: usize = START + offset_of!(v4l2_pix_format, field);
    pub(crate) const STRIDE: usize = START + offset_of!(v4l2_pix_format, bytesperline);
    pub(crate) const SIZE: usize = START + offset_of!(v4l2_pix_format, sizeimage);
}

/// Where `struct v4l2_streamparm` has the rate.
pub(super) mod rate {
    use super::{offset_of, v4l2_captureparm, v4l2_fract, v4l2_streamparm};

    const START: usize = offset_of!(v4l2_streamparm, parm);
    const FRACTION: usize = START + offset_of!(v4l2_captureparm, timeperframe);
    pub(crate) const CAPABILITY: usize = START + offset_of!(v4l2_captureparm, capability);
    pub(crate) const NUMERATOR: usize = FRACTION + offset_of!(v4l2_fract, numerator);
    pub(crate) const DENOMINATOR: usize = FRACTION + offset_of!(v4l2_fract, denominator);
}

/// A structure that a program hands over.
pub(super) struct Structure<'a>(pub(super) &'a mut [u8]);

impl Structure<'_> {
    /// The number at `offset`.
    pub(super) fn get(&self, offset: usize) -> u32 {
        self.0[offset..].first_chunk().map_or(0, |bytes| u32::from_ne_bytes(*bytes))
    }

    /// Writes a number at `offset`.
    pub(super) fn set(&mut self, offset: usize, value: u32) {
        self.0[offset..][..4].copy_from_slice(&value.to_ne_bytes());
    }

    /// Writes a time as `struct timeval`, whose parts have the size of a pointer.
    pub(super) fn set_time(&mut self, offset: usize, seconds: i64, micros: i64) {
        self.0[offset..][..8].copy_from_slice(&seconds.to_ne_bytes());
        self.0[offset + 8..][..8].copy_from_slice(&micros.to_ne_bytes());
    }

    /// Writes a text at `offset` and a zero behind it.
    pub(super) fn set_text(&mut self, offset: usize, text: &str) {
        self.0[offset..][..text.len()].copy_from_slice(text.as_bytes());
        self.0[offset + text.len()] = 0;
    }
}

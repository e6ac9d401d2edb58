//! Pictures as cameras deliver them, and the trait of an open camera.

use crate::error::Error;

/// Formats cameras deliver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RawFormat {
    /// One JPEG per picture.
    Mjpeg,
    /// Packed 4:2:2, Y0 U Y1 V.
    Yuyv,
    /// Y plane, then interleaved U and V at half size.
    Nv12,
    /// Y only.
    Gray,
    /// R, G, B bytes.
    Rgb,
    /// B, G, R bytes.
    Bgr,
}

impl RawFormat {
    /// Bytes of a line of this width without padding; 0 if the format has no lines. The planes of NV12 have lines of the
    /// same length.
    pub(super) fn line(self, width: u32) -> usize {
        let width = width as usize;
        let even = width.next_multiple_of(2);
        match self {
            Self::Mjpeg => 0,
            Self::Yuyv => even * 2,
            Self::Nv12 => even,
            Self::Gray => width,
            Self::Rgb | Self::Bgr => width * 3,
        }
    }
}

/// A picture as a camera delivers it.
#[derive(Debug)]
pub(crate) struct RawPicture {
    pub(crate) data: bytes::Bytes,
    pub(crate) format: RawFormat,
    pub(crate) width: u32,
    pub(crate) height: u32,
    /// Bytes from one line to the next; 0 where there are no lines.
    pub(crate) stride: u32,
    /// The driver flags it as damaged.
    pub(crate) damaged: bool,
}

/// An open camera; dropping it releases the device.
pub(crate) trait CameraStream {
    /// Waits for the next picture. An error is final: the camera is gone.
    fn next(&mut self) -> Result<RawPicture, Error>;
}

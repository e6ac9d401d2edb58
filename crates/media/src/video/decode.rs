//! VP8 decoding in the backend, for recordings that must be checked, for tests, and for webviews without a decoder.

use confab_wire::{
    limits,
    media::{Codec, EncodedFrame},
};
use thiserror::Error;

use crate::video::i420::{I420Frame, MAX_DIMENSION};
use crate::video::vpx::{VpxDecoder, VpxError};

/// Why a frame was not decoded.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DecodeError {
    /// Not a VP8 frame.
    #[error("codec {0:?} is not decoded here")]
    Codec(Codec),
    /// There was no key frame yet, or the last one failed: ask for one.
    #[error("a key frame is needed first")]
    KeyFrameNeeded,
    /// A frame over [`limits::VIDEO_FRAME_BYTES`] or a picture over [`MAX_DIMENSION`] pixels.
    #[error("frame is too large: {0}")]
    TooLarge(String),
    /// Not a VP8 bitstream, or a damaged one. Ask for a key frame.
    #[error(transparent)]
    Damaged(#[from] VpxError),
}

/// Width and height in the header of a VP8 key frame (RFC 6386 section 9.1), `None` for anything else.
pub fn vp8_key_frame_size(data: &[u8]) -> Option<(u16, u16)> {
    let header: &[u8; 10] = data.first_chunk()?;
    if header[0] & 1 != 0 || header[3..6] != [0x9d, 0x01, 0x2a] {
        return None;
    }
    // The two upper bits of each are the scaling hint.
    let size = |low: u8, high: u8| u16::from_le_bytes([low, high]) & 0x3fff;
    Some((size(header[6], header[7]), size(header[8], header[9])))
}

/// A VP8 decoder for one stream.
#[derive(Debug, Default)]
pub struct Vp8Decoder {
    // Opened by a key frame, closed by an error: a decoder is never fed after a gap.
    decoder: Option<VpxDecoder>,
}

impl Vp8Decoder {
    /// A decoder that waits for its first key frame.
    pub fn new() -> Self {
        Self::default()
    }

    /// Decodes the next frame of the stream. `Ok(None)` is a frame that is not shown. After any error but
    /// [`DecodeError::Codec`] and [`DecodeError::TooLarge`] the decoder waits for a key frame.
    pub fn decode(&mut self, frame: &EncodedFrame) -> Result<Option<I420Frame>, DecodeError> {
        if frame.codec != Codec::Vp8 {
            return Err(DecodeError::Codec(frame.codec));
        }
        if frame.data.len() > limits::VIDEO_FRAME_BYTES {
            return Err(DecodeError::TooLarge(format!("{} bytes", frame.data.len())));
        }
        let mut decoder = match vp8_key_frame_size(&frame.data) {
            Some((0, _) | (_, 0)) => return Err(DecodeError::KeyFrameNeeded),
            Some((width, height)) if u32::from(width.max(height)) > MAX_DIMENSION => {
                return Err(DecodeError::TooLarge(format!("{width}x{height} pixels")));
            }
            Some(_) => match self.decoder.take() {
                Some(decoder) => decoder,
                None => VpxDecoder::new()?,
            },
            None => self.decoder.take().ok_or(DecodeError::KeyFrameNeeded)?,
        };
        let picture = decoder.decode(&frame.data)?;
        self.decoder = Some(decoder);
        Ok(picture)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use confab_wire::layers::FrameLayer;

    fn frame(data: &[u8]) -> EncodedFrame {
        EncodedFrame {
            data: Bytes::copy_from_slice(data),
            codec: Codec::Vp8,
            key: true,
            timestamp: 0,
            width: 0,
            height: 0,
            layer: FrameLayer::default(),
        }
    }

    #[test]
    fn a_delta_frame_first_asks_for_a_key_frame() {
        assert_eq!(Vp8Decoder::new().decode(&frame(&[1, 2, 3, 4])), Err(DecodeError::KeyFrameNeeded));
        assert_eq!(Vp8Decoder::new().decode(&frame(&[])), Err(DecodeError::KeyFrameNeeded));
    }

    #[test]
    fn a_hostile_size_is_refused_before_anything_is_allocated() {
        let header = [0x10, 0, 0, 0x9d, 0x01, 0x2a, 0xff, 0x3f, 0xff, 0x3f, 0, 0];
        assert_eq!(vp8_key_frame_size(&header), Some((16383, 16383)));
        assert!(matches!(Vp8Decoder::new().decode(&frame(&header)), Err(DecodeError::TooLarge(_))));
    }

    #[test]
    fn rubbish_is_an_error_not_a_crash() {
        let mut state = 7u32;
        for length in 0..300 {
            let mut data = vec![0x10, 2, 0, 0x9d, 0x01, 0x2a, 64, 0, 48, 0];
            data.extend((0..length).map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 24) as u8
            }));
            let mut decoder = Vp8Decoder::new();
            let _ = decoder.decode(&frame(&data));
            let _ = decoder.decode(&frame(&data[3..]));
        }
    }
}

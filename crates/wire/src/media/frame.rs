//! An encoded video frame.

use super::codec::Codec;
use crate::layers::FrameLayer;
use bytes::Bytes;

/// One encoded video frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncodedFrame {
    /// The bitstream of the frame, as the codec defines it (no RTP payload descriptor); of H.264 one access unit as a byte
    /// stream (ITU-T H.264 annex B).
    pub data: Bytes,
    /// Codec of `data`.
    pub codec: Codec,
    /// True if it can be decoded without any other frame.
    pub key: bool,
    /// RTP timestamp in units of 1/90000 s, wrapping.
    pub timestamp: u32,
    /// Width in pixels; 0 if not known (a received delta frame before any key frame).
    pub width: u16,
    /// Height in pixels; 0 if not known.
    pub height: u16,
    /// The layer that it belongs to. A received frame has the default: what a peer sends is one layer for who receives it.
    pub layer: FrameLayer,
}

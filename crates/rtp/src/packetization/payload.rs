//! What the depacketizers of all codecs return.

use bytes::Bytes;

/// An RTP payload of video, parsed: the part of a frame that it carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParsedPayload {
    /// True if a frame begins with this payload.
    pub frame_start: bool,
    /// The part of the frame, without the codec's payload descriptor.
    pub data: Bytes,
}

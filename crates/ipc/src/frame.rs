//! The media socket: encoded pictures from the backend to the webview over a loopback WebSocket.
//!
//! A binary message is a header of [`HEADER_BYTES`] bytes, little endian, and the bitstream of one frame:
//!
//! | offset | type | field |
//! |---|---|---|
//! | 0 | u8 | version, [`VERSION`] |
//! | 1 | u8 | flags: bit 0 key frame |
//! | 2 | u8 | codec: 0 VP8, 1 VP9, 2 H.264 |
//! | 3 | u8 | reserved, 0 |
//! | 4 | u32 | track handle, as in `TrackView.handle`; [`SELF_TRACK`] is the own preview |
//! | 8 | u32 | RTP timestamp, 1/90000 s |
//! | 12 | u16 | width in pixels, 0 if not known |
//! | 14 | u16 | height in pixels, 0 if not known |
//!
//! The webview answers with text messages: [`MediaRequest`].

use bytes::{BufMut, Bytes, BytesMut};
use confab_wire::media::{Codec, EncodedFrame};
use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// Version of the header.
pub const VERSION: u8 = 1;
/// Length of the header in bytes.
pub const HEADER_BYTES: usize = 16;
/// Handle of the own preview.
pub const SELF_TRACK: u32 = 0;

/// Writes one frame of track `handle` as a binary message.
pub fn encode(handle: u32, frame: &EncodedFrame) -> Bytes {
    let mut out = BytesMut::with_capacity(HEADER_BYTES + frame.data.len());
    out.put_u8(VERSION);
    out.put_u8(u8::from(frame.key));
    out.put_u8(match frame.codec {
        Codec::Vp9 => 1,
        Codec::H264 => 2,
        Codec::Vp8 | Codec::Opus => 0,
    });
    out.put_u8(0);
    out.put_u32_le(handle);
    out.put_u32_le(frame.timestamp);
    out.put_u16_le(frame.width);
    out.put_u16_le(frame.height);
    out.put_slice(&frame.data);
    out.freeze()
}

/// What the webview asks of the backend over the media socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum MediaRequest {
    /// The decoder of `handle` needs a key frame.
    KeyFrame {
        /// Track handle.
        handle: u32,
    },
    /// The window draws `handle` at this size from now on, in physical pixels; 0 by 0: not at all.
    RenderedSize {
        /// Track handle.
        handle: u32,
        /// Width of the whole picture, also where it is cropped.
        width: u16,
        /// Its height.
        height: u16,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_is_as_documented() {
        let frame = EncodedFrame {
            data: Bytes::from_static(b"xyz"),
            codec: Codec::Vp9,
            key: true,
            timestamp: 0x0102_0304,
            width: 640,
            height: 360,
            layer: confab_wire::layers::FrameLayer::default(),
        };
        let message = encode(7, &frame);
        assert_eq!(message[..], *b"\x01\x01\x01\x00\x07\x00\x00\x00\x04\x03\x02\x01\x80\x02\x68\x01xyz");
        assert_eq!(
            serde_json::from_str::<MediaRequest>(r#"{"type":"key-frame","handle":7}"#).ok(),
            Some(MediaRequest::KeyFrame { handle: 7 })
        );
        assert_eq!(
            serde_json::from_str::<MediaRequest>(r#"{"type":"rendered-size","handle":7,"width":320,"height":180}"#)
                .ok(),
            Some(MediaRequest::RenderedSize { handle: 7, width: 320, height: 180 })
        );
    }
}

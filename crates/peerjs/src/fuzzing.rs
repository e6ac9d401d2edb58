//! What the fuzz targets try. Not part of the API.

use crate::data::Data;
use crate::serialization::Serialization;
use crate::serialization::binary_pack;
use crate::serialization::codec::{Decoder, Encoder, Frame, Incoming};
use bytes::Bytes;

/// BinaryPack: reads any bytes; what was read is written and read again as the same.
pub fn binary_pack(bytes: &[u8]) {
    let Ok(data) = binary_pack::decode(Bytes::copy_from_slice(bytes)) else { return };
    let mut written = Vec::new();
    if binary_pack::encode(&data, &mut written).is_ok() {
        // By their text, since NaN is not equal to itself.
        let text = |data: &Data| format!("{data:?}");
        assert_eq!(binary_pack::decode(written.into()).as_ref().map(text), Ok(text(&data)));
    }
}

/// Frames of the serialization `binary`, each with its length before it: chunks in any order and number.
pub fn chunks(bytes: &[u8]) {
    frames(Serialization::Binary, bytes);
}

/// Frames of the serialization `MsgPack`, each with its length before it.
pub fn message_pack(bytes: &[u8]) {
    frames(Serialization::MsgPack, bytes);
}

fn frames(serialization: Serialization, mut bytes: &[u8]) {
    let (mut decoder, mut encoder) = (Decoder::new(serialization), Encoder::new(serialization));
    while let Some((length, rest)) = bytes.split_first() {
        let (frame, rest) = rest.split_at(usize::from(*length).min(rest.len()));
        bytes = rest;
        for incoming in decoder.decode(Frame::Bytes(Bytes::copy_from_slice(frame))) {
            if let Ok(Incoming::Data(data)) = incoming {
                encoder.encode(&data).ok();
            }
        }
    }
}

/// A message of a PeerServer.
pub fn message(text: &str) {
    crate::message::parse(text);
}

//! The two directions of a data connection: values to frames, frames to values.

use super::bounds::MESSAGE_BYTES;
use super::chunks::{self, Assembler, CHUNK_BYTES, MARK};
use super::error::{DecodeError, EncodeError};
use super::kind::Serialization;
use super::message_pack::{self, Stream};
use super::{binary_pack, bounds};
use crate::data::Data;
use bytes::Bytes;

/// Largest frame of `raw`: what a data channel carries.
const RAW_BYTES: usize = 256 * 1024;

/// A frame of a data channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Frame {
    /// A binary one.
    Bytes(Bytes),
    /// A text one.
    Text(String),
}

/// What a frame said.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Incoming {
    /// A value.
    Data(Data),
    /// The remote asks this side to close the connection.
    Close,
}

/// Values to frames.
#[derive(Debug)]
pub(crate) struct Encoder {
    serialization: Serialization,
    /// Id of the last message in chunks. The next one is never 0, which says that something is no chunk.
    chunked: u64,
}

impl Encoder {
    pub(crate) fn new(serialization: Serialization) -> Self {
        Self { serialization, chunked: 0 }
    }

    /// The frames of a value, in order.
    pub(crate) fn encode(&mut self, data: &Data) -> Result<Vec<Frame>, EncodeError> {
        if self.serialization != Serialization::Raw {
            if data.is_null() {
                return Err(EncodeError::BareNull);
            }
            if is_taken(data, self.serialization) {
                return Err(EncodeError::Reserved);
            }
        }
        self.frames(data)
    }

    /// The frames that ask the remote to close the connection. `raw` has none.
    pub(crate) fn close(&mut self) -> Option<Vec<Frame>> {
        if self.serialization == Serialization::Raw {
            return None;
        }
        self.frames(&Data::object([(MARK, Data::object([("type", Data::from("close"))]))])).ok()
    }

    fn frames(&mut self, data: &Data) -> Result<Vec<Frame>, EncodeError> {
        let bytes = |frames: Vec<Bytes>| frames.into_iter().map(Frame::Bytes).collect();
        match self.serialization {
            Serialization::Binary => {
                let mut packed = Vec::new();
                binary_pack::encode(data, &mut packed)?;
                within(packed.len(), MESSAGE_BYTES)?;
                if packed.len() > CHUNK_BYTES {
                    self.chunked += 1;
                }
                Ok(bytes(chunks::frames(packed, self.chunked)))
            }
            Serialization::Json => {
                check_depth(data, bounds::DEPTH)?;
                let text = serde_json::to_vec(data).map_err(|_| EncodeError::Unsupported)?;
                // npm's receiver takes more, and its sender sends no more.
                within(text.len(), CHUNK_BYTES - 1)?;
                Ok(vec![Frame::Bytes(text.into())])
            }
            Serialization::Raw => {
                let frame = match data {
                    Data::Bytes(data) => Frame::Bytes(data.clone()),
                    Data::String(text) => Frame::Text(text.clone()),
                    other => {
                        check_depth(other, bounds::DEPTH)?;
                        Frame::Text(other.to_js_string())
                    }
                };
                within(frame.len(), RAW_BYTES)?;
                Ok(vec![frame])
            }
            Serialization::MsgPack => {
                let packed = message_pack::encode(data)?;
                within(packed.len(), MESSAGE_BYTES)?;
                Ok(bytes(message_pack::frames(packed)))
            }
        }
    }
}

impl Frame {
    /// Bytes on the wire.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Bytes(bytes) => bytes.len(),
            Self::Text(text) => text.len(),
        }
    }
}

fn within(length: usize, bound: usize) -> Result<(), EncodeError> {
    if length > bound { Err(EncodeError::TooBig(length)) } else { Ok(()) }
}

fn check_depth(data: &Data, depth: usize) -> Result<(), EncodeError> {
    let inner = || depth.checked_sub(1).ok_or(EncodeError::TooDeep);
    match data {
        Data::Array(elements) => {
            let depth = inner()?;
            elements.iter().try_for_each(|element| check_depth(element, depth))
        }
        Data::Object(properties) => {
            let depth = inner()?;
            properties.iter().try_for_each(|(_, property)| check_depth(property, depth))
        }
        _ => Ok(()),
    }
}

/// True for an object that the receiver does not take for data.
fn is_taken(data: &Data, serialization: Serialization) -> bool {
    match data.get(MARK) {
        None | Some(Data::Null | Data::Bool(false) | Data::Integer(0)) => false,
        Some(Data::String(text)) if text.is_empty() => false,
        Some(mark) => serialization == Serialization::Binary || is_close(mark),
    }
}

fn is_close(mark: &Data) -> bool {
    mark.get("type").and_then(Data::as_str) == Some("close")
}

/// Frames to values.
#[derive(Debug)]
pub(crate) enum Decoder {
    Binary(Box<Assembler>),
    Json,
    Raw,
    MsgPack(Box<Stream>),
}

impl Decoder {
    pub(crate) fn new(serialization: Serialization) -> Self {
        match serialization {
            Serialization::Binary => Self::Binary(Box::default()),
            Serialization::Json => Self::Json,
            Serialization::Raw => Self::Raw,
            Serialization::MsgPack => Self::MsgPack(Box::default()),
        }
    }

    /// True if a message that can't be read takes the bounds of all others with it.
    pub(crate) fn is_stream(&self) -> bool {
        matches!(self, Self::MsgPack(_))
    }

    /// What a frame says: nothing yet, or one value, or, as a stream, more. Each may be an error.
    pub(crate) fn decode(&mut self, frame: Frame) -> Vec<Result<Incoming, DecodeError>> {
        match self {
            Self::Binary(assembler) => {
                // As npm's client has it, a text frame has no bytes of a value; here it is an error.
                let Frame::Bytes(frame) = frame else { return vec![Err(DecodeError::Malformed)] };
                binary(frame, assembler).transpose().into_iter().collect()
            }
            Self::Json => {
                let parsed = match &frame {
                    Frame::Bytes(bytes) => serde_json::from_slice(bytes),
                    Frame::Text(text) => serde_json::from_str(text),
                };
                vec![parsed.map(incoming).map_err(|_| DecodeError::Malformed)]
            }
            Self::Raw => vec![Ok(Incoming::Data(match frame {
                Frame::Bytes(bytes) => Data::Bytes(bytes),
                Frame::Text(text) => Data::String(text),
            }))],
            Self::MsgPack(stream) => {
                let Frame::Bytes(frame) = frame else { return vec![Err(DecodeError::Malformed)] };
                stream.push(&frame);
                std::iter::from_fn(|| stream.next()).map(|read| read.map(incoming)).collect()
            }
        }
    }
}

fn incoming(data: Data) -> Incoming {
    if data.get(MARK).is_some_and(is_close) { Incoming::Close } else { Incoming::Data(data) }
}

fn binary(frame: Bytes, assembler: &mut Assembler) -> Result<Option<Incoming>, DecodeError> {
    let data = binary_pack::decode(frame)?;
    match data.get(MARK) {
        Some(mark) if is_close(mark) => return Ok(Some(Incoming::Close)),
        Some(_) if is_taken(&data, Serialization::Binary) => {}
        _ => return Ok(Some(Incoming::Data(data))),
    }
    match assembler.take(&data)? {
        // Only once: a chunk inside of chunks is data.
        Some(packed) => Ok(Some(Incoming::Data(binary_pack::decode(packed)?))),
        None => Ok(None),
    }
}

#[cfg(test)]
#[path = "codec_tests.rs"]
mod tests;

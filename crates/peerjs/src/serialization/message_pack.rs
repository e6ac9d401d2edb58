//! The serialization `MsgPack`: a stream of MessagePack values, one after the other without framing, cut into frames.

use super::bounds::{DEPTH, ITEMS, MESSAGE_BYTES};
use super::date;
use super::error::{DecodeError, EncodeError};
use crate::data::Data;
use bytes::{Buf, Bytes, BytesMut};
use rmpv::Value;

/// Bytes of a frame.
const FRAME_BYTES: usize = 32_768;
/// What rmpv is told: it counts two for each array or object, and up to four for what is in the innermost one.
const READER_DEPTH: usize = 2 * DEPTH + 4;
/// Type of a moment (MessagePack specification, "timestamp extension type").
const TIMESTAMP: i8 = -1;

/// The bytes of a value.
pub(super) fn encode(data: &Data) -> Result<Vec<u8>, EncodeError> {
    let mut out = Vec::new();
    // Writing to memory does not fail.
    rmpv::encode::write_value(&mut out, &value(data, DEPTH)?).map_err(|_| EncodeError::Unsupported)?;
    Ok(out)
}

/// The frames of a value.
pub(super) fn frames(packed: Vec<u8>) -> Vec<Bytes> {
    let mut rest = Bytes::from(packed);
    let mut frames = Vec::with_capacity(rest.len().div_ceil(FRAME_BYTES));
    while !rest.is_empty() {
        frames.push(rest.split_to(rest.len().min(FRAME_BYTES)));
    }
    frames
}

fn value(data: &Data, depth: usize) -> Result<Value, EncodeError> {
    let inner = || depth.checked_sub(1).ok_or(EncodeError::TooDeep);
    Ok(match data {
        Data::Null => Value::Nil,
        Data::Bool(value) => Value::Boolean(*value),
        Data::Integer(number) => Value::from(*number),
        Data::Unsigned(number) => Value::from(*number),
        Data::Float(number) => match Data::number(*number) {
            Data::Integer(number) => Value::from(number),
            Data::Unsigned(number) => Value::from(number),
            _ => Value::F64(*number),
        },
        Data::String(text) => Value::from(text.as_str()),
        Data::Bytes(bytes) => Value::Binary(bytes.to_vec()),
        Data::Array(elements) => {
            let depth = inner()?;
            Value::Array(elements.iter().map(|element| value(element, depth)).collect::<Result<_, _>>()?)
        }
        Data::Object(properties) => {
            let depth = inner()?;
            let pair = |(key, property): &(String, Data)| Ok((Value::from(key.as_str()), value(property, depth)?));
            Value::Map(properties.iter().map(pair).collect::<Result<_, _>>()?)
        }
    })
}

/// Reads a stream. After an error the bounds of values are lost, and nothing is read any more.
#[derive(Debug, Default)]
pub(crate) struct Stream {
    buffer: BytesMut,
    scan: Scan,
    broken: bool,
}

impl Stream {
    /// Takes a frame. Call [`Self::next`] until it gives nothing.
    pub(super) fn push(&mut self, frame: &[u8]) {
        if !self.broken {
            self.buffer.extend_from_slice(frame);
        }
    }

    /// The next value that is whole.
    pub(super) fn next(&mut self) -> Option<Result<Data, DecodeError>> {
        if self.broken {
            return None;
        }
        let read = match self.scan.find_end(&self.buffer) {
            Ok(None) => return None,
            Ok(Some(end)) => {
                self.scan = Scan::default();
                let bytes = self.buffer.split_to(end).freeze();
                rmpv::decode::read_value_with_max_depth(&mut bytes.reader(), READER_DEPTH)
                    .map_err(|error| match error {
                        rmpv::decode::Error::DepthLimitExceeded => DecodeError::TooDeep,
                        _ => DecodeError::Malformed,
                    })
                    .and_then(|value| data(value, DEPTH))
            }
            Err(error) => Err(error),
        };
        if read.is_err() {
            self.broken = true;
            self.buffer = BytesMut::new();
        }
        Some(read)
    }
}

/// Finds the end of a value without reading it: what comes in a thousand frames is looked at once.
#[derive(Debug)]
struct Scan {
    /// Bytes that were looked at.
    at: usize,
    /// Values that are still to come.
    open: usize,
    items: usize,
}

impl Default for Scan {
    fn default() -> Self {
        Self { at: 0, open: 1, items: 0 }
    }
}

impl Scan {
    /// How many bytes the value has; `None` if they are not all there.
    fn find_end(&mut self, buffer: &[u8]) -> Result<Option<usize>, DecodeError> {
        while self.open > 0 {
            let Some((header, payload, children)) = look(&buffer[self.at..])? else { return Ok(None) };
            let length = header.saturating_add(payload);
            if length.saturating_add(self.at) > MESSAGE_BYTES {
                return Err(DecodeError::TooBig);
            }
            if buffer.len() - self.at < length {
                return Ok(None);
            }
            self.items += 1;
            self.open = self.open - 1 + children;
            if self.items.saturating_add(self.open) > ITEMS {
                return Err(DecodeError::TooManyItems);
            }
            self.at += length;
        }
        Ok(Some(self.at))
    }
}

/// Of the value that begins here: bytes of its type and length, bytes of its payload, and values inside. `None` if its
/// length is not there yet.
fn look(bytes: &[u8]) -> Result<Option<(usize, usize, usize)>, DecodeError> {
    let Some(&kind) = bytes.first() else { return Ok(None) };
    let length = |size: usize| {
        let bytes = bytes.get(1..1 + size)?;
        Some(bytes.iter().fold(0usize, |length, byte| length << 8 | usize::from(*byte)))
    };
    let with_length = |size: usize, extra: usize| length(size).map(|length| (1 + size + extra, length, 0));
    let low = usize::from(kind & 0x0f);
    Ok(match kind {
        0x00..=0x7f | 0xe0..=0xff | 0xc0 | 0xc2 | 0xc3 => Some((1, 0, 0)),
        0x80..=0x8f => Some((1, 0, 2 * low)),
        0x90..=0x9f => Some((1, 0, low)),
        0xa0..=0xbf => Some((1, usize::from(kind & 0x1f), 0)),
        0xc1 => return Err(DecodeError::Malformed),
        0xc4 | 0xd9 => with_length(1, 0),
        0xc5 | 0xda => with_length(2, 0),
        0xc6 | 0xdb => with_length(4, 0),
        0xc7 => with_length(1, 1),
        0xc8 => with_length(2, 1),
        0xc9 => with_length(4, 1),
        0xcc | 0xd0 => Some((1, 1, 0)),
        0xcd | 0xd1 => Some((1, 2, 0)),
        0xca | 0xce | 0xd2 => Some((1, 4, 0)),
        0xcb | 0xcf | 0xd3 => Some((1, 8, 0)),
        0xd4..=0xd8 => Some((2, 1 << (kind - 0xd4), 0)),
        0xdc => length(2).map(|count| (3, 0, count)),
        0xdd => length(4).map(|count| (5, 0, count)),
        0xde => length(2).map(|count| (3, 0, count.saturating_mul(2))),
        0xdf => length(4).map(|count| (5, 0, count.saturating_mul(2))),
    })
}

fn data(value: Value, depth: usize) -> Result<Data, DecodeError> {
    let inner = || depth.checked_sub(1).ok_or(DecodeError::TooDeep);
    Ok(match value {
        Value::Nil => Data::Null,
        Value::Boolean(value) => Data::Bool(value),
        Value::Integer(number) => match (number.as_i64(), number.as_u64()) {
            (Some(number), _) => Data::Integer(number),
            (None, number) => Data::Unsigned(number.unwrap_or(u64::MAX)),
        },
        Value::F32(number) => Data::number(number.into()),
        Value::F64(number) => Data::number(number),
        Value::String(text) => Data::String(String::from_utf8_lossy(text.as_bytes()).into_owned()),
        Value::Binary(bytes) => Data::Bytes(bytes.into()),
        Value::Array(elements) => {
            let depth = inner()?;
            Data::Array(elements.into_iter().map(|element| data(element, depth)).collect::<Result<_, _>>()?)
        }
        Value::Map(properties) => {
            let depth = inner()?;
            let property = |(name, property)| Ok((name_of(data(name, depth)?), data(property, depth)?));
            Data::Object(properties.into_iter().map(property).collect::<Result<_, _>>()?)
        }
        Value::Ext(kind, bytes) => match moment(kind, &bytes) {
            Some(moment) => Data::String(moment),
            None => Data::Bytes(bytes.into()),
        },
    })
}

/// A property of JavaScript has a string for its name.
fn name_of(name: Data) -> String {
    match name {
        Data::String(name) => name,
        other => other.to_js_string(),
    }
}

/// A `Date`, as text.
fn moment(kind: i8, bytes: &[u8]) -> Option<String> {
    if kind != TIMESTAMP {
        return None;
    }
    let mut rest = bytes;
    let (seconds, nanos) = match bytes.len() {
        4 => (rest.get_u32().into(), 0),
        8 => {
            let both = rest.get_u64();
            // 34 bits of seconds, above them 30 of nanoseconds.
            ((both & 0x3_ffff_ffff) as i64, (both >> 34) as u32)
        }
        12 => {
            let nanos = rest.get_u32();
            (rest.get_i64(), nanos)
        }
        _ => return None,
    };
    Some(date::iso(seconds, nanos))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8], piece: usize) -> Vec<Result<Data, DecodeError>> {
        let mut stream = Stream::default();
        let mut values = Vec::new();
        for frame in bytes.chunks(piece) {
            stream.push(frame);
            values.extend(std::iter::from_fn(|| stream.next()));
        }
        values
    }

    fn sample() -> Data {
        let numbers = [Data::Integer(-1), Data::Integer(5_000_000_000), Data::Unsigned(u64::MAX), Data::Float(0.5)];
        let nested = Data::Array(numbers.into_iter().chain([Data::Null, Data::Bool(true)]).collect());
        Data::object([("é", Data::from("x".repeat(300))), ("b", Data::from(vec![9u8; 70_000])), ("n", nested)])
    }

    #[test]
    fn values_follow_one_another_across_frames() {
        let mut bytes = encode(&sample()).unwrap();
        bytes.extend(encode(&Data::Integer(7)).unwrap());
        for piece in [1, 7, 1000, FRAME_BYTES, bytes.len()] {
            assert_eq!(read(&bytes, piece), [Ok(sample()), Ok(Data::Integer(7))]);
        }
        let frames = frames(bytes.clone());
        assert_eq!((frames.len(), frames[0].len()), (bytes.len().div_ceil(FRAME_BYTES), FRAME_BYTES));
    }

    #[test]
    fn bytes_are_those_of_the_standard() {
        let encoded = |data: Data| encode(&data).unwrap();
        assert_eq!(encoded(Data::from(vec![1u8, 2])), [0xc4, 2, 1, 2]);
        assert_eq!(encoded(Data::Integer(4_294_967_296)), [0xcf, 0, 0, 0, 1, 0, 0, 0, 0]);
        assert_eq!(encoded(Data::Float(3.0)), [3]);
        assert_eq!(encoded(Data::from("é")), [0xa2, 0xc3, 0xa9]);
    }

    #[test]
    fn a_date_is_text_and_other_extensions_are_bytes() {
        let date = [0xd7, 0xff, 0, 0, 0, 0, 0, 1, 0x51, 0x80];
        assert_eq!(read(&date, 3), [Ok(Data::from("1970-01-02T00:00:00.000Z"))]);
        assert_eq!(
            read(&[0xd4, 5, 9, 0x81, 7, 1], 2),
            [Ok(Data::from(vec![9u8])), Ok(Data::object([("7", Data::Integer(1))]))]
        );
    }

    #[test]
    fn what_claims_too_much_is_refused_before_it_comes() {
        assert_eq!(read(&[0xdd, 0xff, 0xff, 0xff, 0xff, 1, 1], 7), [Err(DecodeError::TooManyItems)]);
        assert_eq!(read(&[0xc6, 0xff, 0xff, 0xff, 0xff, 1, 1], 7), [Err(DecodeError::TooBig)]);
        assert_eq!(read(&[0xc1, 1, 1], 7), [Err(DecodeError::Malformed)], "nothing is read any more");
        let deep = |depth| {
            let mut bytes = vec![0x91; depth];
            bytes.push(1);
            read(&bytes, 4096)
        };
        assert!(deep(DEPTH)[0].is_ok());
        assert_eq!(deep(DEPTH + 1), [Err(DecodeError::TooDeep)]);
        assert_eq!(deep(ITEMS / 2), [Err(DecodeError::TooDeep)]);
    }

    #[test]
    fn no_bytes_make_it_panic() {
        let mut state = 11u64;
        for _ in 0..100_000 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            read(&state.to_be_bytes(), 3);
        }
    }
}

//! BinaryPack to values. The bytes are a remote's: no length is believed before it is compared with what is there.

use crate::data::Data;
use crate::serialization::bounds::{DEPTH, ITEMS};
use crate::serialization::error::DecodeError;
use bytes::{Buf, Bytes};

/// Reads one value. What follows it is ignored, as npm's decoder does; nothing at all is the number 0. Bytes inside share
/// the memory of `message`.
pub(crate) fn decode(message: Bytes) -> Result<Data, DecodeError> {
    if message.is_empty() {
        return Ok(Data::Integer(0));
    }
    Reader { rest: message, items: ITEMS }.value(DEPTH)
}

struct Reader {
    rest: Bytes,
    /// How many more values there may be.
    items: usize,
}

impl Reader {
    fn value(&mut self, depth: usize) -> Result<Data, DecodeError> {
        self.items = self.items.checked_sub(1).ok_or(DecodeError::TooManyItems)?;
        let kind = self.number(Bytes::try_get_u8)?;
        Ok(match kind {
            0x00..=0x7f => Data::Integer(kind.into()),
            0xe0..=0xff => Data::Integer((kind as i8).into()),
            0x80..=0x8f => self.object(usize::from(kind & 0x0f), depth)?,
            0x90..=0x9f => self.array(usize::from(kind & 0x0f), depth)?,
            0xa0..=0xaf => Data::Bytes(self.bytes(usize::from(kind & 0x0f))?),
            0xb0..=0xbf => self.string(usize::from(kind & 0x0f))?,
            0xc2 => Data::Bool(false),
            0xc3 => Data::Bool(true),
            0xca => Data::number(self.number(Bytes::try_get_f32)?.into()),
            0xcb => float(self.number(Bytes::try_get_f64)?),
            0xcc => Data::Integer(self.number(Bytes::try_get_u8)?.into()),
            0xcd => Data::Integer(self.number(Bytes::try_get_u16)?.into()),
            0xce => Data::Integer(self.number(Bytes::try_get_u32)?.into()),
            0xcf => Data::from(self.number(Bytes::try_get_u64)?),
            0xd0 => Data::Integer(self.number(Bytes::try_get_i8)?.into()),
            0xd1 => Data::Integer(self.number(Bytes::try_get_i16)?.into()),
            0xd2 => Data::Integer(self.number(Bytes::try_get_i32)?.into()),
            0xd3 => Data::Integer(self.number(Bytes::try_get_i64)?),
            0xd8 | 0xd9 => {
                let length = self.length(kind == 0xd9)?;
                self.string(length)?
            }
            0xda | 0xdb => {
                let length = self.length(kind == 0xdb)?;
                Data::Bytes(self.bytes(length)?)
            }
            0xdc | 0xdd => {
                let length = self.length(kind == 0xdd)?;
                self.array(length, depth)?
            }
            0xde | 0xdf => {
                let length = self.length(kind == 0xdf)?;
                self.object(length, depth)?
            }
            // `undefined`; and types without a meaning, whose payload npm's decoder does not skip either.
            _ => Data::Null,
        })
    }

    fn number<T, E>(&mut self, read: impl FnOnce(&mut Bytes) -> Result<T, E>) -> Result<T, DecodeError> {
        read(&mut self.rest).map_err(|_| DecodeError::Truncated)
    }

    fn length(&mut self, long: bool) -> Result<usize, DecodeError> {
        if long {
            let length = self.number(Bytes::try_get_u32)?;
            usize::try_from(length).map_err(|_| DecodeError::Truncated)
        } else {
            Ok(self.number(Bytes::try_get_u16)?.into())
        }
    }

    fn bytes(&mut self, length: usize) -> Result<Bytes, DecodeError> {
        if length > self.rest.len() {
            return Err(DecodeError::Truncated);
        }
        Ok(self.rest.split_to(length))
    }

    fn string(&mut self, length: usize) -> Result<Data, DecodeError> {
        let bytes = self.bytes(length)?;
        // As `TextDecoder` does it.
        Ok(Data::String(String::from_utf8_lossy(&bytes).into_owned()))
    }

    /// Each of `count` values takes `least` bytes at least.
    fn check(&self, count: usize, least: usize) -> Result<(), DecodeError> {
        if count > self.items {
            Err(DecodeError::TooManyItems)
        } else if count > self.rest.len() / least {
            Err(DecodeError::Truncated)
        } else {
            Ok(())
        }
    }

    fn array(&mut self, count: usize, depth: usize) -> Result<Data, DecodeError> {
        let depth = depth.checked_sub(1).ok_or(DecodeError::TooDeep)?;
        self.check(count, 1)?;
        let mut elements = Vec::with_capacity(count);
        for _ in 0..count {
            elements.push(self.value(depth)?);
        }
        Ok(Data::Array(elements))
    }

    fn object(&mut self, count: usize, depth: usize) -> Result<Data, DecodeError> {
        let depth = depth.checked_sub(1).ok_or(DecodeError::TooDeep)?;
        self.check(count, 2)?;
        let mut properties = Vec::with_capacity(count);
        for _ in 0..count {
            let key = match self.value(depth)? {
                Data::String(key) => key,
                // A property of JavaScript has a string for its name.
                other => other.to_js_string(),
            };
            properties.push((key, self.value(depth)?));
        }
        Ok(Data::Object(properties))
    }
}

/// npm's encoder makes eight zeros of NaN, and never of 0, which is an integer.
fn float(number: f64) -> Data {
    if number.to_bits() == 0 { Data::Float(f64::NAN) } else { Data::number(number) }
}

//! Values to BinaryPack.

use crate::data::Data;
use crate::serialization::bounds::DEPTH;
use crate::serialization::error::EncodeError;

/// Whole numbers from here on are exact as IEEE 754 doubles.
const MIN_EXACT: i64 = -(1 << 53);

/// Appends `data`. On an error, `out` ends in the middle of it.
pub(crate) fn encode(data: &Data, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    value(data, DEPTH, out)
}

fn value(data: &Data, depth: usize, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    match data {
        Data::Null => out.push(0xc0),
        Data::Bool(false) => out.push(0xc2),
        Data::Bool(true) => out.push(0xc3),
        Data::Integer(number) => integer(*number, out),
        Data::Unsigned(number) => match i64::try_from(*number) {
            Ok(number) => integer(number, out),
            Err(_) => typed(0xcf, &number.to_be_bytes(), out),
        },
        Data::Float(number) => match Data::number(*number) {
            Data::Integer(number) => integer(number, out),
            Data::Unsigned(number) => typed(0xcf, &number.to_be_bytes(), out),
            _ => float(*number, out),
        },
        Data::String(text) => {
            header(text.len(), 0xb0, 0xd8, out);
            out.extend_from_slice(text.as_bytes());
        }
        Data::Bytes(bytes) => {
            bytes_header(bytes.len(), out);
            out.extend_from_slice(bytes);
        }
        Data::Array(elements) => {
            let depth = depth.checked_sub(1).ok_or(EncodeError::TooDeep)?;
            header(elements.len(), 0x90, 0xdc, out);
            for element in elements {
                value(element, depth, out)?;
            }
        }
        Data::Object(properties) => {
            let depth = depth.checked_sub(1).ok_or(EncodeError::TooDeep)?;
            header(properties.len(), 0x80, 0xde, out);
            for (key, property) in properties {
                header(key.len(), 0xb0, 0xd8, out);
                out.extend_from_slice(key.as_bytes());
                value(property, depth, out)?;
            }
        }
    }
    Ok(())
}

/// Type and length of `length` bytes.
pub(crate) fn bytes_header(length: usize, out: &mut Vec<u8>) {
    header(length, 0xa0, 0xda, out);
}

/// `short`: the type of up to 15; `long` the one with two bytes of length, after which comes the one with four.
fn header(length: usize, short: u8, long: u8, out: &mut Vec<u8>) {
    if length <= 15 {
        out.push(short + length as u8);
    } else if let Ok(length) = u16::try_from(length) {
        typed(long, &length.to_be_bytes(), out);
    } else {
        // A message of more than 4 GiB does not fit into memory bounds long before this.
        typed(long + 1, &u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes(), out);
    }
}

fn typed(kind: u8, payload: &[u8], out: &mut Vec<u8>) {
    out.push(kind);
    out.extend_from_slice(payload);
}

fn integer(number: i64, out: &mut Vec<u8>) {
    match number {
        0..=0x7f => out.push(number as u8),
        -0x20..=-1 => out.push(number as i8 as u8),
        0x80..=0xff => typed(0xcc, &[number as u8], out),
        0x100..=0xffff => typed(0xcd, &(number as u16).to_be_bytes(), out),
        0x1_0000..=0xffff_ffff => typed(0xce, &(number as u32).to_be_bytes(), out),
        -0x80..=-0x21 => typed(0xd0, &(number as i8).to_be_bytes(), out),
        -0x8000..=-0x81 => typed(0xd1, &(number as i16).to_be_bytes(), out),
        -0x8000_0000..=-0x8001 => typed(0xd2, &(number as i32).to_be_bytes(), out),
        // npm's decoder reads 64 negative bits in doubles and is off by one; a double it reads right.
        MIN_EXACT..=-0x8000_0001 => typed(0xcb, &(number as f64).to_be_bytes(), out),
        _ => typed(0xd3, &number.to_be_bytes(), out),
    }
}

/// A number that no integer is. NaN is what npm's encoder makes of it: eight zeros.
fn float(number: f64, out: &mut Vec<u8>) {
    let number = if number.is_nan() { 0.0 } else { number };
    typed(0xcb, &number.to_be_bytes(), out);
}

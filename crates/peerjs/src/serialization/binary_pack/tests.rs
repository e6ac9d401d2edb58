use super::*;
use crate::data::Data;
use crate::serialization::bounds::{DEPTH, ITEMS};
use crate::serialization::error::{DecodeError, EncodeError};
use bytes::Bytes;

fn packed(data: &Data) -> Vec<u8> {
    let mut out = Vec::new();
    encode(data, &mut out).unwrap();
    out
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ")
}

/// Packs to exactly `expected`, and comes back the same.
fn both_ways(data: Data, expected: &str) {
    let bytes = packed(&data);
    assert_eq!(hex(&bytes), expected, "{data:?}");
    assert_eq!(decode(Bytes::from(bytes)), Ok(data));
}

#[test]
fn numbers_have_the_bytes_of_the_table() {
    for (number, expected) in [
        (0, "00"),
        (127, "7f"),
        (128, "cc 80"),
        (255, "cc ff"),
        (256, "cd 01 00"),
        (65_535, "cd ff ff"),
        (65_536, "ce 00 01 00 00"),
        (4_294_967_295, "ce ff ff ff ff"),
        (4_294_967_296, "d3 00 00 00 01 00 00 00 00"),
        (i64::MAX, "d3 7f ff ff ff ff ff ff ff"),
        (-1, "ff"),
        (-32, "e0"),
        (-33, "d0 df"),
        (-128, "d0 80"),
        (-129, "d1 ff 7f"),
        (-32_768, "d1 80 00"),
        (-32_769, "d2 ff ff 7f ff"),
        (-2_147_483_648, "d2 80 00 00 00"),
        // npm's decoder reads these right as doubles only.
        (-2_147_483_649, "cb c1 e0 00 00 00 20 00 00"),
        (-9_007_199_254_740_992, "cb c3 40 00 00 00 00 00 00"),
        (-9_007_199_254_740_993, "d3 ff df ff ff ff ff ff ff"),
        (i64::MIN, "d3 80 00 00 00 00 00 00 00"),
    ] {
        both_ways(Data::Integer(number), expected);
    }
    both_ways(Data::Unsigned(u64::MAX), "cf ff ff ff ff ff ff ff ff");
    both_ways(Data::Float(0.5), "cb 3f e0 00 00 00 00 00 00");
    both_ways(Data::Float(f64::INFINITY), "cb 7f f0 00 00 00 00 00 00");
    both_ways(Data::Float(1e300), "cb 7e 37 e4 3c 88 00 75 9c");
    for (float, expected) in [(0.0, "00"), (-0.0, "00"), (-1.0, "ff"), (300.0, "cd 01 2c")] {
        assert_eq!(hex(&packed(&Data::Float(float))), expected, "whole numbers are integers");
    }
}

#[test]
fn nan_comes_as_eight_zeros_and_is_nan() {
    let bytes = packed(&Data::Float(f64::NAN));
    assert_eq!(hex(&bytes), "cb 00 00 00 00 00 00 00 00");
    assert!(matches!(decode(Bytes::from(bytes)), Ok(Data::Float(number)) if number.is_nan()));
}

#[test]
fn the_examples_of_the_wire_have_their_bytes() {
    let object = Data::object([
        ("a", Data::Integer(1)),
        ("u", Data::Null),
        ("n", Data::Null),
        ("b", Data::from(vec![1u8, 2, 3])),
    ]);
    both_ways(object, "84 b1 61 01 b1 75 c0 b1 6e c0 b1 62 a3 01 02 03");
    both_ways(Data::from("é€😀"), "b9 c3 a9 e2 82 ac f0 9f 98 80");
    both_ways(Data::from(vec![Data::Bool(true), Data::Bool(false), Data::Null]), "93 c3 c2 c0");
}

#[test]
fn lengths_change_their_form_at_the_edges() {
    for (length, bytes, text, array) in [
        (15, vec![0xaf], vec![0xbf], vec![0x9f]),
        (16, vec![0xda, 0, 16], vec![0xd8, 0, 16], vec![0xdc, 0, 16]),
        (65_535, vec![0xda, 255, 255], vec![0xd8, 255, 255], vec![0xdc, 255, 255]),
        (65_536, vec![0xdb, 0, 1, 0, 0], vec![0xd9, 0, 1, 0, 0], vec![0xdd, 0, 1, 0, 0]),
    ] {
        let values = [
            (Data::from(vec![7u8; length]), bytes),
            (Data::from("x".repeat(length)), text),
            (Data::Array(vec![Data::Integer(1); length]), array),
        ];
        for (data, header) in values {
            let out = packed(&data);
            assert_eq!((&out[..header.len()], out.len()), (&header[..], header.len() + length));
            assert_eq!(decode(Bytes::from(out)), Ok(data));
        }
    }
    let object = Data::object((0..16).map(|number| (number.to_string(), Data::Null)));
    assert_eq!(packed(&object)[..3], [0xde, 0, 16]);
    assert_eq!(decode(Bytes::from(packed(&object))), Ok(object));
}

#[test]
fn what_npm_reads_as_undefined_is_null_and_what_follows_is_ignored() {
    for kind in [0xc0, 0xc1, 0xc4, 0xc9, 0xd4, 0xd7] {
        assert_eq!(decode(Bytes::from(vec![kind, 9, 9])), Ok(Data::Null));
    }
    assert_eq!(decode(Bytes::from_static(&[0xca, 0x3f, 0, 0, 0])), Ok(Data::Float(0.5)));
    assert_eq!(decode(Bytes::new()), Ok(Data::Integer(0)));
    let named_by_number = [0x81, 0x05, 0xc3];
    assert_eq!(decode(Bytes::copy_from_slice(&named_by_number)), Ok(Data::object([("5", Data::Bool(true))])));
}

#[test]
fn what_is_cut_off_is_refused_before_anything_is_allocated() {
    for message in [
        &[0xcd, 1][..],
        &[0xb3, b'a', b'b'],
        &[0xdb, 0xff, 0xff, 0xff, 0xff, 1],
        &[0x92, 1],
        &[0xde, 0xff, 0xff, 0xb1, b'a', 1],
        &[0xd8],
        &[0x81, 0xb1, b'a'],
    ] {
        assert_eq!(decode(Bytes::copy_from_slice(message)), Err(DecodeError::Truncated), "{message:?}");
    }
    for huge in [0xdd, 0xdf] {
        let message = [huge, 0xff, 0xff, 0xff, 0xff, 0, 0, 0];
        assert_eq!(decode(Bytes::copy_from_slice(&message)), Err(DecodeError::TooManyItems));
    }
}

#[test]
fn depth_and_number_of_values_are_bounded() {
    let nested = |depth: usize| {
        let mut bytes = vec![0x91; depth];
        bytes.push(0xc0);
        Bytes::from(bytes)
    };
    assert!(decode(nested(DEPTH)).is_ok());
    assert_eq!(decode(nested(DEPTH + 1)), Err(DecodeError::TooDeep));
    assert_eq!(decode(nested(1_000_000)), Err(DecodeError::TooDeep));
    let deep = (0..=DEPTH).fold(Data::Null, |inner, _| Data::Array(vec![inner]));
    assert_eq!(encode(&deep, &mut Vec::new()), Err(EncodeError::TooDeep));
    let mut many = vec![0xdd];
    many.extend_from_slice(&(ITEMS as u32).to_be_bytes());
    many.resize(5 + ITEMS, 0);
    assert_eq!(decode(Bytes::from(many)), Err(DecodeError::TooManyItems), "the array itself is one");
}

#[test]
fn no_bytes_make_it_panic() {
    let mut state = 7u64;
    for _ in 0..200_000 {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        decode(Bytes::copy_from_slice(&state.to_be_bytes())).ok();
    }
}

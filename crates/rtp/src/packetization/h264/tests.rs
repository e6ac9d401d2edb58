use super::*;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

/// Sequence parameters of 1280×720, picture parameters, and the beginnings of slices: of an IDR picture and of another.
const PARAMETERS: &[u8] = &[0x67, 0x42, 0xc0, 0x1f, 0x8c, 0x8d, 0x40, 0x28, 0x02, 0xdd, 0x80, 0x88, 0x45];
const PICTURE: &[u8] = &[0x68, 0xce, 0x3c, 0x80];
const KEY: &[u8] = &[0x65, 0xb8, 1, 2, 3, 4];
const DELTA: &[u8] = &[0x41, 0x9a, 5, 6];

fn payload(bytes: &[u8]) -> Bytes {
    Bytes::copy_from_slice(bytes)
}

fn aggregate(units: &[&[u8]]) -> Bytes {
    let mut bytes = vec![0x78];
    for unit in units {
        bytes.extend((unit.len() as u16).to_be_bytes());
        bytes.extend(*unit);
    }
    bytes.into()
}

/// `unit` in fragments of `length` bytes.
fn fragments(unit: &[u8], length: usize) -> Vec<Bytes> {
    let parts: Vec<&[u8]> = unit[1..].chunks(length).collect();
    let flags = |index| {
        if index == 0 {
            0x80
        } else if index + 1 == parts.len() {
            0x40
        } else {
            0
        }
    };
    let head = |index| [unit[0] & 0xe0 | FRAGMENT, unit[0] & 0x1f | flags(index)];
    parts.iter().enumerate().map(|(index, part)| [&head(index), *part].concat().into()).collect()
}

/// The byte stream of these NAL units.
fn stream(units: &[&[u8]]) -> Vec<u8> {
    units.iter().flat_map(|unit| [&START_CODE, *unit].concat()).collect()
}

#[test]
fn units_aggregates_and_fragments_are_one_access_unit() {
    let mut payloads = vec![aggregate(&[PARAMETERS, PICTURE])];
    payloads.extend(fragments(KEY, 2));
    assert_eq!(payloads.len(), 4);
    let unit = access_unit(&payloads).unwrap();
    assert_eq!(unit.data, stream(&[PARAMETERS, PICTURE, KEY]));
    assert_eq!((unit.key, unit.size), (true, Some((1280, 720))));

    let unit = access_unit(&[payload(DELTA), payload(DELTA)]).unwrap();
    assert_eq!(unit.data, stream(&[DELTA, DELTA]));
    assert_eq!((unit.key, unit.size), (false, None));
}

#[test]
fn a_decoder_can_begin_only_where_the_parameters_are() {
    assert!(!access_unit(&[payload(KEY)]).unwrap().key);
    assert!(!access_unit(&[payload(PARAMETERS), payload(DELTA)]).unwrap().key);
    assert!(access_unit(&[payload(PARAMETERS), payload(PICTURE), payload(KEY)]).unwrap().key);
    assert_eq!(access_unit(&[payload(&PARAMETERS[..6]), payload(KEY)]), None, "parameters that are cut short");
}

#[test]
fn parameters_may_come_in_fragments() {
    let mut payloads = fragments(PARAMETERS, 5);
    payloads.push(payload(KEY));
    assert_eq!(access_unit(&payloads).unwrap().size, Some((1280, 720)));
}

#[test]
fn a_payload_tells_whether_it_goes_on() {
    let starts = |packet: &Bytes| parse(packet).map(|descriptor| descriptor.frame_start);
    let parts = fragments(KEY, 2);
    assert_eq!(parts.iter().map(starts).collect::<Vec<_>>(), [Some(true), Some(false), Some(false)]);
    assert_eq!((starts(&payload(KEY)), starts(&aggregate(&[PARAMETERS]))), (Some(true), Some(true)));
    // Nothing, a damaged unit, types without meaning or of other modes, fragments of no unit, one that is begun and ended.
    for packet in [
        &[][..],
        &[0xe5, 1, 2],
        &[0x00, 1],
        &[0x79, 0, 1, 2],
        &[0x7d, 0x85, 1],
        &[0x7f, 1],
        &[0x7c],
        &[0x7c, 0x80, 1],
        &[0x7c, 0x9c, 1],
        &[0x7c, 0xc5, 1],
    ] {
        assert_eq!(starts(&payload(packet)), None, "{packet:x?}");
    }
}

#[test]
fn what_does_not_fit_together_is_no_access_unit() {
    let parts = fragments(KEY, 2);
    let other = fragments(DELTA, 2);
    for payloads in [
        vec![],
        vec![parts[0].clone(), parts[1].clone()],
        vec![parts[1].clone(), parts[2].clone()],
        vec![parts[0].clone(), parts[0].clone(), parts[2].clone()],
        vec![parts[0].clone(), other[1].clone()],
        vec![parts[0].clone(), payload(DELTA), parts[2].clone()],
        vec![parts[0].clone(), aggregate(&[DELTA]), parts[2].clone()],
        // Lengths that are cut short, too long or nothing, and an aggregate in an aggregate.
        vec![payload(&[0x78, 0])],
        vec![payload(&[0x78, 0, 9, 0x41])],
        vec![payload(&[0x78, 0, 0])],
        vec![aggregate(&[&aggregate(&[DELTA])])],
        vec![aggregate(&[])],
    ] {
        assert_eq!(access_unit(&payloads), None, "{payloads:x?}");
    }
}

#[test]
fn whatever_comes_is_an_access_unit_or_none() {
    let mut random = StdRng::seed_from_u64(1);
    let heads =
        [PARAMETERS, PICTURE, KEY, DELTA, &[0x78, 0, 4, 0x67, 0x64], &[0x7c, 0x85], &[0x7c, 0x05], &[0x7c, 0x45]];
    let mut whole = 0;
    for _ in 0..50_000 {
        let payloads: Vec<Bytes> = (0..random.random_range(1..5))
            .map(|_| {
                let mut bytes = heads[random.random_range(0..heads.len())].to_vec();
                bytes.truncate(random.random_range(0..=bytes.len()));
                bytes.extend((0..random.random_range(0..24)).map(|_| random.random::<u8>()));
                bytes.into()
            })
            .collect();
        let length: usize = payloads.iter().map(Bytes::len).sum();
        if let Some(unit) = access_unit(&payloads) {
            assert!(payloads.iter().all(|payload| parse(payload).is_some()) && unit.data.starts_with(&START_CODE));
            assert!(unit.data.len() <= 5 * length, "each byte of a unit brings four of a start code at most");
            whole += 1;
        }
    }
    assert!(whole > 1_000, "{whole}");
}

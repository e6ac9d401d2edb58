use super::*;

const ALL: [Serialization; 4] =
    [Serialization::Binary, Serialization::Json, Serialization::Raw, Serialization::MsgPack];

fn sent(serialization: Serialization, data: &Data) -> Result<Vec<Frame>, EncodeError> {
    Encoder::new(serialization).encode(data)
}

fn received(serialization: Serialization, frames: Vec<Frame>) -> Vec<Result<Incoming, DecodeError>> {
    let mut decoder = Decoder::new(serialization);
    frames.into_iter().flat_map(|frame| decoder.decode(frame)).collect()
}

#[test]
fn each_serialization_gives_back_what_it_was_given() {
    let data = Data::object([("text", Data::from("é😀")), ("list", Data::Array(vec![Data::Integer(-7), Data::Null]))]);
    for serialization in [Serialization::Binary, Serialization::Json, Serialization::MsgPack] {
        let frames = sent(serialization, &data).unwrap();
        assert_eq!(received(serialization, frames), [Ok(Incoming::Data(data.clone()))], "{serialization}");
    }
    for data in [Data::from("é"), Data::from(vec![0u8, 255])] {
        let frames = sent(Serialization::Raw, &data).unwrap();
        assert_eq!(received(Serialization::Raw, frames), [Ok(Incoming::Data(data))]);
    }
    assert_eq!(sent(Serialization::Raw, &data), Ok(vec![Frame::Text("[object Object]".to_owned())]));
}

#[test]
fn large_values_are_chunked_and_joined() {
    let data = Data::from(vec![7u8; 20_000_000]);
    let mut encoder = Encoder::new(Serialization::Binary);
    let first = encoder.encode(&data).unwrap();
    assert_eq!(first.len(), 20_000_005usize.div_ceil(16_300));
    let Frame::Bytes(second) = &encoder.encode(&data).unwrap()[0] else { panic!("a text frame") };
    assert_eq!(second[12], 2, "the id counts");
    assert_eq!(received(Serialization::Binary, first), [Ok(Incoming::Data(data))]);
}

#[test]
fn sizes_are_bounded_as_npm_bounds_them() {
    let text = |length: usize| Data::from("x".repeat(length));
    // Two quotes are part of it.
    assert!(sent(Serialization::Json, &text(16_297)).is_ok());
    assert_eq!(sent(Serialization::Json, &text(16_298)), Err(EncodeError::TooBig(16_300)));
    assert!(sent(Serialization::Raw, &text(262_144)).is_ok());
    assert_eq!(sent(Serialization::Raw, &text(262_145)), Err(EncodeError::TooBig(262_145)));
    assert!(matches!(sent(Serialization::Binary, &text(MESSAGE_BYTES)), Err(EncodeError::TooBig(_))));
}

#[test]
fn what_no_receiver_takes_is_not_sent() {
    let reserved = Data::object([("__peerData", Data::Integer(5))]);
    let close = Data::object([("__peerData", Data::object([("type", Data::from("close"))]))]);
    for serialization in [Serialization::Binary, Serialization::Json, Serialization::MsgPack] {
        assert_eq!(sent(serialization, &Data::Null), Err(EncodeError::BareNull));
        assert_eq!(sent(serialization, &close), Err(EncodeError::Reserved));
    }
    assert_eq!(sent(Serialization::Binary, &reserved), Err(EncodeError::Reserved));
    assert!(sent(Serialization::Json, &reserved).is_ok());
    assert_eq!(sent(Serialization::Raw, &Data::Null), Ok(vec![Frame::Text("null".to_owned())]));
    assert_eq!(sent(Serialization::Json, &Data::from(vec![1u8])), Err(EncodeError::Unsupported));
    let deep = (0..200).fold(Data::Null, |inner, _| Data::Array(vec![inner]));
    for serialization in ALL {
        assert_eq!(sent(serialization, &deep), Err(EncodeError::TooDeep));
    }
}

#[test]
fn null_is_delivered_when_it_comes() {
    let nulls = [
        (Serialization::Binary, Frame::Bytes(Bytes::from_static(&[0xc0]))),
        (Serialization::Json, Frame::Bytes(Bytes::from_static(b"null"))),
        (Serialization::MsgPack, Frame::Bytes(Bytes::from_static(&[0xc0]))),
    ];
    for (serialization, frame) in nulls {
        assert_eq!(received(serialization, vec![frame]), [Ok(Incoming::Data(Data::Null))]);
    }
}

#[test]
fn the_end_is_said_in_the_serialization() {
    for serialization in [Serialization::Binary, Serialization::Json, Serialization::MsgPack] {
        let frames = Encoder::new(serialization).close().unwrap();
        assert_eq!(received(serialization, frames), [Ok(Incoming::Close)]);
    }
    assert_eq!(Encoder::new(Serialization::Raw).close(), None);
}

#[test]
fn frames_of_another_kind_are_errors_and_json_may_be_text() {
    let text = || vec![Frame::Text("7".to_owned())];
    assert_eq!(received(Serialization::Json, text()), [Ok(Incoming::Data(Data::Integer(7)))]);
    for serialization in [Serialization::Binary, Serialization::MsgPack] {
        assert_eq!(received(serialization, text()), [Err(DecodeError::Malformed)]);
    }
    let broken = vec![Frame::Bytes(Bytes::from_static(b"{"))];
    assert_eq!(received(Serialization::Json, broken), [Err(DecodeError::Malformed)]);
}

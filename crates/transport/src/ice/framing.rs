//! STUN messages and ChannelData on a TCP or TLS connection (RFC 8489 section 6.2.2, RFC 8656 section 12.5), and the
//! little of STUN (RFC 8489 section 5) that is read to tell how a relay fares. Nothing is changed on the way: integrity
//! covers each message.

use bytes::{Buf, BufMut, Bytes, BytesMut};

/// Bytes of a STUN header.
const STUN_HEADER: usize = 20;
/// Bytes of a ChannelData header.
const CHANNEL_HEADER: usize = 4;
const MAGIC_COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
/// Comprehension-required attributes (RFC 8489 sections 14.5 and 14.8).
const MESSAGE_INTEGRITY: u16 = 0x0008;
const MESSAGE_INTEGRITY_SHA256: u16 = 0x001c;
const ERROR_CODE: u16 = 0x0009;
/// Allocate (RFC 8656 section 13): request and success response.
const ALLOCATE: u16 = 0x0003;
const ALLOCATED: u16 = 0x0103;
/// Class bits of a message type, and that of an error response.
const CLASS: u16 = 0x0110;

/// What came is neither STUN nor ChannelData: the stream can't be followed any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the server does not speak TURN")]
pub(crate) struct Unframed;

/// Length of the message that `head` begins, without padding; `None` if too little is there to know.
fn length(head: &[u8]) -> Result<Option<usize>, Unframed> {
    let Some(first) = head.first() else { return Ok(None) };
    match first >> 6 {
        0 => match head.get(..8) {
            Some(head) if head[4..8] != MAGIC_COOKIE || head[3] % 4 != 0 => Err(Unframed),
            Some(head) => Ok(Some(STUN_HEADER + usize::from(u16::from_be_bytes([head[2], head[3]])))),
            None => Ok(None),
        },
        // 0x4000 to 0x4FFF (RFC 8656 section 12).
        1 if *first <= 0x4f => match head.get(..CHANNEL_HEADER) {
            Some(head) => Ok(Some(CHANNEL_HEADER + usize::from(u16::from_be_bytes([head[2], head[3]])))),
            None => Ok(None),
        },
        _ => Err(Unframed),
    }
}

fn padded(length: usize) -> usize {
    length.next_multiple_of(4)
}

/// One datagram, as it goes on a stream; `None` if it is not exactly one message.
pub(crate) fn frame(datagram: &[u8]) -> Option<Bytes> {
    let length = length(datagram).ok()??;
    // Over UDP, ChannelData may be padded or not.
    if datagram.len() != length && datagram.len() != padded(length) {
        return None;
    }
    let mut framed = BytesMut::with_capacity(padded(length));
    framed.put_slice(&datagram[..length]);
    framed.put_bytes(0, padded(length) - length);
    Some(framed.freeze())
}

/// Takes the next message off a stream, without padding; `None` if it is not there in full.
pub(crate) fn next(stream: &mut BytesMut) -> Result<Option<Bytes>, Unframed> {
    let Some(length) = length(stream)? else { return Ok(None) };
    if stream.len() < padded(length) {
        return Ok(None);
    }
    let message = stream.split_to(length).freeze();
    stream.advance(padded(length) - length);
    Ok(Some(message))
}

/// Transaction of a STUN message.
pub(crate) type Transaction = [u8; 12];

/// What a message says about a relay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// A request for a relay that carries a credential.
    SignedAllocate(Transaction),
    /// The relay is there.
    Allocated,
    /// A request was refused.
    Refused { allocate: bool, transaction: Transaction, code: u16, reason: String },
}

/// Reads a whole message; `None` if it tells nothing about the relay itself.
pub(crate) fn meaning(message: &[u8]) -> Option<Meaning> {
    let header = message.get(..STUN_HEADER)?;
    if header[0] >> 6 != 0 || header[4..8] != MAGIC_COOKIE {
        return None;
    }
    let typ = u16::from_be_bytes([header[0], header[1]]);
    let mut transaction = Transaction::default();
    transaction.copy_from_slice(&header[8..STUN_HEADER]);
    match typ {
        ALLOCATED => Some(Meaning::Allocated),
        ALLOCATE => {
            let signed = attribute(message, MESSAGE_INTEGRITY).is_some()
                || attribute(message, MESSAGE_INTEGRITY_SHA256).is_some();
            signed.then_some(Meaning::SignedAllocate(transaction))
        }
        _ if typ & CLASS == CLASS => {
            // RFC 8489 section 14.8: 21 bits of zeros, the hundreds, the rest, and words for people.
            let value = attribute(message, ERROR_CODE)?;
            let code = u16::from(value.get(2)? & 7) * 100 + u16::from(*value.get(3)?);
            let words = String::from_utf8_lossy(value.get(4..)?);
            let reason = words.chars().filter(|c| !c.is_control()).take(128).collect();
            Some(Meaning::Refused { allocate: typ & !CLASS == ALLOCATE, transaction, code, reason })
        }
        _ => None,
    }
}

/// Value of the first attribute of a type.
fn attribute(message: &[u8], wanted: u16) -> Option<&[u8]> {
    let mut rest = message.get(STUN_HEADER..)?;
    loop {
        let head = rest.get(..4)?;
        let (typ, length) =
            (u16::from_be_bytes([head[0], head[1]]), usize::from(u16::from_be_bytes([head[2], head[3]])));
        if typ == wanted {
            return rest.get(4..4 + length);
        }
        rest = rest.get(4 + padded(length)..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stun(typ: u16, attributes: &[(u16, &[u8])]) -> Vec<u8> {
        let mut body = Vec::new();
        for (typ, value) in attributes {
            body.extend(typ.to_be_bytes());
            body.extend((value.len() as u16).to_be_bytes());
            body.extend(*value);
            body.resize(padded(body.len()), 0);
        }
        let mut message = typ.to_be_bytes().to_vec();
        message.extend((body.len() as u16).to_be_bytes());
        message.extend(MAGIC_COOKIE);
        message.extend([7; 12]);
        message.extend(body);
        message
    }

    #[test]
    fn messages_come_off_the_stream_as_they_went_on_it() {
        let channel = [&[0x40, 1, 0, 5][..], b"hello"].concat();
        let messages = [stun(1, &[]), channel.clone(), stun(ALLOCATE, &[(0x0006, b"user")]), vec![0x4f, 0xff, 0, 0]];
        let mut wire = BytesMut::new();
        for message in &messages {
            wire.extend_from_slice(&frame(message).unwrap());
        }
        assert_eq!(wire.len() % 4, 0);
        // Byte by byte, as the worst network would bring it.
        let (mut stream, mut came) = (BytesMut::new(), Vec::new());
        for byte in wire {
            stream.put_u8(byte);
            came.extend(next(&mut stream).unwrap());
        }
        assert_eq!(came, messages);
        assert!(stream.is_empty());
        // Padded ChannelData over UDP is the same message.
        assert_eq!(frame(&[&channel[..], &[0; 3]].concat()), frame(&channel));
    }

    #[test]
    fn what_is_not_turn_is_refused() {
        assert_eq!(next(&mut BytesMut::from(&b"SSH-2.0-OpenSSH"[..])), Err(Unframed));
        assert_eq!(next(&mut BytesMut::from(&[0, 1, 0, 0, 1, 2, 3, 4][..])), Err(Unframed));
        assert_eq!(next(&mut BytesMut::from(&[0x80, 0, 0, 0][..])), Err(Unframed));
        assert_eq!(frame(&stun(1, &[])[..19]), None);
        assert_eq!(frame(b""), None);
        assert_eq!(frame(&[0x40, 1, 0, 5, 1]), None);
    }

    #[test]
    fn how_a_relay_fares_is_read_from_its_messages() {
        assert_eq!(meaning(&stun(ALLOCATE, &[])), None);
        let signed = stun(ALLOCATE, &[(0x0006, b"u"), (MESSAGE_INTEGRITY, &[0; 20])]);
        assert_eq!(meaning(&signed), Some(Meaning::SignedAllocate([7; 12])));
        assert_eq!(meaning(&stun(ALLOCATED, &[])), Some(Meaning::Allocated));
        let refused = stun(0x0113, &[(0x0014, b"realm"), (ERROR_CODE, b"\0\0\x04\x01Unauthorized\n")]);
        let (transaction, reason) = ([7; 12], "Unauthorized".to_owned());
        assert_eq!(meaning(&refused), Some(Meaning::Refused { allocate: true, transaction, code: 401, reason }));
        // Attributes that lie about their length.
        let mut short = stun(0x0113, &[(ERROR_CODE, b"\0\0\x04\x01")]);
        short[23] = 200;
        assert_eq!(meaning(&short), None);
        assert_eq!(meaning(&[0x40, 1, 0, 0]), None);
    }
}

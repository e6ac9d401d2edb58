//! Ways for the fuzz targets into what is private here: each takes what a client could have sent. Not part of the API.

use crate::http::token::{self, Claims, TokenError};
use crate::metered::frame::{CHANNEL_BYTES, ClientFrame, DATA_BYTES, REQUEST_ID_CHARS, Request as MeteredRequest};
use crate::peerjs::message::Frame;
use crate::rooms::ResumeTokens;
use crate::socket::request::{MAX_CONNECTED, Request};
use confab_wire::{limits, signaling::Signal};
use std::time::{Duration, SystemTime};

const KEY: &[u8] = b"a key of thirty-two bytes or more";

/// An event of a client: the JSON array behind `42` in a Socket.IO message.
pub fn request(text: &str) {
    match Request::parse(text) {
        Ok(Request::Relay { data, .. }) => assert!(Signal::parse(&data).is_ok()),
        Ok(Request::Direct(message)) => {
            let size = serde_json::to_string(&message.data).map_or(usize::MAX, |text| text.len());
            assert!(size <= limits::DIRECT_MESSAGE_BYTES);
        }
        Ok(Request::Join(join)) => {
            assert!(limits::is_clean(&join.room, limits::ROOM_ID_CHARS));
            assert!(join.name.chars().count() <= limits::NAME_CHARS && !join.name.contains(char::is_control));
            assert!(join.resume.is_none_or(|token| token.len() <= 2 * limits::ID_BYTES));
            assert!(join.connected.len() <= MAX_CONNECTED && join.metadata.is_none());
        }
        Ok(Request::Peek(room)) => assert!(limits::is_clean(&room, limits::ROOM_ID_CHARS)),
        Ok(Request::Leave(_) | Request::Probe | Request::AskIce | Request::Other) | Err(_) => {}
    }
}

/// A frame of a PeerJS client. What is relayed is JSON again, from whom the server says.
pub fn peer_frame(bytes: &[u8]) {
    let Some(Frame::Relay(relay)) = Frame::parse(bytes) else { return };
    let frame = relay.frame("ann");
    #[derive(serde::Deserialize)]
    struct Head {
        src: String,
        dst: String,
    }
    let head: Result<Head, _> = serde_json::from_str(&frame);
    assert!(head.is_ok_and(|head| head.src == "ann" && head.dst == relay.dst), "{frame}");
    assert!(frame.len() <= bytes.len() * 6 + 100);
}

/// A frame of a Metered client.
pub fn metered_frame(text: &str) {
    let ClientFrame { request_id, request } = ClientFrame::parse(text);
    assert!(request_id.is_none_or(|id| id.chars().count() <= REQUEST_ID_CHARS));
    let within = |text: &str, most: usize| assert!(!text.is_empty() && text.len() <= most);
    match request {
        Ok(MeteredRequest::Subscribe { channel, .. } | MeteredRequest::Unsubscribe { channel }) => {
            within(&channel, CHANNEL_BYTES);
        }
        Ok(MeteredRequest::Publish { channel, data }) => {
            within(&channel, CHANNEL_BYTES);
            within(data.get(), DATA_BYTES);
        }
        Ok(MeteredRequest::Send { to, data }) => {
            within(&to, limits::ID_BYTES);
            within(data.get(), DATA_BYTES);
        }
        Ok(MeteredRequest::Ping) | Err(_) => {}
    }
}

/// Tokens of members: the text itself, which nobody has signed, and its lines as header and claims of one whose signature
/// is good. Fuzzers do not guess signatures.
pub fn token(text: &str) {
    assert!(token::verify(KEY, text, SystemTime::UNIX_EPOCH).is_err());
    assert_eq!(ResumeTokens::new(Some(KEY)).verify(text, "room", SystemTime::UNIX_EPOCH), None);
    let (header, claims) = text.split_once('\n').unwrap_or((r#"{"alg":"HS256"}"#, text));
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000);
    match token::verify(KEY, &token::sign(KEY, header, claims), now) {
        Ok(claims) => again(&claims, now),
        Err(error) => assert!(!matches!(error, TokenError::Signature | TokenError::Missing), "{error}"),
    }
}

/// What was accepted can be issued, and is accepted again.
fn again(claims: &Claims, now: SystemTime) {
    claims.opens("room");
    let token = token::mint(KEY, claims);
    // Written anew it may be longer than it came.
    assert!(matches!(token, Ok(_) | Err(TokenError::TooLarge("text"))), "{token:?}");
    assert!(token.is_err() || token::verify(KEY, &token.unwrap_or_default(), now).as_ref() == Ok(claims));
}

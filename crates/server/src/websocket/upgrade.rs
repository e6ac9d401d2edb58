//! The opening handshake of a WebSocket, the server's side (RFC 6455 section 4.2).

use axum::body::{Body, HttpBody};
use axum::extract::Request;
use axum::http::header::{
    CONNECTION, HeaderName, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::Response;
use hyper::upgrade::OnUpgrade;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

/// The only version of the protocol.
const VERSION: &str = "13";
/// Characters of `Sec-WebSocket-Key`: sixteen bytes in base64.
const KEY_CHARS: usize = 24;

/// A request that becomes a WebSocket.
pub(crate) struct Upgrade {
    accept: HeaderValue,
    pub(super) connection: OnUpgrade,
}

/// True if a request asks for a WebSocket, well or badly.
pub(crate) fn is_upgrade(headers: &HeaderMap) -> bool {
    has_word(headers, UPGRADE, "websocket")
}

impl Upgrade {
    /// Takes the connection out of a request.
    ///
    /// # Errors
    /// The status that refuses a request which is no handshake.
    pub(crate) fn of(request: &mut Request) -> Result<Self, StatusCode> {
        let headers = request.headers();
        // The connection is upgraded at the end of a body, whenever that comes.
        let bare = request.method() == Method::GET && request.body().is_end_stream();
        if !bare || !is_upgrade(headers) || !has_word(headers, CONNECTION, "upgrade") {
            return Err(StatusCode::BAD_REQUEST);
        }
        if headers.get(SEC_WEBSOCKET_VERSION).is_none_or(|version| version != VERSION) {
            return Err(StatusCode::UPGRADE_REQUIRED);
        }
        let key = headers.get(SEC_WEBSOCKET_KEY).filter(|key| key.len() == KEY_CHARS).ok_or(StatusCode::BAD_REQUEST)?;
        let accept = HeaderValue::try_from(derive_accept_key(key.as_bytes())).map_err(|_| StatusCode::BAD_REQUEST)?;
        Ok(Self { accept, connection: hyper::upgrade::on(request) })
    }

    /// The answer that turns the connection over.
    pub(crate) fn response(&self) -> Response {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        let headers = response.headers_mut();
        headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(SEC_WEBSOCKET_ACCEPT, self.accept.clone());
        response
    }
}

/// True if one of the comma-separated words of a header is `word`, in any case.
fn has_word(headers: &HeaderMap, name: HeaderName, word: &str) -> bool {
    let lists = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    lists.flat_map(|list| list.split(',')).any(|one| one.trim().eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(lines: &[(&str, &str)]) -> Request {
        let mut request = Request::new(Body::empty());
        for (name, value) in lines {
            request.headers_mut().append(HeaderName::try_from(*name).unwrap(), value.parse().unwrap());
        }
        request
    }

    const HANDSHAKE: [(&str, &str); 4] = [
        ("connection", "keep-alive, Upgrade"),
        ("upgrade", "websocket"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];

    #[test]
    fn the_handshake_of_the_standard_is_answered() {
        let upgrade = Upgrade::of(&mut request(&HANDSHAKE)).ok().unwrap();
        let response = upgrade.response();
        assert_eq!(response.status(), StatusCode::SWITCHING_PROTOCOLS);
        assert_eq!(response.headers()[SEC_WEBSOCKET_ACCEPT], "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }

    #[test]
    fn what_is_no_handshake_is_refused() {
        for (left_out, (name, _)) in HANDSHAKE.iter().enumerate() {
            let mut lines = HANDSHAKE.to_vec();
            lines.remove(left_out);
            assert!(Upgrade::of(&mut request(&lines)).is_err(), "without {name}");
        }
        let mut other = HANDSHAKE;
        other[2].1 = "8";
        assert_eq!(Upgrade::of(&mut request(&other)).err(), Some(StatusCode::UPGRADE_REQUIRED));
        let mut post = request(&HANDSHAKE);
        *post.method_mut() = Method::POST;
        assert_eq!(Upgrade::of(&mut post).err(), Some(StatusCode::BAD_REQUEST));
    }
}

//! Failures on the way to a server, as errors of this crate.

use crate::connect_error::{ConnectError, ConnectErrorKind};
use tokio_tungstenite::tungstenite::Error;

/// Nobody is there.
pub(super) fn unreachable(detail: impl Into<String>) -> ConnectError {
    ConnectError::with_detail(ConnectErrorKind::Unreachable, detail)
}

/// Somebody is there who is no signaling server.
pub(super) fn not_a_server(detail: impl Into<String>) -> ConnectError {
    ConnectError::with_detail(ConnectErrorKind::NotAServer, detail)
}

/// The texts of an error and its causes.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let part = error.to_string();
        if !text.contains(&part) {
            text.push_str(": ");
            text.push_str(&part);
        }
        cause = error.source();
    }
    text
}

/// What an HTTP status other than that of a WebSocket means.
pub(super) fn from_status(status: u16) -> ConnectError {
    let kind = match status {
        401 | 403 => ConnectErrorKind::Refused,
        // A proxy whose server is down, or a server that is overloaded.
        429 | 500..=599 => ConnectErrorKind::Unreachable,
        _ => ConnectErrorKind::NotAServer,
    };
    ConnectError::with_detail(kind, format!("HTTP status {status}"))
}

/// A WebSocket handshake that failed otherwise than by a status.
pub(super) fn from_handshake(error: &Error) -> ConnectError {
    let kind = match error {
        Error::Io(_) | Error::Tls(_) | Error::ConnectionClosed | Error::AlreadyClosed => ConnectErrorKind::Unreachable,
        Error::Http(response) => return from_status(response.status().as_u16()),
        _ => ConnectErrorKind::NotAServer,
    };
    ConnectError::with_detail(kind, chain(error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;

    #[test]
    fn failures_are_told_apart() {
        for (status, kind) in [
            (404, ConnectErrorKind::NotAServer),
            (200, ConnectErrorKind::NotAServer),
            (502, ConnectErrorKind::Unreachable),
            (429, ConnectErrorKind::Unreachable),
            (403, ConnectErrorKind::Refused),
        ] {
            assert_eq!(from_status(status).kind, kind, "{status}");
        }
        let reset = Error::Io(io::ErrorKind::ConnectionReset.into());
        assert_eq!(from_handshake(&reset).kind, ConnectErrorKind::Unreachable);
        assert_eq!(from_handshake(&Error::Utf8(String::new())).kind, ConnectErrorKind::NotAServer);
    }
}

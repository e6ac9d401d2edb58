//! Errors with the names that PeerJS gives them.

use crate::serialization::{DecodeError, EncodeError};
use std::fmt;
use std::str::FromStr;

/// What kind of error a peer has (`error.type` of PeerJS' `error` event).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PeerErrorKind {
    /// `browser-incompatible`: there is no WebRTC. Never here.
    BrowserIncompatible,
    /// `disconnected`: a connection was asked for while the peer is disconnected or destroyed (`peer-destroyed` of the old
    /// reference).
    Disconnected,
    /// `invalid-id`: [`crate::is_valid_id`] says no.
    InvalidId,
    /// `invalid-key`: the server does not take the key.
    InvalidKey,
    /// `network`: the connection to the server was lost, or could not be made. The peer is disconnected.
    Network,
    /// `peer-unavailable`: nobody came who has the id that was asked for.
    PeerUnavailable,
    /// `ssl-unavailable`: the server has no TLS.
    SslUnavailable,
    /// `server-error`: the server refuses, or does not do what was asked.
    ServerError,
    /// `socket-error`. Never here: see [`PeerErrorKind::Network`].
    SocketError,
    /// `socket-closed`. Never here: see [`PeerErrorKind::Network`].
    SocketClosed,
    /// `unavailable-id`: somebody else has the id.
    UnavailableId,
    /// `webrtc`: a description or a candidate could not be made or used.
    WebRtc,
}

const NAMES: [(PeerErrorKind, &str); 12] = [
    (PeerErrorKind::BrowserIncompatible, "browser-incompatible"),
    (PeerErrorKind::Disconnected, "disconnected"),
    (PeerErrorKind::InvalidId, "invalid-id"),
    (PeerErrorKind::InvalidKey, "invalid-key"),
    (PeerErrorKind::Network, "network"),
    (PeerErrorKind::PeerUnavailable, "peer-unavailable"),
    (PeerErrorKind::SslUnavailable, "ssl-unavailable"),
    (PeerErrorKind::ServerError, "server-error"),
    (PeerErrorKind::SocketError, "socket-error"),
    (PeerErrorKind::SocketClosed, "socket-closed"),
    (PeerErrorKind::UnavailableId, "unavailable-id"),
    (PeerErrorKind::WebRtc, "webrtc"),
];

impl PeerErrorKind {
    /// PeerJS' name.
    pub fn name(self) -> &'static str {
        NAMES.iter().find(|(kind, _)| *kind == self).map_or("", |(_, name)| name)
    }
}

impl fmt::Display for PeerErrorKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// A name that no error has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no error has this name")]
pub struct UnknownErrorKind;

impl FromStr for PeerErrorKind {
    type Err = UnknownErrorKind;

    /// Takes PeerJS' names, and `peer-destroyed` of its old reference for `disconnected`.
    fn from_str(name: &str) -> Result<Self, UnknownErrorKind> {
        let name = if name == "peer-destroyed" { "disconnected" } else { name };
        NAMES.iter().find(|(_, known)| *known == name).map(|(kind, _)| *kind).ok_or(UnknownErrorKind)
    }
}

/// An error of a peer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind}: {message}")]
pub struct PeerError {
    /// Its kind (`type` of PeerJS).
    pub kind: PeerErrorKind,
    /// Technical words: the server's, or the reason.
    pub message: String,
}

impl PeerError {
    pub(crate) fn new(kind: PeerErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }
}

/// Why [`crate::Peer::reconnect`] does nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReconnectError {
    /// The peer is not disconnected.
    #[error("the peer is not disconnected from the server")]
    NotDisconnected,
    /// The peer was destroyed.
    #[error("the peer is destroyed")]
    Destroyed,
}

/// Why [`crate::DataConnection::send`] did not send.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// `not-open-yet`: the connection is not open yet, or not any more.
    #[error("the connection is not open")]
    NotOpenYet,
    /// `message-too-big`, and what PeerJS throws for: the value has no form that the remote would take.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// `connection-closed`: it closed before the remote took the message.
    #[error("the connection closed before the message was sent")]
    ConnectionClosed,
}

impl SendError {
    /// PeerJS' name; `None` for what it throws an error without a name for.
    pub fn name(self) -> Option<&'static str> {
        match self {
            Self::NotOpenYet => Some("not-open-yet"),
            Self::Encode(EncodeError::TooBig(_)) => Some("message-too-big"),
            Self::Encode(_) => None,
            Self::ConnectionClosed => Some("connection-closed"),
        }
    }
}

/// An error of a connection (its `error` event).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectionError {
    /// `negotiation-failed`: no path to the remote was found, or the one that stood was lost for good: the remote has
    /// vanished. The connection closes.
    #[error("there is no path to the remote peer")]
    NegotiationFailed,
    /// A message of the remote can't be read; it is lost.
    #[error(transparent)]
    Decode(#[from] DecodeError),
}

impl ConnectionError {
    /// PeerJS' name; `None` for what it throws an error without a name for.
    pub fn name(self) -> Option<&'static str> {
        matches!(self, Self::NegotiationFailed).then_some("negotiation-failed")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_have_peerjs_names_in_both_directions() {
        for (kind, name) in NAMES {
            assert_eq!((kind.name(), name.parse()), (name, Ok(kind)));
        }
        assert_eq!("peer-destroyed".parse(), Ok(PeerErrorKind::Disconnected));
        assert_eq!("other".parse::<PeerErrorKind>(), Err(UnknownErrorKind));
        assert_eq!(SendError::Encode(EncodeError::TooBig(1)).name(), Some("message-too-big"));
        assert_eq!(SendError::Encode(EncodeError::BareNull).name(), None);
    }
}

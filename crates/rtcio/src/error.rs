//! What can go wrong when something is sent.

use confab_wire::ctrl::EnvelopeError;

/// Why an event was not sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EmitError {
    /// The event's name is too long or its arguments are too large (protocol section 3).
    #[error("the event can't be sent: {0}")]
    Envelope(#[from] EnvelopeError),
    /// The event name belongs to the library.
    #[error("the event name {0} is reserved")]
    Reserved(String),
    /// A stream event whose arguments do not hold the stream's placeholder.
    #[error("the arguments of a stream event must hold the stream's placeholder")]
    NoPlaceholder,
    /// More events for one stream, or more streams, than [`confab_wire::limits`] allow.
    #[error("too many {0}")]
    TooMany(&'static str),
    /// A peer took nothing for [`crate::SEND_TIMEOUT`]; the event did not reach it. Other peers got it.
    #[error("peer {0} does not take events")]
    Busy(String),
    /// The socket is closed.
    #[error("the socket is closed")]
    Closed,
}

/// Why an acknowledgement of the server did not come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AckError {
    /// Not in time.
    #[error("the server did not answer in time")]
    Timeout,
    /// More requests wait for their answers than this side keeps, 256.
    #[error("too many requests wait for an answer of the server")]
    TooMany,
    /// There is no connection to the server, or it broke before the answer.
    #[error("there is no connection to the server")]
    Offline,
    /// The socket is closed.
    #[error("the socket is closed")]
    Closed,
}

/// Why [`crate::Socket::ask_ice`] brought no ICE servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AskIceError {
    /// The server did not answer.
    #[error(transparent)]
    Ack(#[from] AckError),
    /// The answer is not `{ iceServers: […] }`.
    #[error("the server's answer holds no ICE servers")]
    Shape,
}

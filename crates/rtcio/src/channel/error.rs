//! What can go wrong with a channel.

use confab_transport::channel::DataChannelError;
use confab_wire::ctrl::EnvelopeError;

/// Why a channel was not made, or what its `error` event says.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChannelError {
    /// The peer is not known, or has left. rtc.io hands out a channel that is never connected; this is told instead.
    #[error("peer {0} is not known")]
    UnknownPeer(String),
    /// Two names have the same SCTP stream on one peer (protocol section 3).
    #[error("channel {name} has the SCTP stream {id} of channel {other}: take another name")]
    Collision {
        /// The name that was asked for.
        name: String,
        /// The name of the channel that is there.
        other: String,
        /// The stream of both.
        id: u16,
    },
    /// `max_retransmits` and `max_packet_life_time` are both given (W3C WebRTC section 6.1).
    #[error("give max_retransmits or max_packet_life_time, not both")]
    Reliability,
    /// The low mark is not below the high one, so the channel would never go on.
    #[error(
        "low_watermark ({low}) must be below high_watermark ({high}), and below 4 GiB: lower it, or raise the other"
    )]
    Watermarks {
        /// Low mark in bytes.
        low: usize,
        /// High mark in bytes.
        high: usize,
    },
    /// The name has more bytes than a label may have.
    #[error("a channel name of {0} bytes is too long")]
    Name(usize),
    /// The socket is closed.
    #[error("the socket is closed")]
    SocketClosed,
    /// The channel is closed.
    #[error("the channel is closed")]
    Closed,
    /// The message was refused: more waits than `queue_budget` allows.
    #[error("more than {budget} bytes would wait: go on after drain")]
    OverBudget {
        /// The budget in bytes.
        budget: usize,
    },
    /// The message was refused: it is larger than [`crate::MESSAGE_BYTES`].
    #[error("a message of {0} bytes is too large for a data channel")]
    TooLarge(usize),
    /// A text frame of the peer is no envelope, or an event can't be put into one.
    #[error("not an event: {0}")]
    Envelope(#[from] EnvelopeError),
    /// The transport did not take a message, or did not make the channel.
    #[error("the transport failed: {0}")]
    Transport(String),
}

impl ChannelError {
    /// Why the channel `name` to `peer` was not made.
    pub(super) fn of(name: &str, peer: &str, error: DataChannelError) -> Self {
        match error {
            DataChannelError::StreamInUse { other, id } => Self::Collision { name: name.to_owned(), other, id },
            DataChannelError::Gone => Self::UnknownPeer(peer.to_owned()),
            DataChannelError::Label(_) => Self::Name(name.len()),
            error => error.into(),
        }
    }
}

impl From<DataChannelError> for ChannelError {
    fn from(error: DataChannelError) -> Self {
        match error {
            DataChannelError::Reliability => Self::Reliability,
            DataChannelError::Watermarks { low, high } => Self::Watermarks { low, high },
            DataChannelError::Closed => Self::Closed,
            DataChannelError::OverBudget { budget } => Self::OverBudget { budget },
            DataChannelError::TooLarge(bytes) => Self::TooLarge(bytes),
            DataChannelError::Library(text) => Self::Transport(text),
            error => Self::Transport(error.to_string()),
        }
    }
}

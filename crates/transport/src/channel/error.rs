//! What can go wrong with a data channel.

/// Why a data channel was not made, or did not take a message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DataChannelError {
    /// `max_retransmits` and `max_packet_life_time` are both given (W3C webrtc-pc section 6.1).
    #[error("give max_retransmits or max_packet_life_time, not both")]
    Reliability,
    /// The low mark is not below the high one, so the channel would never go on.
    #[error("low_watermark ({low}) must be below high_watermark ({high}), and below 4 GiB")]
    Watermarks {
        /// Low mark in bytes.
        low: usize,
        /// High mark in bytes.
        high: usize,
    },
    /// The label has more than 65535 bytes (W3C webrtc-pc section 6.1).
    #[error("a label of {0} bytes is too long")]
    Label(usize),
    /// Another channel to the remote peer has this SCTP stream.
    #[error("channel {other} has the SCTP stream {id} already")]
    StreamInUse {
        /// The name of the channel that is there.
        other: String,
        /// The stream of both.
        id: u16,
    },
    /// The remote peer is gone.
    #[error("the remote peer is gone")]
    Gone,
    /// The channel is closed.
    #[error("the channel is closed")]
    Closed,
    /// The message was refused: more waits than `queue_budget` allows.
    #[error("more than {budget} bytes would wait: go on after drain")]
    OverBudget {
        /// The budget in bytes.
        budget: usize,
    },
    /// The message was refused: it is larger than [`super::MESSAGE_BYTES`].
    #[error("a message of {0} bytes is too large for a data channel")]
    TooLarge(usize),
    /// A text message of the remote is no UTF-8.
    #[error("a text message is no UTF-8")]
    NotText,
    /// The library did not take a message, or did not make the channel.
    #[error("the library failed: {0}")]
    Library(String),
}

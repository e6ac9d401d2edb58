//! Why a value can't be sent, and why a message can't be read.

/// Why a value can't be sent by a serialization.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// A bare `null`: the client of npm throws when it gets one, and with `MsgPack` never reads again.
    #[error("null can't be sent by itself")]
    BareNull,
    /// The serialization has no form for the value: bytes in JSON.
    #[error("the serialization has no form for bytes")]
    Unsupported,
    /// An object with the property `__peerData`, which the receiver would take for a chunk or for the end.
    #[error("the property __peerData is reserved")]
    Reserved,
    /// Arrays or objects inside each other, deeper than [`super::DEPTH`].
    #[error("the value nests too deep")]
    TooDeep,
    /// More bytes than one message may have.
    #[error("a message of {0} bytes is too big")]
    TooBig(usize),
}

/// Why a message of the remote can't be read. It is lost; the connection goes on, except where the bounds of one message
/// are lost with it (`MsgPack`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// It ends in the middle of a value.
    #[error("the message ends in the middle of a value")]
    Truncated,
    /// Arrays or objects inside each other, deeper than [`super::DEPTH`].
    #[error("the message nests too deep")]
    TooDeep,
    /// More values than [`super::ITEMS`].
    #[error("the message has too many values")]
    TooManyItems,
    /// More bytes than [`super::MESSAGE_BYTES`], or as many in chunks whose messages are not whole.
    #[error("the message is too big")]
    TooBig,
    /// A chunk whose parts are missing or contradict each other.
    #[error("a chunk is malformed")]
    Chunk,
    /// It is not of the serialization.
    #[error("the message is malformed")]
    Malformed,
}

//! What can go wrong, by the names of Metered's SDK.

/// The connection to the server could not be made, or is over for good (`SignallingConnectError`).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The server closed the connection before `welcome`.
    #[error("the server closed the connection: {code} {reason}")]
    Closed {
        /// The WebSocket close code; 1006 where there was none, as for a refused upgrade.
        code: u16,
        /// What the server says about it; at most 123 bytes.
        reason: String,
    },
    /// The server did not answer in time.
    #[error("the server did not answer in time")]
    Timeout,
    /// The token provider failed or took more than 10 s (`TokenProviderError`).
    #[error("there is no token: {0}")]
    TokenProvider(String),
    /// The client was closed meanwhile.
    #[error("the client was closed")]
    Aborted,
    /// It is connected or connecting already.
    #[error("the client is connected")]
    InvalidState,
}

impl ConnectError {
    /// The close code, if the server closed the connection.
    pub fn close_code(&self) -> Option<u16> {
        if let Self::Closed { code, .. } = self { Some(*code) } else { None }
    }
}

/// A request was not made or not granted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// There is no connection (`NotConnectedError`).
    #[error("the client is not connected")]
    NotConnected,
    /// The connection was lost before the answer (`DisconnectedError`).
    #[error("the connection was lost before the answer")]
    Disconnected,
    /// No answer came within 15 s.
    #[error("the server did not answer in time")]
    Timeout,
    /// The server refused it; the code is one of Metered's (`channel_not_authorized`, `peer_not_found`, …).
    #[error("the server refused: {code}")]
    Refused {
        /// The code.
        code: String,
        /// What the server says about it.
        message: String,
    },
    /// The data is larger than the server takes (`OversizedPayloadError`).
    #[error("{size} bytes are more than {cap}")]
    Oversized {
        /// Bytes of the data as JSON.
        size: usize,
        /// Bytes that the server takes.
        cap: usize,
    },
    /// The channel is one of the service's own.
    #[error("the channel is reserved")]
    ReservedChannel,
    /// The channel's name or the peer's id is none.
    #[error("no channel or peer has this name")]
    InvalidArgs,
    /// The client has [`crate::limits::CHANNELS`] channels.
    #[error("there are too many channels")]
    TooManyChannels,
}

impl RequestError {
    /// The name that the SDK's error has.
    pub fn name(&self) -> &str {
        match self {
            Self::NotConnected => "NotConnectedError",
            Self::Disconnected => "DisconnectedError",
            Self::Timeout => "TimeoutError",
            Self::Refused { code, .. } => code,
            Self::Oversized { .. } => "OversizedPayloadError",
            Self::ReservedChannel => "reserved_channel",
            Self::InvalidArgs => "invalid_args",
            Self::TooManyChannels => "channel_limit_exceeded",
        }
    }
}

/// A message was not sent (`MeteredPeerSendError`, `MeteredPeerOversizedError`).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// The peer has not joined (`not_joined`).
    #[error("not joined")]
    NotJoined,
    /// The receiver is this peer itself (`self_send`).
    #[error("the receiver is the sender")]
    SelfSend,
    /// The receiver's id is none, or the data can't be told from a signal of the dialect (`invalid_args`).
    #[error("no peer has this id, or the data is a signal")]
    InvalidArgs,
    /// The channel is one of the service's own (`reserved_channel`).
    #[error("the channel is reserved")]
    ReservedChannel,
    /// The data is larger than the server takes (`MeteredPeerOversizedError`).
    #[error("{size} bytes are more than {cap}")]
    Oversized {
        /// Bytes of the data as JSON.
        size: usize,
        /// Bytes that the server takes.
        cap: usize,
    },
    /// The server did not take it.
    #[error(transparent)]
    Request(RequestError),
}

impl From<RequestError> for SendError {
    fn from(error: RequestError) -> Self {
        match error {
            RequestError::Oversized { size, cap } => Self::Oversized { size, cap },
            RequestError::InvalidArgs => Self::InvalidArgs,
            RequestError::ReservedChannel => Self::ReservedChannel,
            error => Self::Request(error),
        }
    }
}

/// The state of the peer does not allow it (`MeteredPeerStateError`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StateError {
    /// The peer is leaving or closed, or joins or has joined already (`invalid_state`).
    #[error("the state does not allow it")]
    InvalidState,
    /// The track is sent already, in another stream (`track_already_attached`).
    #[error("the track is attached already")]
    TrackAlreadyAttached,
}

/// A channel was not joined.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JoinError {
    /// See [`StateError`].
    #[error(transparent)]
    State(#[from] StateError),
    /// There is no connection to the server.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The server did not let this peer into the channel.
    #[error(transparent)]
    Subscribe(#[from] RequestError),
}

/// A track was not put in the place of another (`MeteredPeerReplaceTrackError`).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReplaceTrackError {
    /// See [`StateError`].
    #[error(transparent)]
    State(#[from] StateError),
    /// The tracks are not of one kind. As it fails for all remotes alike, `succeeded` is empty and `failed` has all.
    #[error("the tracks are of different kinds")]
    Kind {
        /// Remotes that have the new track.
        succeeded: Vec<String>,
        /// Remotes that have the old one.
        failed: Vec<String>,
    },
}

/// A client can't be made of these options.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OptionsError {
    /// The server's address is no origin with `ws`, `wss`, `http` or `https`.
    #[error("the address is no origin of a WebSocket server")]
    Url,
    /// `ws` is for this computer only, unless [`crate::SignallingOptions::allow_insecure`] is set.
    #[error("the address needs wss")]
    Insecure,
    /// The key is empty, or has characters that no key has.
    #[error("the key is no publishable key")]
    ApiKey,
}

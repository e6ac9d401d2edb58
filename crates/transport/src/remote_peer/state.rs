//! Where the connection to a remote stands.

/// Where the connection to a remote stands (Metered's `PeerConnectionState`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum RemotePeerState {
    /// The remote is known; there is no connection yet.
    Idle,
    /// The first connection is being made.
    Connecting,
    /// A connection stands.
    Connected,
    /// It stood, and is being brought back: by ICE, or by a new connection.
    Reconnecting,
    /// The remote left. Final: who comes back under the same id is a new object.
    Closed,
}

//! Where a peer stands.

/// Where a [`super::MeteredPeer`] stands (`state`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PeerState {
    /// In no channel.
    Idle,
    /// On the way into one.
    Joining,
    /// In one.
    Joined,
    /// In one, and the connection to the server is being brought back. Connections to remotes go on meanwhile.
    Reconnecting,
    /// On the way out.
    Leaving,
    /// Over. Final.
    Closed,
}

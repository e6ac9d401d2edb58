//! Bounds of Metered's wire. Bytes unless a name says otherwise; the values are those of its SDK.

use std::time::Duration;

/// Longest channel name.
pub const CHANNEL_BYTES: usize = 256;
/// Longest peer id and request id.
pub const ID_BYTES: usize = 128;
/// Largest `data` as JSON where `welcome` says nothing usable.
pub const MESSAGE_BYTES: usize = 65_536;
/// Largest frame of a server; over it the connection ends with 1009.
pub const FRAME_BYTES: usize = 1 << 20;
/// Peers of one channel; more are not followed.
pub const PEERS: usize = 256;
/// Channels of one connection.
pub const CHANNELS: usize = 100;
/// Tracks of one remote whose metadata is kept; the oldest go first.
pub const TRACK_METADATA: usize = confab_transport::TRACK_DESCRIPTIONS;
/// Candidates of one remote for one description of it; more are dropped.
pub const CANDIDATES: usize = 200;
/// Longest text inside a candidate.
pub const CANDIDATE_BYTES: usize = 1000;
/// Largest metadata of a peer or a track, as JSON.
pub const METADATA_BYTES: usize = 8 * 1024;
/// Entries of `iceServers`.
pub const ICE_SERVERS: usize = 16;
/// Longest URL of an ICE server.
pub const ICE_URL_BYTES: usize = 512;
/// Longest user name or credential of an ICE server.
pub const ICE_CREDENTIAL_BYTES: usize = 1024;
/// Requests that wait for `ack` or `error`; further ones wait before they are sent.
pub const REQUESTS: usize = 1024;

/// How long opening the WebSocket may take.
pub const OPEN_TIMEOUT: Duration = Duration::from_secs(10);
/// How long `welcome` may take after that.
pub const WELCOME_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a token provider may take.
pub const TOKEN_TIMEOUT: Duration = Duration::from_secs(10);
/// How long the answer to a request may take.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(15);
/// How long the roster of a channel may take after a reconnect.
pub const ROSTER_TIMEOUT: Duration = Duration::from_secs(10);

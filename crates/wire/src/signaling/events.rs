//! Names of the Socket.IO events between a client and a signaling server (protocol sections 1 and 7). The types that they
//! name are those of the parent module.

/// Prefix of every event that belongs to rtc.io itself.
pub const INTERNAL_PREFIX: &str = "#rtcio:";
/// Server → members already in the room: connect to `source` and offer.
pub const INIT_OFFER: &str = "#rtcio:init-offer";
/// Both ways: a `Relayed` message.
pub const MESSAGE: &str = "#rtcio:message";
/// Server → rooms of a leaving socket: a hint.
pub const PEER_LEFT: &str = "#rtcio:peer-left";
/// Client → server: `JoinRoom`, acknowledged with `JoinReply`.
pub const JOIN_ROOM: &str = "join-room";
/// Client → server: leave a room, or all.
pub const LEAVE_ROOM: &str = "leave-room";
/// Server → client: `Member`.
pub const USER_CONNECTED: &str = "user-connected";
/// Server → client: `{ id }`.
pub const USER_DISCONNECTED: &str = "user-disconnected";
/// Client → server: `DirectMessage`, acknowledged with `DirectReply`; server → client: `DirectDelivery`. Ours only; a stock
/// client sends none.
pub const DIRECT_MESSAGE: &str = "direct-message";
/// Client → server: `{ roomId }`, acknowledged with `PeekReply`, to see who is in a room before one joins. Ours only; a
/// stock server does not answer it.
pub const PEEK_ROOM: &str = "peek-room";
/// Client → server: acknowledged with `{ iceServers }`.
pub const ASK_ICE: &str = "ask-ice";
/// Client → server: acknowledged with `{}`, to find out whether the server is there. Earlier clients of ours send it; those of
/// now ping the WebSocket, which a stock server answers as well.
pub const PROBE: &str = "rtcio-probe";
/// Server → client: a `Refusal`, before a disconnect or when a refused request wanted no acknowledgement. Ours only; a
/// stock client does not listen to it.
pub const SERVER_ERROR: &str = "server-error";

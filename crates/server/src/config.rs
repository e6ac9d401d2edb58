//! What a server can be told.

use crate::sync::lock;
use confab_wire::{limits, room::RoomId};
use std::collections::HashSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use url::Url;

/// Port that a server listens on unless told otherwise.
pub const DEFAULT_PORT: u16 = 7420;

/// Public STUN servers, as rtc.io uses them when an application names none.
pub const PUBLIC_STUN: [&str; 2] = ["stun:stun1.l.google.com:19302", "stun:stun2.l.google.com:19302"];

/// Configuration of a [`Server`](crate::Server). Its debug form holds no secret.
#[derive(Clone)]
pub struct ServerConfig {
    /// Address and port to listen on; port 0 is any free one.
    pub listen: SocketAddr,
    /// When the port is taken: try the ones after it, then any. Without this a taken port is an error.
    pub fallback_ports: bool,
    /// Address under which others reach the server, where that is not one of this computer's (a reverse proxy).
    pub public_url: Option<Url>,
    /// Where the landing page sends people who do not have the app yet.
    pub download_url: Option<Url>,
    /// STUN URLs handed to clients.
    pub stun: Vec<String>,
    /// TURN servers handed to clients, with credentials made for each.
    pub turn: Option<TurnConfig>,
    /// Key of the resume tokens. `None` makes a random one: then members who come back after a restart of the server
    /// come back as someone else.
    pub secret: Option<Vec<u8>>,
    /// Rooms that people may be in: `None` for any, as on a server for everybody. Joining another one is refused with
    /// [`RoomClosed`](confab_wire::signaling::RefusalCode::RoomClosed).
    pub rooms: Option<OpenRooms>,
    /// Tokens of members. `None` does not look at them.
    pub tokens: Option<TokenConfig>,
    /// Bounds.
    pub limits: Limits,
}

/// How tokens of members are checked: JSON Web Tokens (RFC 7519) under HS256, which a client sends as `token` in the auth
/// payload of its Socket.IO connection. See [`Claims`](crate::Claims) for what they say.
#[derive(Clone)]
pub struct TokenConfig {
    /// The key, shared with whoever issues tokens. RFC 7518 section 3.2 wants 32 bytes or more.
    pub key: Vec<u8>,
    /// Refuse connections without a token. Without this only a token that is not good is refused.
    pub require: bool,
}

impl std::fmt::Debug for TokenConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TokenConfig").field("require", &self.require).finish_non_exhaustive()
    }
}

/// The rooms of a server that serves only those of its owner. Clones are the same set.
#[derive(Debug, Clone, Default)]
pub struct OpenRooms(Arc<Mutex<HashSet<String>>>);

impl OpenRooms {
    /// Lets people join `room` from now on.
    pub fn open(&self, room: &RoomId) {
        lock(&self.0).insert(room.to_string());
    }

    /// True if people may join `room`.
    pub fn is_open(&self, room: &RoomId) -> bool {
        self.contains(room.as_str())
    }

    pub(crate) fn contains(&self, room: &str) -> bool {
        lock(&self.0).contains(room)
    }
}

impl std::fmt::Debug for ServerConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // By name, so that a new field is not forgotten, or shown before somebody has looked at it.
        let Self { listen, fallback_ports, public_url, download_url, stun, turn, secret, rooms, tokens, limits } = self;
        f.debug_struct("ServerConfig")
            .field("listen", listen)
            .field("fallback_ports", fallback_ports)
            .field("public_url", public_url)
            .field("download_url", download_url)
            .field("stun", stun)
            .field("turn", turn)
            .field("secret", &secret.as_ref().map(|_| "<redacted>"))
            .field("rooms", rooms)
            .field("tokens", tokens)
            .field("limits", limits)
            .finish()
    }
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::UNSPECIFIED, DEFAULT_PORT)),
            fallback_ports: false,
            public_url: None,
            download_url: None,
            stun: PUBLIC_STUN.map(str::to_owned).to_vec(),
            turn: None,
            secret: None,
            rooms: None,
            tokens: None,
            limits: Limits::default(),
        }
    }
}

/// TURN servers that share a secret with this one (coturn's `use-auth-secret`, draft-uberti-behave-turn-rest-00).
#[derive(Clone)]
pub struct TurnConfig {
    /// The shared secret (coturn's `static-auth-secret`).
    pub secret: String,
    /// `turn:` and `turns:` URLs.
    pub urls: Vec<String>,
    /// How long a credential is good for.
    pub ttl: Duration,
}

impl std::fmt::Debug for TurnConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TurnConfig").field("urls", &self.urls).field("ttl", &self.ttl).finish_non_exhaustive()
    }
}

/// Bounds of what clients may use.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Members of one room.
    pub room_members: usize,
    /// Rooms one socket may be in.
    pub rooms_per_socket: usize,
    /// Sockets connected at once; more are refused.
    pub sockets: usize,
    /// Messages a second from one socket, on average. What is over is dropped.
    pub messages_per_second: u32,
    /// Messages from one socket in one burst.
    pub message_burst: u32,
    /// Bytes a second from one socket, on average. What is over is dropped.
    pub bytes_per_second: u32,
    /// Bytes from one socket in one burst.
    pub byte_burst: u32,
    /// Direct messages a second from one socket, on average. What is over is refused.
    pub direct_per_second: u32,
    /// Direct messages from one socket in one burst.
    pub direct_burst: u32,
    /// Questions a second from one socket who is in a room, on average. What is over is refused.
    pub peeks_per_second: u32,
    /// Questions from one socket who is in a room, in one burst.
    pub peek_burst: u32,
    /// Messages of one socket that are dropped before the socket is, too.
    pub dropped_messages: u32,
    /// Largest message, in bytes. A larger one ends the connection.
    pub message_bytes: usize,
    /// Messages that wait for one slow socket. Those that find no place are dropped; the ping, which finds no place
    /// either, then ends the connection.
    pub send_queue: usize,
    /// Time between two pings. A socket that is gone without a word is noticed after this and [`Self::ping_timeout`].
    pub ping_interval: Duration,
    /// How long the answer to a ping may take.
    pub ping_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            room_members: limits::ROOM_MEMBERS,
            rooms_per_socket: limits::ROOMS_PER_SOCKET,
            sockets: 4_096,
            messages_per_second: limits::SIGNALING_PER_SECOND,
            message_burst: limits::SIGNALING_BURST,
            // Fifteen offers of 16 KiB are one renegotiation of a full mesh; the burst holds thirty of them.
            bytes_per_second: 1 << 20,
            byte_burst: 8 << 20,
            direct_per_second: limits::DIRECT_PER_SECOND,
            direct_burst: limits::DIRECT_BURST,
            // One lobby asks once.
            peeks_per_second: 1,
            peek_burst: 5,
            dropped_messages: 500,
            message_bytes: limits::SIGNALING_MESSAGE_BYTES,
            send_queue: 1_024,
            ping_interval: Duration::from_secs(10),
            ping_timeout: Duration::from_secs(10),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_debug_form_holds_a_secret() {
        let secret = "hunter2";
        let config = ServerConfig {
            secret: Some(secret.into()),
            turn: Some(TurnConfig { secret: secret.into(), urls: Vec::new(), ttl: Duration::ZERO }),
            tokens: Some(TokenConfig { key: secret.into(), require: true }),
            ..ServerConfig::default()
        };
        // Neither as text nor as the numbers of a `Vec<u8>`, on one line or on many.
        let text: String = format!("{config:?} {config:#?}").split_whitespace().collect();
        assert!(text.contains("<redacted>") && text.contains("require:true"), "{text}");
        let numbers = secret.as_bytes().iter().map(u8::to_string).collect::<Vec<_>>().join(",");
        assert!(!text.contains(secret) && !text.contains(&numbers), "{text}");
    }
}

//! What a server can be told.

mod metered;
mod peerjs;

pub use metered::{MeteredConfig, MeteredKey};
pub use peerjs::PeerServerConfig;

use crate::limits::Limits;
use crate::sync::lock;
use confab_wire::room::RoomId;
use ipnet::IpNet;
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
    /// Reverse proxies in front of the server: of a connection from one of these the last address in `X-Forwarded-For` is
    /// the client's, and limits per address hold for that one. Nobody else's header is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Where the landing page sends people who do not have the app yet.
    pub download_url: Option<Url>,
    /// STUN URLs handed to clients.
    pub stun: Vec<String>,
    /// TURN servers handed to clients, with credentials made for each.
    pub turn: Option<TurnConfig>,
    /// Key of the resume tokens, 32 bytes or more. `None` makes a random one: then members who come back after a restart of
    /// the server come back as someone else. [`kept_secret`](crate::kept_secret) makes one and keeps it.
    pub secret: Option<Vec<u8>>,
    /// Rooms that people may be in: `None` for any, as on a server for everybody. Joining another one is refused with
    /// [`RoomClosed`](confab_wire::signaling::RefusalCode::RoomClosed).
    pub rooms: Option<OpenRooms>,
    /// Tokens of members. `None` does not look at them.
    pub tokens: Option<TokenConfig>,
    /// The PeerServer beside the rooms; `None` for none.
    pub peerjs: Option<PeerServerConfig>,
    /// The endpoint of Metered Realtime at `/v1`; `None` for none.
    pub metered: Option<MeteredConfig>,
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
        let Self {
            listen,
            fallback_ports,
            public_url,
            trusted_proxies,
            download_url,
            stun,
            turn,
            secret,
            rooms,
            tokens,
            peerjs,
            metered,
            limits,
        } = self;
        f.debug_struct("ServerConfig")
            .field("listen", listen)
            .field("fallback_ports", fallback_ports)
            .field("public_url", public_url)
            .field("trusted_proxies", trusted_proxies)
            .field("download_url", download_url)
            .field("stun", stun)
            .field("turn", turn)
            .field("secret", &secret.as_ref().map(|_| "<redacted>"))
            .field("rooms", rooms)
            .field("tokens", tokens)
            .field("peerjs", peerjs)
            .field("metered", metered)
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
            trusted_proxies: Vec::new(),
            download_url: None,
            stun: PUBLIC_STUN.map(str::to_owned).to_vec(),
            turn: None,
            secret: None,
            rooms: None,
            tokens: None,
            peerjs: None,
            metered: None,
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
            metered: Some(MeteredConfig {
                publishable_keys: Vec::new(),
                token_keys: vec![MeteredKey { id: "k1".into(), secret: secret.into() }],
            }),
            ..ServerConfig::default()
        };
        // Neither as text nor as the numbers of a `Vec<u8>`, on one line or on many.
        let text: String = format!("{config:?} {config:#?}").split_whitespace().collect();
        assert!(text.contains("<redacted>") && text.contains("require:true"), "{text}");
        let numbers = secret.as_bytes().iter().map(u8::to_string).collect::<Vec<_>>().join(",");
        assert!(!text.contains(secret) && !text.contains(&numbers), "{text}");
    }
}

//! ICE servers for clients, with TURN credentials that expire.

use crate::config::{ServerConfig, TurnConfig};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use confab_wire::signaling::IceServer;
use hmac::{Hmac, Mac};
use sha1::Sha1;
use std::time::{SystemTime, UNIX_EPOCH};

/// What the server tells clients about STUN and TURN.
#[derive(Debug, Clone)]
pub(crate) struct Ice {
    stun: Vec<String>,
    turn: Option<TurnConfig>,
}

impl Ice {
    pub(crate) fn new(config: &ServerConfig) -> Self {
        Self { stun: config.stun.clone(), turn: config.turn.clone() }
    }

    /// The servers, with a TURN credential that begins to age at `now`.
    pub(crate) fn servers(&self, now: SystemTime) -> Vec<IceServer> {
        let mut servers = Vec::with_capacity(2);
        if !self.stun.is_empty() {
            servers.push(IceServer { urls: self.stun.clone(), username: None, credential: None });
        }
        if let Some(turn) = self.turn.as_ref().filter(|turn| !turn.urls.is_empty()) {
            let expiry = now.duration_since(UNIX_EPOCH).unwrap_or_default() + turn.ttl;
            let username = expiry.as_secs().to_string();
            let credential = credential(&turn.secret, &username);
            let urls = turn.urls.clone();
            servers.push(IceServer { urls, username: Some(username), credential: Some(credential) });
        }
        IceServer::sanitize(servers)
    }
}

/// base64(HMAC-SHA-1(secret, username)): draft-uberti-behave-turn-rest-00 section 2.2, as coturn checks it.
fn credential(secret: &str, username: &str) -> String {
    // HMAC takes keys of every length; the error type is that of the generic trait.
    #[allow(clippy::expect_used)]
    let mut mac = Hmac::<Sha1>::new_from_slice(secret.as_bytes()).expect("HMAC takes a key of any length");
    mac.update(username.as_bytes());
    STANDARD.encode(mac.finalize().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn credentials_are_those_of_the_turn_rest_draft() {
        let turn = TurnConfig {
            secret: "north".into(),
            urls: vec!["turn:turn.example.org:3478?transport=udp".into()],
            ttl: Duration::from_secs(3600),
        };
        let ice = Ice { stun: vec!["stun:stun.example.org".into()], turn: Some(turn) };
        let servers = ice.servers(UNIX_EPOCH + Duration::from_secs(1_700_000_000));
        assert_eq!(servers.len(), 2);
        assert_eq!(servers[0].urls, ["stun:stun.example.org"]);
        assert_eq!(servers[1].username.as_deref(), Some("1700003600"));
        // printf 1700003600 | openssl dgst -sha1 -hmac north -binary | base64
        assert_eq!(servers[1].credential.as_deref(), Some("xF4I6gruVt/PjGbjajGu2UlidPk="));
    }

    #[test]
    fn without_stun_and_turn_there_is_nothing_to_tell() {
        assert_eq!(Ice { stun: Vec::new(), turn: None }.servers(UNIX_EPOCH), []);
    }
}

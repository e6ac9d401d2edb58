//! ICE servers for clients, with TURN credentials that expire.

use crate::config::{ServerConfig, TurnConfig};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use confab_wire::signaling::IceServer;
use hmac::{Hmac, Mac};
use sha1::Sha1;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

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

    /// The servers; for a member also those of TURN, with a credential in its name. A member who asks again gets the same one
    /// for a while, so that nobody can collect them.
    pub(crate) fn servers(&self, now: SystemTime, member: Option<&str>) -> Vec<IceServer> {
        let mut servers = Vec::with_capacity(2);
        if !self.stun.is_empty() {
            servers.push(IceServer { urls: self.stun.clone(), username: None, credential: None });
        }
        let turn = self.turn.as_ref().filter(|turn| !turn.urls.is_empty());
        if let (Some(turn), Some(member)) = (turn, member) {
            let username = format!("{}:{member}", expiry(now, turn.ttl));
            let credential = credential(&turn.secret, &username);
            let urls = turn.urls.clone();
            servers.push(IceServer { urls, username: Some(username), credential: Some(credential) });
        }
        IceServer::sanitize(servers)
    }
}

/// When a credential that is given out at `now` ends, in seconds since 1970: at most a tenth of `ttl` before that is over.
fn expiry(now: SystemTime, ttl: Duration) -> u64 {
    let step = (ttl.as_secs() / 10).max(1);
    let end = now.duration_since(UNIX_EPOCH).unwrap_or_default().saturating_add(ttl).as_secs();
    end - end % step
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

    #[test]
    fn credentials_are_those_of_the_turn_rest_draft() {
        let turn = TurnConfig {
            secret: "north".into(),
            urls: vec!["turn:turn.example.org:3478?transport=udp".into()],
            ttl: Duration::from_secs(3600),
        };
        let ice = Ice { stun: vec!["stun:stun.example.org".into()], turn: Some(turn) };
        let at = |seconds: u64| UNIX_EPOCH + Duration::from_secs(seconds);
        let servers = ice.servers(at(1_700_000_000), Some("ann"));
        assert_eq!(servers.len(), 2);
        assert_eq!(servers[0].urls, ["stun:stun.example.org"]);
        assert_eq!(servers[1].username.as_deref(), Some("1700003520:ann"));
        // printf 1700003520:ann | openssl dgst -sha1 -hmac north -binary | base64
        assert_eq!(servers[1].credential.as_deref(), Some("YcURfeUiLTzFWlMuShG8BwOpVN8="));
        assert_eq!(ice.servers(at(1_700_000_100), Some("ann")), servers, "asked again");
        assert_ne!(ice.servers(at(1_700_000_400), Some("ann")), servers, "asked later");
        assert_eq!(ice.servers(at(1_700_000_000), None), servers[..1], "a stranger");
    }

    #[test]
    fn without_stun_and_turn_there_is_nothing_to_tell() {
        assert_eq!(Ice { stun: Vec::new(), turn: None }.servers(UNIX_EPOCH, None), []);
    }
}

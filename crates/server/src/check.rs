//! What can be wrong with a configuration: it is refused before the server starts, since those who would notice are others.

use crate::config::{MeteredConfig, MeteredKey, ServerConfig};
use crate::secret::SECRET_BYTES;
use confab_wire::limits;
use confab_wire::signaling::{IceUrl, IceUrlError};
use url::Url;

/// Why a configuration is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// An address of a STUN or TURN server that browsers throw on.
    #[error("{url:?} is no address of a {kind} server: {error}")]
    IceUrl {
        /// The address.
        url: String,
        /// `STUN` or `TURN`.
        kind: &'static str,
        /// What is wrong with it.
        error: IceUrlError,
    },
    /// An address of a STUN server where one of a TURN server belongs, or the other way round.
    #[error("{url:?} is no address of a {kind} server, but of another kind")]
    IceKind {
        /// The address.
        url: String,
        /// `STUN` or `TURN`.
        kind: &'static str,
    },
    /// More addresses than clients take.
    #[error("there are {count} {kind} servers; clients take at most {max}", max = limits::ICE_URLS)]
    TooManyIceUrls {
        /// `STUN` or `TURN`.
        kind: &'static str,
        /// How many there are.
        count: usize,
    },
    /// TURN servers without a secret.
    #[error("the secret of the TURN servers is empty; it is what coturn calls static-auth-secret")]
    TurnSecret,
    /// A public address with more than a host and a port.
    #[error("the public address {0} has a path; rooms are at the root of a host, as in https://meet.example.org")]
    PublicPath(Url),
    /// A path of the PeerServer where something else is, or that no client can ask for.
    #[error("the path {0:?} of the PeerServer is taken, or no path")]
    PeerServerPath(String),
    /// An empty key of the PeerServer: clients without one are refused.
    #[error("the key of the PeerServer is empty")]
    PeerServerKey,
    /// A publishable key of the Metered endpoint that is none.
    #[error("a publishable key is pk_ and 5 to 125 more letters, digits, - or _; this is none: {0:?}")]
    PublishableKey(String),
    /// A key of Metered tokens without an id, or with the id of another.
    #[error("{0:?} is no id of a key, or that of two keys")]
    TokenKeyId(String),
    /// A key of Metered tokens that can be guessed.
    #[error("the secret of the key {id:?} has {bytes} bytes; it needs {SECRET_BYTES}")]
    TokenKeySecret {
        /// The id of the key.
        id: String,
        /// How many it has.
        bytes: usize,
    },
    /// A Metered endpoint that nobody could enter.
    #[error("the Metered endpoint has no keys")]
    NoMeteredKeys,
    /// An empty key of resume tokens: anybody could make them.
    #[error("the secret is empty")]
    Secret,
}

impl ServerConfig {
    /// Looks for what would make calls fail later.
    ///
    /// # Errors
    /// [`ConfigError`]: what is wrong first.
    pub fn check(&self) -> Result<(), ConfigError> {
        check_urls("STUN", false, &self.stun)?;
        if let Some(turn) = &self.turn {
            check_urls("TURN", true, &turn.urls)?;
            if turn.secret.trim().is_empty() {
                return Err(ConfigError::TurnSecret);
            }
        }
        if let Some(url) = self.public_url.as_ref().filter(|url| !is_root(url)) {
            return Err(ConfigError::PublicPath(url.clone()));
        }
        if self.secret.as_ref().is_some_and(Vec::is_empty) {
            return Err(ConfigError::Secret);
        }
        if let Some(metered) = &self.metered {
            check_metered(metered)?;
        }
        if let Some(peerjs) = &self.peerjs {
            if !peerjs.has_good_path() {
                return Err(ConfigError::PeerServerPath(peerjs.path.clone()));
            }
            if peerjs.key.is_empty() {
                return Err(ConfigError::PeerServerKey);
            }
        }
        Ok(())
    }
}

fn check_metered(config: &MeteredConfig) -> Result<(), ConfigError> {
    let MeteredConfig { publishable_keys, token_keys } = config;
    if publishable_keys.is_empty() && token_keys.is_empty() {
        return Err(ConfigError::NoMeteredKeys);
    }
    let plain = |key: &&String| {
        let known = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        key.starts_with("pk_") && (8..=limits::ID_BYTES).contains(&key.len()) && key.chars().all(known)
    };
    if let Some(key) = publishable_keys.iter().find(|key| !plain(key)) {
        return Err(ConfigError::PublishableKey(key.clone()));
    }
    for (place, MeteredKey { id, secret }) in token_keys.iter().enumerate() {
        let twice = token_keys[..place].iter().any(|other| other.id == *id);
        if twice || !limits::is_clean(id, limits::ID_BYTES) {
            return Err(ConfigError::TokenKeyId(id.clone()));
        }
        if secret.trim_ascii().len() < SECRET_BYTES {
            return Err(ConfigError::TokenKeySecret { id: id.clone(), bytes: secret.trim_ascii().len() });
        }
    }
    Ok(())
}

fn check_urls(kind: &'static str, turn: bool, urls: &[String]) -> Result<(), ConfigError> {
    for url in urls {
        match IceUrl::parse(url) {
            Ok(parsed) if parsed.turn == turn => {}
            Ok(_) => return Err(ConfigError::IceKind { url: url.clone(), kind }),
            Err(error) => return Err(ConfigError::IceUrl { url: url.clone(), kind, error }),
        }
    }
    if urls.len() > limits::ICE_URLS {
        return Err(ConfigError::TooManyIceUrls { kind, count: urls.len() });
    }
    Ok(())
}

fn is_root(url: &Url) -> bool {
    url.path() == "/" && url.query().is_none() && url.fragment().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::TurnConfig;
    use std::time::Duration;

    fn with_turn(secret: &str, urls: &[&str]) -> ServerConfig {
        let urls = urls.iter().map(|url| (*url).to_owned()).collect();
        let turn = TurnConfig { secret: secret.into(), urls, ttl: Duration::from_secs(60) };
        ServerConfig { turn: Some(turn), ..ServerConfig::default() }
    }

    #[test]
    fn what_would_fail_later_is_refused_at_once() {
        assert_eq!(ServerConfig::default().check(), Ok(()));
        let stun = |urls: &[&str]| ServerConfig {
            stun: urls.iter().map(|url| (*url).to_owned()).collect(),
            ..ServerConfig::default()
        };
        assert!(
            matches!(stun(&["stun:a", "stun://b"]).check(), Err(ConfigError::IceUrl { url, .. }) if url == "stun://b")
        );
        assert!(matches!(stun(&["turn:a"]).check(), Err(ConfigError::IceKind { .. })));
        assert!(matches!(stun(&["stun:a"; 9]).check(), Err(ConfigError::TooManyIceUrls { count: 9, .. })));
        assert_eq!(with_turn("north", &["turn:a"]).check(), Ok(()));
        assert!(matches!(with_turn("north", &["stun:a"]).check(), Err(ConfigError::IceKind { .. })));
        assert_eq!(with_turn(" ", &["turn:a"]).check(), Err(ConfigError::TurnSecret));
        let at = |url: &str| ServerConfig { public_url: url.parse().ok(), ..ServerConfig::default() };
        assert_eq!(at("https://meet.example.org:8443/").check(), Ok(()));
        for url in ["https://example.org/confab/", "https://example.org/?a", "https://example.org/#a"] {
            assert!(matches!(at(url).check(), Err(ConfigError::PublicPath(_))), "{url}");
        }
        let empty = ServerConfig { secret: Some(Vec::new()), ..ServerConfig::default() };
        assert_eq!(empty.check(), Err(ConfigError::Secret));
    }
}

//! How a client connects.

use super::token::TokenProvider;
use crate::error::{ConnectError, OptionsError};
use std::fmt;
use std::time::Duration;
use url::{Host, Url};

/// Longest publishable key.
const KEY_BYTES: usize = 1024;
/// Silence of the server after which a connection counts as dead.
const INACTIVITY: Duration = Duration::from_secs(60);
/// The shortest time between two pings.
const SHORTEST_PING: Duration = Duration::from_secs(1);

/// What lets a client in.
#[derive(Clone)]
pub enum Credentials {
    /// A publishable key (`pk_…`): a new peer id with each connection.
    ApiKey(String),
    /// Tokens: the peer id is the token's `sub`.
    Tokens(TokenProvider),
}

/// Without the key.
impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if matches!(self, Self::ApiKey(_)) { "ApiKey" } else { "Tokens" })
    }
}

/// Pauses between attempts to reconnect.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reconnection {
    /// Before the first one; doubled for each further one.
    pub delay: Duration,
    /// The longest.
    pub delay_max: Duration,
    /// How far a pause strays to both sides, as a part of it.
    pub jitter: f64,
    /// Attempts in a row before the client gives up.
    pub attempts: u32,
}

impl Default for Reconnection {
    fn default() -> Self {
        Self { delay: Duration::from_millis(500), delay_max: Duration::from_secs(30), jitter: 0.2, attempts: 100 }
    }
}

/// How a client connects.
#[derive(Debug, Clone)]
pub struct SignallingOptions {
    pub(crate) origin: Url,
    pub(crate) credentials: Credentials,
    /// How it comes back.
    pub reconnection: Reconnection,
    /// Silence of the server after which a connection counts as dead; pings go after a third of it, at least 1 s.
    pub inactivity_timeout: Duration,
    insecure: bool,
}

impl SignallingOptions {
    /// For the server at `origin`: `wss://…`, or `ws://` on this computer. `https` and `http` mean the same.
    pub fn new(origin: &str, credentials: Credentials) -> Result<Self, OptionsError> {
        let options = Self {
            origin: parse(origin)?,
            credentials,
            reconnection: Reconnection::default(),
            inactivity_timeout: INACTIVITY,
            insecure: false,
        };
        if let Credentials::ApiKey(key) = &options.credentials
            && (key.is_empty() || key.len() > KEY_BYTES || key.chars().any(|char| char.is_control() || char == ' '))
        {
            return Err(OptionsError::ApiKey);
        }
        Ok(options)
    }

    /// Lets keys, tokens and messages go to another computer without encryption.
    pub fn allow_insecure(mut self) -> Self {
        self.insecure = true;
        self
    }

    /// Refuses a server that may not be spoken to.
    pub(crate) fn check(&self) -> Result<(), OptionsError> {
        let loopback = match self.origin.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(address)) => address == std::net::Ipv4Addr::LOCALHOST,
            Some(Host::Ipv6(address)) => address == std::net::Ipv6Addr::LOCALHOST,
            None => false,
        };
        if self.origin.scheme() == "wss" || loopback || self.insecure { Ok(()) } else { Err(OptionsError::Insecure) }
    }

    /// When the server is asked for a sign of life.
    pub(crate) fn ping_after(&self) -> Duration {
        (self.inactivity_timeout / 3).max(SHORTEST_PING)
    }

    /// The address with what lets this client in. Not for the log.
    pub(crate) async fn address(&self) -> Result<Url, ConnectError> {
        let (name, value) = match &self.credentials {
            Credentials::ApiKey(key) => ("key", key.clone()),
            Credentials::Tokens(provider) => ("token", provider.token().await?),
        };
        let mut address = self.origin.clone();
        address.set_path("/v1");
        address.query_pairs_mut().append_pair(name, &value);
        Ok(address)
    }
}

fn parse(origin: &str) -> Result<Url, OptionsError> {
    let origin = match origin.split_once("://") {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => format!("ws://{rest}"),
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("https") => format!("wss://{rest}"),
        _ => origin.to_owned(),
    };
    let url = Url::parse(&origin).map_err(|_| OptionsError::Url)?;
    let is_origin = matches!(url.scheme(), "ws" | "wss")
        && url.has_host()
        && matches!(url.path(), "" | "/")
        && url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none();
    if is_origin { Ok(url) } else { Err(OptionsError::Url) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(origin: &str) -> Result<SignallingOptions, OptionsError> {
        let options = SignallingOptions::new(origin, Credentials::ApiKey("pk_live_1".into()))?;
        options.check().map(|()| options)
    }

    #[test]
    fn only_origins_are_servers() {
        for good in
            ["wss://rt.example", "wss://rt.example:8443/", "ws://localhost:3000", "ws://127.0.0.1:1", "ws://[::1]:1"]
        {
            assert!(options(good).is_ok(), "{good}");
        }
        for bad in [
            "wss://rt.example/v1",
            "wss://rt.example?x",
            "wss://rt.example#x",
            "ftp://rt.example",
            "rt.example",
            "wss://u@x",
        ] {
            assert_eq!(options(bad).unwrap_err(), OptionsError::Url, "{bad}");
        }
        for open in ["ws://192.0.2.1", "ws://localhost.example"] {
            assert_eq!(options(open).unwrap_err(), OptionsError::Insecure, "{open}");
        }
        let open = SignallingOptions::new("http://192.0.2.1", Credentials::ApiKey("pk".into())).unwrap();
        assert_eq!(open.allow_insecure().check(), Ok(()));
        assert_eq!(
            SignallingOptions::new("wss://x", Credentials::ApiKey(String::new())).unwrap_err(),
            OptionsError::ApiKey
        );
    }

    #[tokio::test]
    async fn credentials_are_escaped_in_the_address_and_not_shown() {
        let options = SignallingOptions::new("https://rt.example", Credentials::ApiKey("pk&a=+/".into())).unwrap();
        let address = options.address().await.unwrap();
        assert_eq!(address.as_str(), "wss://rt.example/v1?key=pk%26a%3D%2B%2F");
        assert!(!format!("{options:?}").contains("pk&"));
        let provider = TokenProvider::new(|| async { Ok::<_, std::io::Error>("a.b.c".to_owned()) });
        let options = SignallingOptions::new("wss://rt.example", Credentials::Tokens(provider)).unwrap();
        assert_eq!(options.address().await.unwrap().query(), Some("token=a.b.c"));
    }
}

//! Proxies on the way to the signaling server.

use percent_encoding::percent_decode_str;
use std::net::IpAddr;
use url::{Host, Url};

/// Longest user name or password of a proxy, in bytes (RFC 1929 section 2).
const CREDENTIAL_BYTES: usize = 255;

/// Which proxy is used on the way to the signaling server. Peers are never reached through one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum ProxyPolicy {
    /// The one of the environment, as other programs read it: `HTTPS_PROXY` for https and `HTTP_PROXY` for http, else
    /// `ALL_PROXY`, none for the hosts of `NO_PROXY`; each in capitals or not. This machine itself is always reached
    /// directly.
    #[default]
    Environment,
    /// None.
    Direct,
    /// This one, for every host.
    Through(Proxy),
}

/// A proxy server. Its debug form shows no password.
#[derive(Clone, PartialEq, Eq)]
pub struct Proxy {
    pub(crate) kind: ProxyKind,
    /// A name, or an IP address without brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
    /// User name and password.
    pub(crate) credentials: Option<(String, String)>,
}

/// What the proxy speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ProxyKind {
    /// HTTP CONNECT (RFC 9110 section 9.3.6).
    Http,
    /// The same over TLS.
    Https,
    /// SOCKS5 (RFC 1928); `remote_dns` if the proxy finds the server's name.
    Socks5 { remote_dns: bool },
}

/// Why an address names no proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProxyError {
    /// It is no URL with a host.
    #[error("the address of the proxy is no URL")]
    Url,
    /// It is none of `http`, `https`, `socks5`, `socks5h`.
    #[error("the proxy speaks neither HTTP nor SOCKS5")]
    Scheme,
    /// A user name or password of more than 255 bytes.
    #[error("the credentials of the proxy are too long")]
    Credentials,
}

impl std::fmt::Debug for Proxy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Proxy")
            .field("kind", &self.kind)
            .field("host", &self.host)
            .field("port", &self.port)
            .field("has_credentials", &self.credentials.is_some())
            .finish()
    }
}

impl std::str::FromStr for Proxy {
    type Err = ProxyError;

    /// Reads `[http|https|socks5|socks5h]://[user:password@]host[:port]`; without a scheme it is http. With `socks5` the
    /// server's name is looked up here, with `socks5h` by the proxy.
    fn from_str(text: &str) -> Result<Self, ProxyError> {
        let text = text.trim();
        let url = if text.contains("://") { Url::parse(text) } else { Url::parse(&format!("http://{text}")) };
        let url = url.map_err(|_| ProxyError::Url)?;
        let (kind, port) = match url.scheme() {
            "http" => (ProxyKind::Http, 80),
            "https" => (ProxyKind::Https, 443),
            "socks5" => (ProxyKind::Socks5 { remote_dns: false }, 1080),
            "socks5h" => (ProxyKind::Socks5 { remote_dns: true }, 1080),
            _ => return Err(ProxyError::Scheme),
        };
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or(ProxyError::Url)?;
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        let credentials = (!url.username().is_empty() || url.password().is_some())
            .then(|| (decoded(url.username()), decoded(url.password().unwrap_or_default())));
        if credentials.iter().any(|(user, password)| user.len().max(password.len()) > CREDENTIAL_BYTES) {
            return Err(ProxyError::Credentials);
        }
        Ok(Self { kind, host, port: url.port().unwrap_or(port), credentials })
    }
}

impl ProxyPolicy {
    /// The proxy on the way to `target`, http or https; `None` for the direct way.
    pub(crate) fn choose(&self, target: &Url) -> Option<Proxy> {
        match self {
            Self::Direct => None,
            Self::Through(proxy) => Some(proxy.clone()),
            Self::Environment => from_environment(target, |name| std::env::var(name).ok()),
        }
    }
}

/// What the environment says. A value that can't be read is none, with a warning that does not show it.
fn from_environment(target: &Url, variable: impl Fn(&str) -> Option<String>) -> Option<Proxy> {
    let either = |name: &str| {
        [name.to_lowercase(), name.to_uppercase()]
            .iter()
            .find_map(|name| variable(name).filter(|text| !text.is_empty()))
    };
    let secure = matches!(target.scheme(), "https" | "wss");
    let value = either(if secure { "https_proxy" } else { "http_proxy" }).or_else(|| either("all_proxy"))?;
    if is_this_machine(target) || either("no_proxy").is_some_and(|list| is_excepted(target, &list)) {
        return None;
    }
    match value.parse() {
        Ok(proxy) => Some(proxy),
        Err(error) => {
            tracing::warn!(%error, "the proxy of the environment is not used");
            None
        }
    }
}

fn is_this_machine(target: &Url) -> bool {
    match target.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

/// Whether `list` (`*`, or names, which stand for what is below them as well, addresses and networks, each perhaps with a
/// port, between commas) holds the host.
fn is_excepted(target: &Url, list: &str) -> bool {
    let (Some(host), port) = (target.host(), target.port_or_known_default()) else { return false };
    list.split(',').map(str::trim).filter(|entry| !entry.is_empty()).any(|entry| {
        if entry == "*" {
            return true;
        }
        let (entry, only) = match entry.rsplit_once(':') {
            Some((name, number)) if !name.contains(':') || name.ends_with(']') => match number.parse::<u16>() {
                Ok(number) => (name, Some(number)),
                Err(_) => (entry, None),
            },
            _ => (entry, None),
        };
        let matches = match &host {
            Host::Domain(name) => is_below(name, entry),
            Host::Ipv4(ip) => is_within(IpAddr::V4(*ip), entry),
            Host::Ipv6(ip) => is_within(IpAddr::V6(*ip), entry),
        };
        matches && only.is_none_or(|only| Some(only) == port)
    })
}

/// Whether the name is `entry` or ends in it, label by label.
fn is_below(name: &str, entry: &str) -> bool {
    let entry = entry.trim_start_matches("*.").trim_start_matches('.').to_lowercase();
    !entry.is_empty() && (name == entry || name.strip_suffix(&entry).is_some_and(|rest| rest.ends_with('.')))
}

/// Whether the address is `entry`, or in the network that `entry` is.
fn is_within(ip: IpAddr, entry: &str) -> bool {
    let entry = entry.trim_start_matches('[').trim_end_matches(']');
    match entry.split_once('/') {
        None => entry.parse() == Ok(ip),
        Some((network, bits)) => {
            let (Ok(network), Ok(bits)) = (network.parse(), bits.parse::<u32>()) else { return false };
            match (ip, network) {
                (IpAddr::V4(ip), IpAddr::V4(network)) if bits <= 32 => {
                    let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
                    ip.to_bits() & mask == network.to_bits() & mask
                }
                (IpAddr::V6(ip), IpAddr::V6(network)) if bits <= 128 => {
                    let mask = u128::MAX.checked_shl(128 - bits).unwrap_or(0);
                    ip.to_bits() & mask == network.to_bits() & mask
                }
                _ => false,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxy(text: &str) -> Result<Proxy, ProxyError> {
        text.parse()
    }

    #[test]
    fn a_proxy_is_an_address_with_credentials_that_are_not_shown() {
        let full = proxy("socks5h://ann:p%40ss@[::1]:9050").unwrap();
        assert_eq!((full.kind, full.host.as_str(), full.port), (ProxyKind::Socks5 { remote_dns: true }, "::1", 9050));
        assert_eq!(full.credentials, Some(("ann".into(), "p@ss".into())));
        assert!(!format!("{full:?}").contains("p@ss"));
        let short = proxy("proxy.example:3128").unwrap();
        assert_eq!((short.kind, short.host.as_str(), short.port), (ProxyKind::Http, "proxy.example", 3128));
        assert_eq!(proxy("https://proxy.example").unwrap().port, 443);
        assert_eq!(proxy("socks5://proxy.example").unwrap().port, 1080);
        assert_eq!(proxy("ftp://proxy.example"), Err(ProxyError::Scheme));
        assert_eq!(proxy("http://"), Err(ProxyError::Url));
        assert_eq!(proxy(&format!("http://{}@proxy.example", "x".repeat(300))), Err(ProxyError::Credentials));
    }

    #[test]
    fn the_environment_is_read_as_other_programs_do() {
        let chosen = |target: &str, variables: &[(&str, &str)]| {
            let variable =
                |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
            from_environment(&Url::parse(target).unwrap(), variable).map(|proxy| proxy.host)
        };
        let all = [("HTTPS_PROXY", "http://s:1"), ("http_proxy", "http://p:1"), ("ALL_PROXY", "socks5://a:1")];
        assert_eq!(chosen("https://x.example", &all).as_deref(), Some("s"));
        assert_eq!(chosen("http://x.example", &all).as_deref(), Some("p"));
        assert_eq!(chosen("https://x.example", &all[1..]).as_deref(), Some("a"));
        assert_eq!(chosen("https://x.example", &[]), None);
        assert_eq!(chosen("https://x.example", &[("https_proxy", "")]), None);
        assert_eq!(chosen("https://x.example", &[("https_proxy", "gopher://x")]), None);
        for local in ["http://localhost:7420", "http://127.0.0.1", "http://[::1]", "http://a.localhost"] {
            assert_eq!(chosen(local, &all), None, "{local}");
        }
        for (no_proxy, target, direct) in [
            ("*", "http://x.example", true),
            ("x.example", "http://x.example", true),
            ("x.example", "http://y.x.example", true),
            (".x.example", "http://y.x.example", true),
            ("X.example ,other", "http://x.example", true),
            ("x.example", "http://max.example", false),
            ("x.example:81", "http://x.example", false),
            ("x.example:81", "http://x.example:81", true),
            ("10.0.0.0/8", "http://10.1.2.3", true),
            ("10.0.0.0/8", "http://11.1.2.3", false),
            ("0.0.0.0/0", "http://11.1.2.3", true),
            ("10.1.2.3", "http://10.1.2.3", true),
            ("fd00::/8", "http://[fd00::1]", true),
            ("[fd00::1]:81", "http://[fd00::1]:81", true),
            (",,", "http://x.example", false),
        ] {
            let variables = [("http_proxy", "http://p:1"), ("NO_PROXY", no_proxy)];
            assert_eq!(chosen(target, &variables).is_none(), direct, "{no_proxy} {target}");
        }
    }
}

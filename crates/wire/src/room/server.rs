//! Addresses of signaling servers.

use crate::text::is_invisible;
use std::net::{IpAddr, Ipv6Addr};
use url::{Host, Url};

/// Longest address of a server, in bytes. The name of a host has at most 253 (RFC 1035).
const ADDRESS_BYTES: usize = 300;

/// Why a text is no address of a signaling server.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ServerAddressError {
    /// Not a URL.
    #[error("the address is no URL: {0}")]
    Url(#[from] url::ParseError),
    /// Neither http nor https.
    #[error("only http and https")]
    Scheme,
    /// There is no host in it, or its name is none of the internet.
    #[error("no host")]
    Host,
    /// There is a user name or a password in it.
    #[error("a user name in an address is not allowed")]
    UserName,
    /// Longer than an address can be.
    #[error("the address is too long")]
    TooLong,
}

/// Parses the address of a signaling server: http or https, a host, no user name, path dropped.
///
/// # Errors
/// [`ServerAddressError`] for anything else.
pub fn parse_server(text: &str) -> Result<Url, ServerAddressError> {
    let mut url = Url::parse(text.trim())?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(ServerAddressError::Scheme);
    }
    let named = |name: &str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b));
    let host = match url.host() {
        Some(Host::Domain(name)) => named(name),
        Some(_) => true,
        None => false,
    };
    if !host {
        return Err(ServerAddressError::Host);
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(ServerAddressError::UserName);
    }
    url.set_path("/");
    url.set_query(None);
    url.set_fragment(None);
    if url.as_str().len() > ADDRESS_BYTES {
        return Err(ServerAddressError::TooLong);
    }
    Ok(url)
}

/// The addresses that somebody means who types the address of a server, the likeliest first: with a scheme one, without one
/// both.
///
/// # Errors
/// As [`parse_server`].
pub fn typed_server(text: &str) -> Result<Vec<Url>, ServerAddressError> {
    let text: String = text.chars().filter(|c| !is_invisible(*c)).collect();
    let quotes = |c: char| c.is_whitespace() || "<>\"'“”„«»‹›‘’‚,;.".contains(c);
    let text = text.trim_matches(quotes);
    if text.contains("://") {
        return Ok(vec![parse_server(text)?]);
    }
    let rest = text.trim_start_matches('/');
    let both = ["https", "http"].map(|scheme| parse_server(&format!("{scheme}://{rest}")));
    let [secure, plain] = both;
    let (secure, plain) = (secure?, plain?);
    Ok(if prefers_https(&secure) { vec![secure, plain] } else { vec![plain, secure] })
}

/// The likeliest scheme of an address without one: https for a name of the internet without a port, or with one that is usual
/// for https; http in a local network.
pub(super) fn prefers_https(url: &Url) -> bool {
    let Some(Host::Domain(name)) = url.host() else { return false };
    let local =
        !name.contains('.') || name.ends_with(".local") || name.ends_with(".lan") || name.ends_with(".localhost");
    !local && matches!(url.port(), None | Some(8443))
}

/// True if what is said to this server is read by nobody on the way: by https, or within this computer.
pub fn is_private(server: &Url) -> bool {
    let loopback = match server.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => IpAddr::V6(address).to_canonical().is_loopback() || address == Ipv6Addr::LOCALHOST,
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        None => false,
    };
    server.scheme() == "https" || loopback
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_may_lack_its_scheme() {
        let typed = |text: &str| typed_server(text).unwrap().iter().map(Url::to_string).collect::<Vec<_>>();
        assert_eq!(typed("meet.example"), ["https://meet.example/", "http://meet.example/"]);
        assert_eq!(typed(" meet.example/ "), ["https://meet.example/", "http://meet.example/"]);
        assert_eq!(typed("Meet.Example:8443"), ["https://meet.example:8443/", "http://meet.example:8443/"]);
        assert_eq!(typed("192.168.1.20:7420"), ["http://192.168.1.20:7420/", "https://192.168.1.20:7420/"]);
        assert_eq!(typed("localhost:7420")[0], "http://localhost:7420/");
        assert_eq!(typed("[::1]:7420")[0], "http://[::1]:7420/");
        assert_eq!(typed("host:7420")[0], "http://host:7420/");
        assert_eq!(typed("<https://meet.example/x?y#z>,"), ["https://meet.example/"]);
        assert_eq!(typed("HTTP://meet\u{200b}.example"), ["http://meet.example/"]);
    }

    #[test]
    fn what_is_no_address_is_refused() {
        use ServerAddressError::{Scheme, TooLong, UserName};
        assert_eq!(typed_server("ftp://meet.example"), Err(Scheme));
        assert_eq!(typed_server("ann@meet.example"), Err(UserName));
        assert_eq!(parse_server(&format!("http://{}.example", "x".repeat(ADDRESS_BYTES))), Err(TooLong));
        for text in ["", "  ", "two words", "http://", "meet example", "?", "."] {
            assert!(typed_server(text).is_err(), "{text}");
        }
    }

    #[test]
    fn only_https_and_this_computer_are_private() {
        let private = |text: &str| is_private(&text.parse().unwrap());
        for text in ["https://meet.example", "http://127.0.0.1:7420", "http://localhost:1", "http://[::1]"] {
            assert!(private(text), "{text}");
        }
        for text in ["http://meet.example", "http://192.168.1.20:7420", "http://localhost.example"] {
            assert!(!private(text), "{text}");
        }
    }
}

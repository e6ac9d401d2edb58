//! URLs of STUN and TURN servers (RFC 7064, RFC 7065), as browsers read them: `RTCPeerConnection` throws on any other.

use crate::limits;
use std::net::Ipv6Addr;

/// Why a text is no URL of a STUN or TURN server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IceUrlError {
    /// Over [`limits::ICE_FIELD_BYTES`].
    #[error("it is too long")]
    TooLong,
    /// Another scheme, or none.
    #[error("it begins with stun:, stuns:, turn: or turns:")]
    Scheme,
    /// Slashes, as other URLs have them.
    #[error("there are no slashes in it: stun:host:port")]
    Slashes,
    /// No host, or one with characters that no host has.
    #[error("there is no host in it, or one with other characters than letters, digits, - and .")]
    Host,
    /// An IPv6 address that does not stand in brackets.
    #[error("an IPv6 address stands in brackets: stun:[2001:db8::1]:3478")]
    Brackets,
    /// The port is no number from 1 to 65535.
    #[error("the port is not a number from 1 to 65535")]
    Port,
    /// A `?` in the URL of a STUN server.
    #[error("only the address of a TURN server has a ?")]
    StunQuery,
    /// Something else than the transport.
    #[error("after the ? stands transport=udp or transport=tcp")]
    Query,
}

/// A URL of a STUN or TURN server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IceUrl {
    /// It is that of a TURN server.
    pub turn: bool,
}

impl IceUrl {
    /// Reads one.
    ///
    /// # Errors
    /// [`IceUrlError`]: what is wrong, and how it should be.
    pub fn parse(url: &str) -> Result<Self, IceUrlError> {
        if url.len() > limits::ICE_FIELD_BYTES {
            return Err(IceUrlError::TooLong);
        }
        let (scheme, rest) = url.split_once(':').ok_or(IceUrlError::Scheme)?;
        let turn = match scheme {
            "stun" | "stuns" => false,
            "turn" | "turns" => true,
            _ => return Err(IceUrlError::Scheme),
        };
        if rest.contains('/') {
            return Err(IceUrlError::Slashes);
        }
        let (authority, query) = match rest.split_once('?') {
            Some(_) if !turn => return Err(IceUrlError::StunQuery),
            Some((authority, query)) => (authority, Some(query)),
            None => (rest, None),
        };
        if query.is_some_and(|query| !matches!(query, "transport=udp" | "transport=tcp")) {
            return Err(IceUrlError::Query);
        }
        check_authority(authority)?;
        Ok(Self { turn })
    }
}

/// Checks `host` or `host:port`.
fn check_authority(authority: &str) -> Result<(), IceUrlError> {
    let port = if let Some(bracketed) = authority.strip_prefix('[') {
        let (host, rest) = bracketed.split_once(']').ok_or(IceUrlError::Brackets)?;
        host.parse::<Ipv6Addr>().map_err(|_| IceUrlError::Host)?;
        match rest {
            "" => None,
            _ => Some(rest.strip_prefix(':').ok_or(IceUrlError::Port)?),
        }
    } else {
        let (host, port) = match authority.split_once(':') {
            Some((_, port)) if port.contains(':') => return Err(IceUrlError::Brackets),
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        };
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
        if host.is_empty() || host.starts_with('.') || host.contains("..") || !host.chars().all(allowed) {
            return Err(IceUrlError::Host);
        }
        port
    };
    let good =
        |port: &str| port.bytes().all(|digit| digit.is_ascii_digit()) && port.parse::<u16>().is_ok_and(|p| p > 0);
    if port.is_none_or(good) { Ok(()) } else { Err(IceUrlError::Port) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_browsers_take_is_taken() {
        for url in [
            "stun:stun.example.org",
            "stun:stun.example.org:3478",
            "stuns:192.0.2.1:5349",
            "stun:[2001:db8::1]:3478",
            "stun:[::1]",
        ] {
            assert_eq!(IceUrl::parse(url), Ok(IceUrl { turn: false }), "{url}");
        }
        for url in ["turn:turn.example.org", "turn:t:3478?transport=udp", "turns:[::1]:5349?transport=tcp"] {
            assert_eq!(IceUrl::parse(url), Ok(IceUrl { turn: true }), "{url}");
        }
    }

    #[test]
    fn what_they_throw_on_is_refused_by_what_is_wrong() {
        for (url, error) in [
            ("", IceUrlError::Scheme),
            ("stun.example.org:3478", IceUrlError::Scheme),
            ("STUN:a", IceUrlError::Scheme),
            ("http:a", IceUrlError::Scheme),
            ("none", IceUrlError::Scheme),
            (" stun:a", IceUrlError::Scheme),
            ("stun:", IceUrlError::Host),
            ("stun::3478", IceUrlError::Host),
            ("stun:a b", IceUrlError::Host),
            ("stun:a ", IceUrlError::Host),
            ("turn:user@host", IceUrlError::Host),
            ("stun://127.0.0.1:9", IceUrlError::Slashes),
            ("turn:host/", IceUrlError::Slashes),
            ("stun:127.0.0.1:9?transport=udp", IceUrlError::StunQuery),
            ("turn:a?transport=sctp", IceUrlError::Query),
            ("turn:a?", IceUrlError::Query),
            ("turn:a?transport=udp&x=1", IceUrlError::Query),
            ("stun:127.0.0.1:99999", IceUrlError::Port),
            ("stun:a:0", IceUrlError::Port),
            ("stun:a:", IceUrlError::Port),
            ("stun:a:+1", IceUrlError::Port),
            ("stun:[::1]x", IceUrlError::Port),
            ("turn:2001:db8::1:3478", IceUrlError::Brackets),
            ("stun:[::1", IceUrlError::Brackets),
            ("stun:[a]", IceUrlError::Host),
        ] {
            assert_eq!(IceUrl::parse(url), Err(error), "{url:?}");
        }
        assert_eq!(IceUrl::parse(&format!("stun:{}", "a".repeat(limits::ICE_FIELD_BYTES))), Err(IceUrlError::TooLong));
    }
}

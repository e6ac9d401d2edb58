//! URLs of STUN and TURN servers (RFC 7064 and RFC 7065), parsed before anything else sees them.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

/// Longest DNS name (RFC 1035 section 2.3.4).
const NAME_BYTES: usize = 253;
/// The registered ports, in the clear and under TLS (RFC 8489 section 18.5).
const PORT: u16 = 3478;
const TLS_PORT: u16 = 5349;

/// How a TURN server is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Transport {
    Udp,
    Tcp,
    Tls,
}

/// What a server does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Service {
    /// Tells this side's address as the internet sees it; always over UDP.
    Stun,
    /// Relays.
    Turn(Transport),
}

/// A parsed URL. It holds no credential, so it may be logged.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct IceUrl {
    pub(crate) service: Service,
    /// Name or address, an IPv6 address without brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
}

/// Why an ICE server, or one of its URLs, is not used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IceServerError {
    /// Neither `stun:`, `stuns:`, `turn:` nor `turns:`.
    #[error("it is none of stun:, stuns:, turn: and turns:")]
    Scheme,
    /// The host is missing or no name or address (RFC 3986 section 3.2.2).
    #[error("its host is not a name or an address")]
    Host,
    /// The port is no number from 1 to 65535.
    #[error("its port is not a number from 1 to 65535")]
    Port,
    /// The part behind `?` is not `transport=udp` or `transport=tcp` (RFC 7065 section 3.1).
    #[error("what follows the ? is neither transport=udp nor transport=tcp")]
    Query,
    /// TURN over DTLS (RFC 7350), which nobody offers.
    #[error("TURN over DTLS is not supported; over TLS it is")]
    Dtls,
    /// STUN over TLS tells the address of a TCP connection, which says nothing about the UDP sockets that media uses.
    #[error("STUN over TLS can't tell the address of a UDP socket; use stun: or turns:")]
    StunOverTls,
    /// A TURN server without a user name and a credential (W3C webrtc-pc section 4.4.1.6 makes it an error, too).
    #[error("a TURN server needs a user name and a credential")]
    NoCredential,
    /// A field is longer than [`confab_wire::limits::ICE_FIELD_BYTES`].
    #[error("its {0} is too long")]
    TooLong(&'static str),
    /// More servers or URLs than [`confab_wire::limits`] allow.
    #[error("there are too many {0}")]
    TooMany(&'static str),
}

impl IceUrl {
    /// Parses a URL.
    pub(crate) fn parse(text: &str) -> Result<Self, IceServerError> {
        let (scheme, rest) = text.split_once(':').ok_or(IceServerError::Scheme)?;
        let (address, query) = match rest.split_once('?') {
            Some((address, query)) => (address, Some(query)),
            None => (rest, None),
        };
        let over_tcp = match query.map(str::to_ascii_lowercase).as_deref() {
            None => None,
            Some("transport=udp") => Some(false),
            Some("transport=tcp") => Some(true),
            Some(_) => return Err(IceServerError::Query),
        };
        let (service, default_port) = match (scheme.to_ascii_lowercase().as_str(), over_tcp) {
            // RFC 7064 knows no query here, real configurations do; over UDP it says nothing new.
            ("stun", None | Some(false)) => (Service::Stun, PORT),
            ("stun", Some(true)) => return Err(IceServerError::Query),
            ("stuns", _) => return Err(IceServerError::StunOverTls),
            ("turn", None | Some(false)) => (Service::Turn(Transport::Udp), PORT),
            ("turn", Some(true)) => (Service::Turn(Transport::Tcp), PORT),
            ("turns", None | Some(true)) => (Service::Turn(Transport::Tls), TLS_PORT),
            ("turns", Some(false)) => return Err(IceServerError::Dtls),
            _ => return Err(IceServerError::Scheme),
        };
        let (host, port) = split_port(address)?;
        Ok(Self { service, host, port: port.unwrap_or(default_port) })
    }
}

/// Host and port of `host`, `host:port`, `[v6]` or `[v6]:port`.
fn split_port(address: &str) -> Result<(String, Option<u16>), IceServerError> {
    let (host, port) = if let Some(rest) = address.strip_prefix('[') {
        let (host, rest) = rest.split_once(']').ok_or(IceServerError::Host)?;
        if host.parse::<Ipv6Addr>().is_err() {
            return Err(IceServerError::Host);
        }
        let port = if rest.is_empty() { None } else { Some(rest.strip_prefix(':').ok_or(IceServerError::Port)?) };
        (host, port)
    } else {
        let (host, port) = match address.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (address, None),
        };
        if !is_name(host) {
            return Err(IceServerError::Host);
        }
        (host, port)
    };
    let port = match port {
        None => None,
        Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            Some(digits.parse().ok().filter(|port| *port > 0).ok_or(IceServerError::Port)?)
        }
        Some(_) => return Err(IceServerError::Port),
    };
    Ok((host.to_owned(), port))
}

/// True for IPv4 addresses and for names of letters, digits, hyphens and (seen in the wild) underscores.
fn is_name(host: &str) -> bool {
    if host.parse::<Ipv4Addr>().is_ok() {
        return true;
    }
    let label = |label: &str| {
        (1..=63).contains(&label.len()) && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    host.len() <= NAME_BYTES && host.strip_suffix('.').unwrap_or(host).split('.').all(label)
}

impl fmt::Display for IceUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, query) = match self.service {
            Service::Stun => ("stun", ""),
            Service::Turn(Transport::Udp) => ("turn", "?transport=udp"),
            Service::Turn(Transport::Tcp) => ("turn", "?transport=tcp"),
            Service::Turn(Transport::Tls) => ("turns", "?transport=tcp"),
        };
        let v6 = self.host.contains(':');
        let (open, close) = if v6 { ("[", "]") } else { ("", "") };
        write!(f, "{scheme}:{open}{}{close}:{}{query}", self.host, self.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> (Service, String, u16) {
        let url = IceUrl::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        (url.service, url.host, url.port)
    }

    #[test]
    fn the_examples_of_the_rfcs_are_understood() {
        use Service::{Stun, Turn};
        use Transport::{Tcp, Tls, Udp};
        for (text, service, host, port) in [
            ("stun:example.org", Stun, "example.org", 3478),
            ("stun:example.org:8000", Stun, "example.org", 8000),
            ("stun:192.0.2.1?transport=udp", Stun, "192.0.2.1", 3478),
            ("turn:example.org", Turn(Udp), "example.org", 3478),
            ("turns:example.org", Turn(Tls), "example.org", 5349),
            ("turn:example.org:8000", Turn(Udp), "example.org", 8000),
            ("turn:example.org?transport=udp", Turn(Udp), "example.org", 3478),
            ("turn:example.org?transport=tcp", Turn(Tcp), "example.org", 3478),
            ("turns:example.org?transport=tcp", Turn(Tls), "example.org", 5349),
            ("TURN:[2001:db8::1]:80?transport=TCP", Turn(Tcp), "2001:db8::1", 80),
            ("turn:[::1]", Turn(Udp), "::1", 3478),
            ("turn:my_turn.internal.:443?transport=tcp", Turn(Tcp), "my_turn.internal.", 443),
        ] {
            assert_eq!(parsed(text), (service, host.to_owned(), port), "{text}");
        }
    }

    #[test]
    fn rubbish_is_refused_by_name() {
        use IceServerError::{Dtls, Host, Port, Query, Scheme, StunOverTls};
        for (text, error) in [
            ("", Scheme),
            ("turn", Scheme),
            ("http://example.org", Scheme),
            ("turn:", Host),
            ("turn:user@example.org", Host),
            ("turn://example.org", Host),
            ("turn:exa mple.org", Host),
            ("turn:a..b", Host),
            ("turn:[example.org]", Host),
            ("turn:[::1", Host),
            ("turn:[::1]3478", Port),
            ("turn:example.org:", Port),
            ("turn:example.org:0", Port),
            ("turn:example.org:+80", Port),
            ("turn:example.org:65536", Port),
            ("turn:::1", Host),
            ("turn:example.org?transport=sctp", Query),
            ("turn:example.org?", Query),
            ("stun:example.org?transport=tcp", Query),
            ("turns:example.org?transport=udp", Dtls),
            ("stuns:example.org", StunOverTls),
        ] {
            assert_eq!(IceUrl::parse(text), Err(error), "{text}");
        }
        assert_eq!(IceUrl::parse(&format!("turn:{}", "a.".repeat(200))), Err(Host));
    }

    #[test]
    fn a_url_is_written_as_it_is_understood() {
        for text in ["stun:a:1", "turn:a:1?transport=udp", "turn:[::1]:1?transport=tcp", "turns:a:1?transport=tcp"] {
            assert_eq!(IceUrl::parse(text).unwrap().to_string(), text);
        }
    }
}

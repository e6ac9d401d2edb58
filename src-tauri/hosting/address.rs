//! The addresses of a room, and whether they are this computer's.

use confab_ipc::UserError;
use confab_wire::room::{RoomLink, parse_server};
use std::net::{Ipv4Addr, UdpSocket};
use url::{Host, Url};

/// A room and how this app reaches its server.
#[derive(Debug, Clone)]
pub struct RoomAddress {
    /// The room's link, as others know it.
    pub link: RoomLink,
    /// Address to dial instead of the one in the link.
    pub connect: Option<Url>,
}

/// The server that listens on `port` of this computer.
pub fn loopback(port: u16) -> Result<Url, UserError> {
    Ok(parse_server(&format!("http://{}:{port}", Ipv4Addr::LOCALHOST))?)
}

/// The port of a link that names an IPv4 address of this computer.
pub fn own_port(link: &RoomLink) -> Option<u16> {
    let Some(Host::Ipv4(address)) = link.server.host() else { return None };
    // Only an address of this computer can be bound.
    let own = link.server.scheme() == "http" && !address.is_unspecified() && UdpSocket::bind((address, 0)).is_ok();
    if own { link.server.port_or_known_default() } else { None }
}

/// True if the server of a link is this computer.
pub fn is_own(link: &RoomLink) -> bool {
    let loopback = link.server.host_str() == Some("localhost");
    loopback || own_port(link).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(text: &str) -> RoomLink {
        text.parse().unwrap()
    }

    #[test]
    fn only_addresses_of_this_computer_are_served() {
        assert_eq!(own_port(&link("http://127.0.0.1:7421/r/a")), Some(7421));
        assert_eq!(own_port(&link("http://127.0.0.1/r/a")), Some(80));
        // TEST-NET-3 (RFC 5737) belongs to nobody.
        for other in ["http://203.0.113.1:7420/r/a", "https://127.0.0.1:7420/r/a", "http://example.org/r/a"] {
            assert_eq!(own_port(&link(other)), None, "{other}");
        }
    }
}

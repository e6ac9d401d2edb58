//! From which address of this machine a server is reached.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;
use tokio::net::{UdpSocket, lookup_host};
use tokio::time::timeout;
use url::{Host, Url};

/// How long finding the server's name may take here. Who connects looks it up at the same time.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(2);

/// The address that the system uses for the way to the server of `url` now. The library that connects does not show its
/// socket; but it tries the addresses of the server in the same order, so the first one that has a way is its. `None` where
/// the system does not say.
pub(super) async fn local_address(url: &Url) -> Option<IpAddr> {
    let port = url.port_or_known_default()?;
    let servers = match url.host()? {
        Host::Ipv4(ip) => vec![SocketAddr::from((ip, port))],
        Host::Ipv6(ip) => vec![SocketAddr::from((ip, port))],
        Host::Domain(name) => timeout(LOOKUP_TIMEOUT, lookup_host((name, port))).await.ok()?.ok()?.collect(),
    };
    for server in servers {
        if let Some(local) = way_to(server).await {
            return Some(local);
        }
    }
    None
}

/// Connecting a UDP socket sends nothing; it asks the system for the way.
async fn way_to(server: SocketAddr) -> Option<IpAddr> {
    let any: IpAddr = if server.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind((any, 0)).await.ok()?;
    socket.connect(server).await.ok()?;
    Some(socket.local_addr().ok()?.ip())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_server_on_this_machine_is_reached_from_loopback() {
        let local = async |url: &str| local_address(&Url::parse(url).unwrap()).await;
        assert_eq!(local("http://127.0.0.1:7420/room").await, Some(Ipv4Addr::LOCALHOST.into()));
        assert!(local("http://localhost:7420/").await.is_some_and(|ip| ip.is_loopback()));
        assert_eq!(local("mailto:ann@example.org").await, None);
    }
}

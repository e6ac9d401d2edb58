//! The embedded server: rooms live in the app itself, for those who can reach this computer.

use confab_ipc::{ErrorCode, UserError};
use confab_server::{DEFAULT_PORT, OpenRooms, Server, ServerConfig};
use confab_wire::room::{RoomId, RoomLink, parse_server};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::time::Duration;
use tokio::time::timeout;
use tracing::{info, warn};
use url::{Host, Url};

/// How long starting and stopping may take.
const TIMEOUT: Duration = Duration::from_secs(5);

/// A room and how this app reaches its server.
#[derive(Debug, Clone)]
pub struct RoomAddress {
    /// The room's link, as others know it.
    pub link: RoomLink,
    /// Address to dial instead of the one in the link.
    pub connect: Option<Url>,
}

/// Starts the embedded server when it is first needed, and keeps it for the life of the app: people who were invited may
/// come while one is not in the room.
#[derive(Debug, Default)]
pub struct Hosting {
    server: Option<Server>,
    /// The rooms of this app; nobody else can use it as a server.
    rooms: OpenRooms,
}

impl Hosting {
    /// A room that nobody knows yet, on the embedded server. Fails with `ListenFailed` or `PortInUse`.
    pub async fn new_room(&mut self) -> Result<RoomAddress, UserError> {
        let server = match self.server.take() {
            Some(server) => server,
            None => self.listen(DEFAULT_PORT, true).await?,
        };
        let connect = loopback(server.local_addr().port())?;
        let shown = server.urls().into_iter().next().unwrap_or_else(|| connect.clone());
        self.server = Some(server);
        let room = RoomId::random();
        self.rooms.open(&room);
        Ok(RoomAddress { link: RoomLink::new(&shown, room)?, connect: Some(connect) })
    }

    /// The address of the room of `link`. A room that this app served before (`remembered`) is served again at the same
    /// address, unless someone else listens there.
    pub async fn address(&mut self, link: RoomLink, remembered: bool) -> RoomAddress {
        let connect = match own_port(&link) {
            Some(port) => self.serve(port, remembered).await,
            None => None,
        };
        if connect.is_some() && remembered {
            self.rooms.open(&link.room);
        }
        RoomAddress { link, connect }
    }

    async fn serve(&mut self, port: u16, remembered: bool) -> Option<Url> {
        if self.server.is_none() && remembered {
            match self.listen(port, false).await {
                Ok(server) => self.server = Some(server),
                Err(error) => info!(%error, "the room's address is dialled: this app can't serve it"),
            }
        }
        let served = self.server.as_ref().is_some_and(|server| server.local_addr().port() == port);
        if served { loopback(port).ok() } else { None }
    }

    /// On all addresses of this computer, so that others on the network can reach it.
    async fn listen(&self, port: u16, fallback_ports: bool) -> Result<Server, UserError> {
        let listen = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), port);
        let rooms = Some(self.rooms.clone());
        let config = ServerConfig { listen, fallback_ports, rooms, ..ServerConfig::default() };
        let server = timeout(TIMEOUT, Server::bind(config))
            .await
            .map_err(|_| UserError::with_detail(ErrorCode::ListenFailed, "no answer in time"))??;
        info!(address = %server.local_addr(), "the embedded server listens");
        Ok(server)
    }

    /// Tells those who are connected and stops.
    pub async fn stop(&mut self) {
        if let Some(server) = self.server.take()
            && timeout(TIMEOUT, server.shutdown()).await.is_err()
        {
            warn!("the embedded server took too long to stop");
        }
    }
}

fn loopback(port: u16) -> Result<Url, UserError> {
    parse_server(&format!("http://{}:{port}", Ipv4Addr::LOCALHOST))
}

/// The port of a link that names an IPv4 address of this computer.
fn own_port(link: &RoomLink) -> Option<u16> {
    let Some(Host::Ipv4(address)) = link.server.host() else { return None };
    // Only an address of this computer can be bound.
    let own = link.server.scheme() == "http" && !address.is_unspecified() && UdpSocket::bind((address, 0)).is_ok();
    if own { link.server.port_or_known_default() } else { None }
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

    #[tokio::test]
    async fn new_rooms_share_one_server_that_is_dialled_on_loopback() {
        let mut hosting = Hosting::default();
        let first = hosting.new_room().await.unwrap();
        let second = hosting.new_room().await.unwrap();
        assert_eq!(first.link.server, second.link.server);
        assert_ne!(first.link.room, second.link.room);
        assert_eq!(first.connect, second.connect);
        assert_eq!(first.connect.unwrap().host_str(), Some("127.0.0.1"));
        hosting.stop().await;
    }

    #[tokio::test]
    async fn a_server_of_ones_own_is_not_everybodys() {
        let mut hosting = Hosting::default();
        let room = hosting.new_room().await.unwrap().link;
        assert!(hosting.rooms.is_open(&room.room));
        let foreign = RoomLink { room: RoomId::random(), ..room };
        hosting.address(foreign.clone(), false).await;
        assert!(!hosting.rooms.is_open(&foreign.room));
        hosting.stop().await;
    }

    #[tokio::test]
    async fn a_room_of_ones_own_is_served_again_after_a_restart() {
        let mut before = Hosting::default();
        let room = before.new_room().await.unwrap();
        let mut stranger = Hosting::default();
        assert_eq!(stranger.address(room.link.clone(), true).await.connect, None, "the address is taken");
        before.stop().await;
        assert_eq!(stranger.address(room.link.clone(), false).await.connect, None, "never been there");
        let mut after = Hosting::default();
        assert_eq!(after.address(room.link, true).await.connect, room.connect);
        after.stop().await;
    }
}

//! The embedded server itself: started when it is first needed, and kept for the life of the app, since people who were invited
//! may come while one is not in the room.

use super::address::{RoomAddress, loopback};
use confab_ipc::{ErrorCode, UserError};
use confab_server::{BindError, DEFAULT_PORT, Limits, OpenRooms, Server, ServerConfig, kept_secret};
use confab_wire::room::{RoomId, RoomLink};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::timeout;
use tracing::{info, warn};
use url::Url;

/// How long starting and stopping may take.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Starts a server.
pub type Bind = Arc<dyn Fn(ServerConfig) -> Binding + Send + Sync>;
/// A server that is being started.
pub type Binding = Pin<Box<dyn Future<Output = Result<Server, UserError>> + Send>>;

/// The server, if it was needed, and its rooms.
pub struct EmbeddedServer {
    bind: Bind,
    /// The file of the secret that signs resume tokens: members find back in after a restart of the app.
    secret_file: Option<PathBuf>,
    server: Option<Server>,
    /// The rooms of this app; nobody else can use it as a server.
    pub rooms: OpenRooms,
    /// The port on which it listens.
    port: watch::Sender<Option<u16>>,
}

impl Default for EmbeddedServer {
    fn default() -> Self {
        Self::new(Arc::new(|config| Box::pin(bind_in_time(config))))
    }
}

async fn bind_in_time(config: ServerConfig) -> Result<Server, UserError> {
    match timeout(TIMEOUT, Server::bind(config)).await {
        Ok(bound) => bound.map_err(not_listening),
        Err(_) => Err(UserError::with_detail(ErrorCode::ListenFailed, "no answer in time")),
    }
}

impl EmbeddedServer {
    /// One that is not started yet.
    pub fn new(bind: Bind) -> Self {
        Self { bind, secret_file: None, server: None, rooms: OpenRooms::default(), port: watch::Sender::default() }
    }

    /// The same with its secret in this file.
    pub fn keeping(self, secret_file: PathBuf) -> Self {
        Self { secret_file: Some(secret_file), ..self }
    }

    /// The port on which it listens, if it does.
    pub fn port(&self) -> watch::Receiver<Option<u16>> {
        self.port.subscribe()
    }

    /// A new room. Fails with `ListenFailed` or `PortInUse`.
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

    /// Serves the room of `link`, whose server is `port` of this computer, again, unless someone else listens there. Returns the
    /// address to dial.
    pub async fn reopen(&mut self, link: &RoomLink, port: u16) -> Option<Url> {
        if self.server.is_none() {
            match self.listen(port, false).await {
                Ok(server) => self.server = Some(server),
                Err(error) => info!(%error, "the room's address is dialled: this app can't serve it"),
            }
        }
        let served = self.server.as_ref().is_some_and(|server| server.local_addr().port() == port);
        let connect = if served { loopback(port).ok() } else { None }?;
        self.rooms.open(&link.room);
        Some(connect)
    }

    /// On all addresses of this computer, so that others on the network can reach it.
    async fn listen(&self, port: u16, fallback_ports: bool) -> Result<Server, UserError> {
        let listen = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), port);
        let rooms = Some(self.rooms.clone());
        let (secret, limits) = (self.secret().await, Limits::embedded());
        let config = ServerConfig { listen, fallback_ports, rooms, secret, limits, ..ServerConfig::default() };
        let server = (self.bind)(config).await?;
        info!(address = %server.local_addr(), "the embedded server listens");
        self.port.send_replace(Some(server.local_addr().port()));
        Ok(server)
    }

    /// The kept secret; `None` makes the server choose one for its own life.
    async fn secret(&self) -> Option<Vec<u8>> {
        let path = self.secret_file.clone()?;
        match timeout(TIMEOUT, tokio::task::spawn_blocking(move || kept_secret(&path))).await {
            Ok(Ok(Ok(secret))) => return Some(secret),
            Ok(Ok(Err(error))) => warn!(%error, "the server's secret is not kept"),
            Ok(Err(error)) => warn!(%error, "the server's secret is not kept"),
            Err(_) => warn!("the disk of the server's secret did not answer in time"),
        }
        None
    }

    /// Closes every connection in order and stops.
    pub async fn stop(&mut self) {
        if let Some(server) = self.server.take()
            && timeout(TIMEOUT, server.shutdown()).await.is_err()
        {
            warn!("the embedded server took too long to stop");
        }
        self.port.send_replace(None);
    }
}

fn not_listening(error: BindError) -> UserError {
    let code = match error {
        BindError::PortInUse { .. } => ErrorCode::PortInUse,
        _ => ErrorCode::ListenFailed,
    };
    UserError::with_detail(code, error)
}

#[cfg(test)]
impl EmbeddedServer {
    /// One whose start waits at a gate, and then fails.
    pub fn behind(gate: &crate::test_gate::Gate) -> Self {
        let waiter = gate.waiter();
        Self::new(Arc::new(move |_| {
            let waiter = waiter.clone();
            Box::pin(async move {
                tokio::task::spawn_blocking(move || waiter.wait()).await.unwrap();
                Err(ErrorCode::ListenFailed.into())
            })
        }))
    }
}

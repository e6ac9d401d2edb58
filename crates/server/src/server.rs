//! The running server: its listener, its HTTP side and its end.

use crate::config::ServerConfig;
use crate::error::BindError;
use crate::http::address;
use crate::http::page::{self, Site};
use crate::socket::{self, ServerState};
use axum::Router;
use confab_wire::room;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use socketioxide::{ParserConfig, SocketIo};
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower_http::cors::{Any, CorsLayer};
use url::Url;

/// Ports that are tried after a taken one, before any free one is.
const FALLBACK_PORTS: u16 = 16;
/// How long a client may take to send the head of a request.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a client may take to say what namespace it wants, once it has connected.
const NAMESPACE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long sockets and requests may take to end when the server stops; each of the two.
const STOP_TIMEOUT: Duration = Duration::from_secs(2);
/// Pause after the system could not accept a connection (too many open files).
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// A signaling server. It runs in the background until [`Server::shutdown`], or until it is dropped.
#[derive(Debug)]
pub struct Server {
    local: SocketAddr,
    public_url: Option<Url>,
    stop: CancellationToken,
    running: JoinHandle<()>,
}

impl Server {
    /// Listens and serves. Needs a Tokio runtime, which it goes on using.
    ///
    /// # Errors
    /// [`BindError`]: the port is taken, or the address can't be used.
    pub async fn bind(config: ServerConfig) -> Result<Server, BindError> {
        let listener = listen(config.listen, config.fallback_ports).await?;
        let local = listener.local_addr().map_err(|error| BindError::Listen { address: config.listen, error })?;
        let stop = CancellationToken::new();
        let (io, app, state) = build(&config);
        let running = tokio::spawn(run(listener, io, app, state, stop.clone()));
        tracing::info!(%local, "the signaling server listens");
        Ok(Server { local, public_url: config.public_url, stop, running })
    }

    /// The address that it listens on.
    pub fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// Base addresses under which it can be reached, the one that others reach best first: the public one, then those
    /// of the local network, and loopback last. Never empty. Read from the interfaces at each call.
    pub fn urls(&self) -> Vec<Url> {
        let addresses = address::reachable(self.local, &address::interfaces());
        let urls = addresses.iter().filter_map(|address| room::parse_server(&format!("http://{address}")).ok());
        self.public_url.clone().into_iter().chain(urls).collect()
    }

    /// Stops: takes no one new, closes every connection in order, and waits for that, a few seconds at most. Members
    /// are not reported as gone; their calls go on without the server.
    pub async fn shutdown(mut self) {
        self.stop.cancel();
        // Every step of the end has its own time limit; this one is for a runtime that is itself going down.
        if tokio::time::timeout(3 * STOP_TIMEOUT, &mut self.running).await.is_err() {
            self.running.abort();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn listen(address: SocketAddr, fallback: bool) -> Result<TcpListener, BindError> {
    let mut fallbacks = Vec::new();
    if fallback {
        fallbacks.extend((1..=FALLBACK_PORTS).filter_map(|step| address.port().checked_add(step)));
        fallbacks.push(0);
    }
    let mut refused = match listen_on(address).await {
        Err(taken @ BindError::PortInUse { .. }) => taken,
        other => return other,
    };
    for port in fallbacks {
        match listen_on(SocketAddr::new(address.ip(), port)).await {
            Err(taken @ BindError::PortInUse { .. }) => refused = taken,
            other => return other,
        }
    }
    Err(refused)
}

async fn listen_on(address: SocketAddr) -> Result<TcpListener, BindError> {
    TcpListener::bind(address).await.map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => BindError::PortInUse { address, error },
        _ => BindError::Listen { address, error },
    })
}

fn build(config: &ServerConfig) -> (SocketIo, Router, Arc<ServerState>) {
    let bounds = &config.limits;
    let (layer, io) = SocketIo::builder()
        .max_payload(bounds.message_bytes as u64)
        .ws_max_message_size(bounds.message_bytes)
        .ws_max_frame_size(bounds.message_bytes)
        .max_buffer_size(bounds.send_queue)
        .ping_interval(bounds.ping_interval)
        .ping_timeout(bounds.ping_timeout)
        .connect_timeout(NAMESPACE_TIMEOUT)
        .with_parser(ParserConfig::common().max_incoming_binaries(0))
        .build_layer();
    let state = Arc::new(ServerState::new(config));
    socket::serve(&io, Arc::clone(&state));
    let site = Site { public_url: config.public_url.clone(), download_url: config.download_url.clone() };
    // Any origin, and no credentials: see the crate's documentation.
    let cors = CorsLayer::new().allow_origin(Any).allow_methods(Any).allow_headers(Any);
    (io, page::router(site).layer(layer).layer(cors), state)
}

async fn run(listener: TcpListener, io: SocketIo, app: Router, state: Arc<ServerState>, stop: CancellationToken) {
    let requests = TaskTracker::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => break,
        };
        match accepted {
            Ok((stream, _)) => {
                requests.spawn(serve(stream, app.clone(), stop.clone()));
            }
            Err(error) => {
                tracing::warn!(%error, "a connection cannot be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    requests.close();
    state.close_rooms();
    if tokio::time::timeout(STOP_TIMEOUT, io.close()).await.is_err() {
        tracing::warn!("some sockets did not end in time");
    }
    if tokio::time::timeout(STOP_TIMEOUT, requests.wait()).await.is_err() {
        tracing::warn!("some requests did not end in time");
    }
    tracing::info!("the signaling server has stopped");
}

/// Serves one connection until its end, or until it becomes a WebSocket, which socketioxide then owns.
async fn serve(stream: TcpStream, app: Router, stop: CancellationToken) {
    // Signaling is small messages that someone waits for.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY cannot be set");
    }
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(app))
        .with_upgrades();
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            match tokio::time::timeout(STOP_TIMEOUT, connection).await {
                Ok(ended) => ended,
                Err(_) => return tracing::debug!("a request did not end in time"),
            }
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection broke");
    }
}

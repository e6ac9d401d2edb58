//! The running server: its listener, its HTTP side and its end.

use crate::config::ServerConfig;
use crate::error::BindError;
use crate::http::address;
use crate::http::engine::{self, ENGINE_PATH, Gate};
use crate::http::page::{self, Site};
use crate::limits::Limits;
use crate::metered::{self, MeteredServer};
use crate::net::{Addresses, Clients, Kind, MeteredStream, Sessions, TcpConnection, usable_descriptors};
use crate::peerjs::{self, PeerServer};
use crate::socket::{self, ServerState};
use axum::Router;
use axum::http::Request;
use axum::middleware::from_fn_with_state;
use confab_wire::rate_limit::RateLimiter;
use confab_wire::room;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use socketioxide::{ParserConfig, SocketIo};
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower_http::cors::{Any, CorsLayer};
use url::Url;

/// Ports that are tried after a taken one, before any free one is.
const FALLBACK_PORTS: u16 = 16;
/// How long sockets and requests may take to end when the server stops; each of the two.
const STOP_TIMEOUT: Duration = Duration::from_secs(2);
/// How much longer than for a request a client may be silent.
const SILENCE: Duration = Duration::from_secs(10);
/// Time between two warnings about too many connections.
const WARNING_PAUSE: Duration = Duration::from_secs(60);
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
    /// [`BindError`]: the configuration is wrong, the port is taken, or the address can't be used.
    pub async fn bind(mut config: ServerConfig) -> Result<Server, BindError> {
        config.check()?;
        let listener = listen(config.listen, config.fallback_ports).await?;
        let local = listener.local_addr().map_err(|error| BindError::Listen { address: config.listen, error })?;
        let stop = CancellationToken::new();
        config.limits.connections = config.limits.connections.min(usable_descriptors());
        let running = tokio::spawn(Running::build(&config).run(listener, stop.clone()));
        tracing::info!(%local, "the signaling server listens");
        if config.metered.is_some() && !has_tls(&config) {
            tracing::warn!("pages from other computers cannot use /v1 without TLS: see --public-url");
        }
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

/// True if clients reach it over TLS. It has no certificate of its own: a reverse proxy in front of it does that.
fn has_tls(config: &ServerConfig) -> bool {
    config.public_url.as_ref().is_some_and(|url| url.scheme() == "https")
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

/// What answers requests.
#[derive(Clone)]
struct App {
    pages: Router,
    engine: Router,
    /// What else is served, by the path that it is below.
    dialects: Vec<(String, Router)>,
}

impl App {
    /// By the path of a request.
    fn of(&self, path: &str) -> TowerToHyperService<Router> {
        let is_below =
            |prefix: &str| path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        let dialect = || self.dialects.iter().find(|(prefix, _)| is_below(prefix)).map(|(_, router)| router);
        let router = if is_below(ENGINE_PATH) { &self.engine } else { dialect().unwrap_or(&self.pages) };
        TowerToHyperService::new(router.clone())
    }
}

/// A server that runs: what its connections share.
struct Running {
    io: SocketIo,
    app: App,
    state: Arc<ServerState>,
    peerjs: Option<Arc<PeerServer>>,
    metered: Option<Arc<MeteredServer>>,
    addresses: Arc<Addresses>,
    limits: Limits,
}

impl Running {
    fn build(config: &ServerConfig) -> Self {
        let bounds = &config.limits;
        let (service, io) = SocketIo::builder()
            .req_path(ENGINE_PATH)
            .max_payload(bounds.message_bytes as u64)
            .ws_max_message_size(bounds.message_bytes)
            .ws_max_frame_size(bounds.message_bytes)
            .max_buffer_size(bounds.send_queue)
            .ping_interval(bounds.ping_interval)
            .ping_timeout(bounds.ping_timeout)
            .connect_timeout(bounds.request_timeout)
            .with_parser(ParserConfig::common().max_incoming_binaries(0))
            .build_svc();
        let (addresses, sessions) = (Addresses::new(bounds.clone()), Arc::<Sessions>::default());
        let state = Arc::new(ServerState::new(config, Arc::clone(&addresses), Arc::clone(&sessions)));
        socket::serve(&io, Arc::clone(&state));
        let clients = Clients::new(Arc::clone(&addresses), &config.trusted_proxies);
        let gate = Gate { clients: clients.clone(), sessions, limits: bounds.clone() };
        // Any origin, and no credentials: see the crate's documentation. On this path only: what else is here is not for
        // pages of others to find out.
        let cors = CorsLayer::new().allow_origin(Any).allow_methods(Any).allow_headers(Any);
        let engine = Router::new()
            .fallback_service(service)
            .layer(from_fn_with_state(Arc::new(gate), engine::admit))
            .layer(cors);
        let site = Site {
            public_url: config.public_url.clone(),
            download_url: config.download_url.clone(),
            rooms: config.rooms.clone(),
            metered_tls: config.metered.as_ref().map(|_| has_tls(config)),
        };
        let peerjs = config.peerjs.clone().map(|peerjs| PeerServer::new(peerjs, clients.clone(), bounds.clone()));
        let mut dialects = Vec::new();
        if let (Some(server), Some(config)) = (&peerjs, &config.peerjs) {
            let path = config.path.trim_end_matches('/').to_owned();
            dialects.push((path, peerjs::router(Arc::clone(server))));
        }
        let metered =
            config.metered.clone().map(|metered| MeteredServer::new(metered, clients.clone(), bounds.clone()));
        if let Some(server) = &metered {
            dialects.push((metered::PATH.to_owned(), metered::router(Arc::clone(server))));
        }
        let app = App { pages: page::router(site), engine, dialects };
        Self { io, app, state, peerjs, metered, addresses, limits: bounds.clone() }
    }

    async fn run(self, listener: TcpListener, stop: CancellationToken) {
        let requests = TaskTracker::new();
        if let Some(peerjs) = &self.peerjs {
            requests.spawn(Arc::clone(peerjs).run(stop.clone()));
        }
        let mut warnings = RateLimiter::once_per(WARNING_PAUSE);
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = stop.cancelled() => break,
            };
            match accepted {
                Ok((stream, remote)) => match self.connection(remote) {
                    Some(connection) => {
                        let stream = self.metered(stream, &connection);
                        let head = self.limits.request_timeout;
                        requests.spawn(serve(stream, head, connection, self.app.clone(), stop.clone()));
                    }
                    None if warnings.admit(Instant::now()) => {
                        tracing::warn!(
                            "an address, or all of them, have as many connections as they may: some are closed"
                        );
                    }
                    None => {}
                },
                Err(error) => {
                    tracing::warn!(%error, "a connection cannot be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
        drop(listener);
        requests.close();
        self.state.close_rooms();
        let sockets = async {
            let peerjs = async {
                if let Some(peerjs) = &self.peerjs {
                    peerjs.close().await;
                }
            };
            let metered = async {
                if let Some(metered) = &self.metered {
                    metered.close().await;
                }
            };
            tokio::join!(self.io.close(), peerjs, metered)
        };
        if tokio::time::timeout(STOP_TIMEOUT, sockets).await.is_err() {
            tracing::warn!("some sockets did not end in time");
        }
        if tokio::time::timeout(STOP_TIMEOUT, requests.wait()).await.is_err() {
            tracing::warn!("some requests did not end in time");
        }
        tracing::info!("the signaling server has stopped");
    }

    /// One more connection, if there is a place for it.
    fn connection(&self, remote: SocketAddr) -> Option<Arc<TcpConnection>> {
        let remote = remote.ip().to_canonical();
        let place = self.addresses.place(&self.addresses.of(remote), Kind::Connection)?;
        Some(Arc::new(TcpConnection::new(remote, place)))
    }

    fn metered(&self, stream: TcpStream, connection: &Arc<TcpConnection>) -> MeteredStream {
        // Signaling is small messages that someone waits for.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY cannot be set");
        }
        // Whoever is there answers a ping, or polls, in less.
        let silence =
            (self.limits.ping_interval + 2 * self.limits.ping_timeout).max(self.limits.request_timeout + SILENCE);
        MeteredStream::new(stream, Arc::clone(connection), self.limits.write_timeout, silence)
    }
}

/// Serves one connection until its end, or until it becomes a WebSocket, which socketioxide then owns.
async fn serve(
    stream: MeteredStream,
    head_timeout: Duration,
    connection: Arc<TcpConnection>,
    app: App,
    stop: CancellationToken,
) {
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(Arc::clone(&connection));
        app.of(request.uri().path()).call(request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(head_timeout)
        .serve_connection(TokioIo::new(stream), service)
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

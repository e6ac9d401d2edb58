//! Options of a peer.

use super::connections::Connections;
use super::debug::DebugLevel;
use super::events::{PeerEvents, events};
use super::handle::Peer;
use super::session::Session;
use super::shared::{Shared, State};
use crate::connection::{Outbox, Settings};
use crate::error::{PeerError, PeerErrorKind};
use crate::id;
use crate::server::Address;
use confab_transport::addresses::{self, Addresses};
use confab_transport::health::Watchdog;
use confab_transport::ice::{CertificateError, IceTransportPolicy, RootCertificate};
use confab_wire::media::Decoders;
use confab_wire::rate_limit::RateLimiter;
use confab_wire::signaling::IceServer;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::watch;

/// Offers of remotes in one second, on average and at once.
const OFFERS: (u32, u32) = (10, 100);
/// PeerJS' interval.
const PING_INTERVAL: Duration = Duration::from_secs(5);
/// Shortest interval that is obeyed.
const LEAST_PING_INTERVAL: Duration = Duration::from_millis(50);

/// Options of a [`Peer`]. Their debug form shows neither token nor credentials.
#[derive(Clone, Default)]
pub struct PeerBuilder {
    id: Option<String>,
    token: Option<String>,
    address: Address,
    ping_interval: Option<Duration>,
    debug: DebugLevel,
    ice_servers: Vec<IceServer>,
    ice_policy: IceTransportPolicy,
    roots: Vec<RootCertificate>,
    decoders: Decoders,
    watchdog: Watchdog,
    addresses: Option<watch::Receiver<Addresses>>,
}

impl std::fmt::Debug for PeerBuilder {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (host, port) = (&self.address.host, self.address.port);
        formatter
            .debug_struct("PeerBuilder")
            .field("id", &self.id)
            .field("host", host)
            .field("port", &port)
            .finish_non_exhaustive()
    }
}

impl Peer {
    /// Options of a new peer (`new Peer(id, options)` of PeerJS).
    pub fn builder() -> PeerBuilder {
        PeerBuilder::default()
    }
}

impl PeerBuilder {
    /// The id to have. Without one the server gives a fresh one.
    pub fn id(mut self, id: &str) -> Self {
        self.id = Some(id.to_owned());
        self
    }

    /// Key for the server; `peerjs` unless told otherwise.
    pub fn key(mut self, key: &str) -> Self {
        self.address.key = key.to_owned();
        self
    }

    /// Host of the server; the project's public one unless told otherwise.
    pub fn host(mut self, host: &str) -> Self {
        self.address.host = host.to_owned();
        self
    }

    /// Port of the server; 443 unless told otherwise.
    pub fn port(mut self, port: u16) -> Self {
        self.address.port = port;
        self
    }

    /// Where on its host the server is; `/` unless told otherwise. Slashes that are missing are added.
    pub fn path(mut self, path: &str) -> Self {
        self.address.set_path(path);
        self
    }

    /// Whether the server is reached over TLS; true unless told otherwise.
    pub fn secure(mut self, secure: bool) -> Self {
        self.address.secure = secure;
        self
    }

    /// What lets a client come back under its id while the server still knows it; a random one unless told otherwise.
    pub fn token(mut self, token: &str) -> Self {
        self.token = Some(token.to_owned());
        self
    }

    /// How often the server is told that this side is there; 5 s unless told otherwise.
    pub fn ping_interval(mut self, interval: Duration) -> Self {
        self.ping_interval = Some(interval.max(LEAST_PING_INTERVAL));
        self
    }

    /// How much is logged.
    pub fn debug(mut self, level: DebugLevel) -> Self {
        self.debug = level;
        self
    }

    /// ICE servers (`config.iceServers` of PeerJS); none unless told otherwise. What is not well-formed is left out with a
    /// warning.
    pub fn ice_servers(mut self, servers: Vec<IceServer>) -> Self {
        self.ice_servers = servers;
        self
    }

    /// Which paths may be taken (`config.iceTransportPolicy`).
    pub fn ice_transport_policy(mut self, policy: IceTransportPolicy) -> Self {
        self.ice_policy = policy;
        self
    }

    /// Trusts one more root certificate (PEM) beside those of the system, for the server and for TURN over TLS.
    pub fn root_certificate(mut self, pem: &[u8]) -> Result<Self, CertificateError> {
        self.roots.push(RootCertificate::from_pem(pem)?);
        self.address.roots.push(pem.to_vec());
        Ok(self)
    }

    /// What the application can decode beside VP8 and VP9.
    pub fn decoders(mut self, decoders: Decoders) -> Self {
        self.decoders = decoders;
        self
    }

    /// When a remote counts as vanished: how long nothing may come from it, after the five seconds in which ICE notices.
    pub fn watchdog(mut self, watchdog: Watchdog) -> Self {
        self.watchdog = watchdog;
        self
    }

    /// The addresses of this machine that connections may use; all of them unless told otherwise.
    pub fn addresses(mut self, addresses: watch::Receiver<Addresses>) -> Self {
        self.addresses = Some(addresses);
        self
    }

    /// Makes the peer, which begins to connect. Needs a tokio runtime around it.
    ///
    /// # Errors
    ///
    /// [`PeerErrorKind::InvalidId`]: nothing is sent then.
    pub fn build(self) -> Result<(Peer, PeerEvents), PeerError> {
        if self.id.as_deref().is_some_and(|id| !id::is_valid_id(id)) {
            return Err(PeerError::new(
                PeerErrorKind::InvalidId,
                "an id is letters and digits, joined by single marks",
            ));
        }
        let (own_id, own_id_receiver) = watch::channel(self.id.clone());
        let settings = Settings {
            ice_servers: self.ice_servers,
            ice_policy: self.ice_policy,
            roots: self.roots,
            decoders: self.decoders,
            watchdog: self.watchdog,
            addresses: self.addresses.unwrap_or_else(addresses::watch),
            own_id: own_id_receiver,
        };
        let (emitter, events) = events();
        let (outbox, messages) = Outbox::new();
        let (state, changes) = watch::channel(State { id: self.id, ..State::default() });
        let shared = Arc::new(Shared {
            address: self.address,
            token: self.token.unwrap_or_else(id::token),
            ping_interval: self.ping_interval.unwrap_or(PING_INTERVAL),
            debug: self.debug,
            settings,
            state,
            own_id,
            emitter,
            outbox,
            connections: Arc::new(Connections::default()),
            offers: Mutex::new(RateLimiter::per_second(OFFERS.0, OFFERS.1)),
        });
        let session = Session { shared: Arc::clone(&shared), outbox: messages, state: changes };
        Ok(Peer::start(shared, session, events))
    }
}

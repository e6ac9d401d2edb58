//! How a peer is made.

use crate::signalling::SignallingOptions;
use confab_transport::addresses::Addresses;
use confab_transport::health::{ConnectionRate, Watchdog};
use confab_transport::ice::{IceConfig, IceTransportPolicy, RootCertificate};
use confab_transport::send::local_stream::LocalStreams;
use confab_transport::{Endpoint, addresses};
use confab_wire::media::Decoders;
use confab_wire::signaling::IceServer;
use std::sync::Arc;
use tokio::sync::watch;

/// How a peer is made.
#[derive(Debug)]
pub struct PeerOptions {
    /// How it connects to the server.
    pub signalling: SignallingOptions,
    /// ICE servers, until a token brings others.
    pub ice_servers: Vec<IceServer>,
    /// Which paths may be taken.
    pub ice_policy: IceTransportPolicy,
    /// Root certificates beside those of the system, for TURN over TLS.
    pub ice_roots: Vec<RootCertificate>,
    /// What is received beside what always is.
    pub decoders: Decoders,
    /// When a connection to a remote counts as lost.
    pub watchdog: Watchdog,
    /// The addresses of this computer; `None` follows the system.
    pub addresses: Option<watch::Receiver<Addresses>>,
}

impl PeerOptions {
    /// Those that nobody changed.
    pub fn new(signalling: SignallingOptions) -> Self {
        Self {
            signalling,
            ice_servers: Vec::new(),
            ice_policy: IceTransportPolicy::default(),
            ice_roots: Vec::new(),
            decoders: Decoders::default(),
            watchdog: Watchdog::default(),
            addresses: None,
        }
    }

    /// What all connections have in common.
    pub(super) fn endpoint(self, own_id: watch::Receiver<Option<String>>) -> (SignallingOptions, Arc<Endpoint>) {
        let endpoint = Endpoint {
            ice: IceConfig::new(self.ice_policy, self.ice_roots, self.ice_servers),
            decoders: self.decoders,
            watchdog: self.watchdog,
            connection_rate: ConnectionRate::default(),
            addresses: self.addresses.unwrap_or_else(addresses::watch),
            own_id,
            streams: LocalStreams::default(),
            runtime: None,
        };
        (self.signalling, Arc::new(endpoint))
    }
}

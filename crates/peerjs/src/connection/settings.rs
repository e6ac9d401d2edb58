//! How the connections of one peer are made.

use super::link::Link;
use crate::message::ConnectionKind;
use confab_transport::addresses::Addresses;
use confab_transport::health::{ConnectionRate, Watchdog};
use confab_transport::ice::{IceConfig, IceTransportPolicy, RootCertificate};
use confab_transport::send::local_stream::{LocalStream, LocalStreams};
use confab_transport::{ConnectionOptions, Endpoint, Glare, InBandChannels, MediaLines, PeerTransport, Role, connect};
use confab_wire::media::Decoders;
use confab_wire::signaling::IceServer;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// How long a call rings at most.
const RINGING: Duration = Duration::from_secs(600);

/// What all connections have in common.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) ice_servers: Vec<IceServer>,
    pub(crate) ice_policy: IceTransportPolicy,
    pub(crate) roots: Vec<RootCertificate>,
    pub(crate) decoders: Decoders,
    pub(crate) watchdog: Watchdog,
    pub(crate) addresses: watch::Receiver<Addresses>,
    pub(crate) own_id: watch::Receiver<Option<String>>,
}

impl Settings {
    /// A connection that is about to begin, and the future in which it runs.
    pub(super) fn connect(
        &self,
        link: &Link,
        role: Role,
        stream: Option<&LocalStream>,
    ) -> (PeerTransport, impl Future<Output = ()> + Send + use<>) {
        let streams = LocalStreams::default();
        if let Some(stream) = stream {
            streams.add(stream);
        }
        let endpoint = Endpoint {
            ice: IceConfig::new(self.ice_policy, self.roots.clone(), self.ice_servers.clone()),
            decoders: self.decoders,
            watchdog: self.watchdog,
            connection_rate: ConnectionRate::default(),
            addresses: self.addresses.clone(),
            own_id: self.own_id.clone(),
            streams,
            runtime: None,
        };
        let is_call = link.kind == ConnectionKind::Media;
        let options = ConnectionOptions {
            role,
            glare: Glare::RemoteYields,
            renegotiates: false,
            replaces: false,
            answer_timeout: is_call.then_some(RINGING),
            media: if is_call { MediaLines::BothWays } else { MediaLines::OneWay },
            control: None,
            in_band: InBandChannels::Accept,
            ..ConnectionOptions::default()
        };
        connect(Arc::new(endpoint), link.remote.clone(), options, CancellationToken::new())
    }
}

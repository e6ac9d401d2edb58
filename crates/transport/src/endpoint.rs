//! What all connections of this side have in common.

use crate::addresses::Addresses;
use crate::health::{ConnectionRate, Watchdog};
use crate::ice::IceConfig;
use crate::send::local_stream::LocalStreams;
use confab_wire::media::Decoders;
use std::sync::Arc;
use tokio::sync::watch;
use webrtc::runtime::Runtime;

/// This side of all its connections. Make the connections to one remote with [`crate::connect`].
#[derive(Debug)]
pub struct Endpoint {
    /// ICE servers, and which paths may be taken.
    pub ice: IceConfig,
    /// What is received beside what always is.
    pub decoders: Decoders,
    /// When a connection counts as lost.
    pub watchdog: Watchdog,
    /// How often connections with each remote begin.
    pub connection_rate: ConnectionRate,
    /// The addresses of this machine, from [`crate::addresses::watch`]. A change is reported to each connection with
    /// [`crate::ConnectionCommand::AddressesChanged`].
    pub addresses: watch::Receiver<Addresses>,
    /// The id of this side among its remotes, once there is one. Of two sides that begin at once, the one with the larger
    /// id yields, and waits longer after a loss.
    pub own_id: watch::Receiver<Option<String>>,
    /// What every remote gets.
    pub streams: LocalStreams,
    /// What opens sockets and keeps the time of the library; `None` is the system.
    pub runtime: Option<Arc<dyn Runtime>>,
}

impl Endpoint {
    /// True if of this side and the remote `id` this one has the larger id, in the order of UTF-16 code units as JavaScript
    /// has it.
    pub(crate) fn is_second(&self, id: &str) -> bool {
        self.own_id.borrow().as_deref().is_none_or(|own| own.encode_utf16().gt(id.encode_utf16()))
    }
}

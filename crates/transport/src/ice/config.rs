//! What every connection of one endpoint is made with, as far as ICE is concerned.

use super::root::RootCertificate;
use super::servers::{self, TurnServer, admit};
use super::url::IceUrl;
use confab_wire::signaling::IceServer;
use std::sync::{Arc, Mutex, PoisonError};

/// Which paths a connection may take (`RTCConfiguration.iceTransportPolicy`, W3C webrtc-pc section 4.2.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum IceTransportPolicy {
    /// Every path.
    #[default]
    All,
    /// Only over TURN servers. No address of this computer is told to a peer.
    Relay,
}

/// ICE servers and which of their paths may be taken.
#[derive(Debug, Default)]
pub struct IceConfig {
    /// Which paths may be taken.
    pub(crate) policy: IceTransportPolicy,
    /// Roots beside those of the system.
    pub(crate) roots: Arc<[RootCertificate]>,
    servers: Mutex<Vec<IceServer>>,
}

impl IceConfig {
    /// With `roots` beside the root certificates of the system, for TURN over TLS. Of `servers`, what is not well-formed is left
    /// out with a warning.
    pub fn new(policy: IceTransportPolicy, roots: Vec<RootCertificate>, servers: Vec<IceServer>) -> Self {
        Self { policy, roots: roots.into(), servers: Mutex::new(admit(servers)) }
    }

    /// The servers that are used.
    pub fn servers(&self) -> Vec<IceServer> {
        self.servers.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// True if no connection can be made: the policy wants relays, and there is none. The library refuses it, too.
    pub(crate) fn lacks_relays(&self) -> bool {
        self.policy == IceTransportPolicy::Relay && self.sorted().1.is_empty()
    }

    /// STUN servers, and TURN servers one by one.
    pub(crate) fn sorted(&self) -> (Vec<IceUrl>, Vec<TurnServer>) {
        servers::sort(&self.servers())
    }

    /// Uses these servers for connections that are made from now on. What is not well-formed is left out with a warning.
    pub fn set_servers(&self, servers: Vec<IceServer>) {
        *self.servers.lock().unwrap_or_else(PoisonError::into_inner) = admit(servers);
    }
}

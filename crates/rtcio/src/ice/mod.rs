//! ICE: which servers are used, and how relays are reached.

mod framing;
mod privacy;
mod relay;
mod servers;
mod upstream;
mod url;

pub(crate) use privacy::{hide_addresses, hide_related_address};
pub(crate) use relay::{Notice, Relays, Tell, UNREACHABLE};
use servers::{TurnServer, admit};
pub use url::IceServerError;
use url::IceUrl;

use confab_wire::signaling::IceServer;
use std::sync::{Arc, Mutex, PoisonError};

/// Which paths a connection may take (`RTCConfiguration.iceTransportPolicy`, W3C webrtc-pc section 4.2.3). rtc.io has no
/// option for it; its guide on ICE and TURN wishes for one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum IceTransportPolicy {
    /// Every path.
    #[default]
    All,
    /// Only over TURN servers. No address of this computer is told to a peer.
    Relay,
}

/// A root certificate, checked when it was read.
#[derive(Clone)]
pub(crate) struct Root(native_tls::Certificate);

impl std::fmt::Debug for Root {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Root")
    }
}

/// A root certificate that is none: it must be one X.509 certificate in PEM.
#[derive(Debug, thiserror::Error)]
#[error("this is no certificate in PEM: {0}")]
pub struct CertificateError(String);

impl Root {
    pub(crate) fn from_pem(pem: &[u8]) -> Result<Self, CertificateError> {
        native_tls::Certificate::from_pem(pem).map(Self).map_err(|error| CertificateError(error.to_string()))
    }
}

/// What every connection of one socket is made with.
#[derive(Debug, Default)]
pub(crate) struct IceConfig {
    pub(crate) policy: IceTransportPolicy,
    /// Roots beside those of the system.
    pub(crate) roots: Arc<[Root]>,
    servers: Mutex<Vec<IceServer>>,
}

impl IceConfig {
    pub(crate) fn new(policy: IceTransportPolicy, roots: Vec<Root>, servers: Vec<IceServer>) -> Self {
        Self { policy, roots: roots.into(), servers: Mutex::new(admit(servers)) }
    }

    pub(crate) fn servers(&self) -> Vec<IceServer> {
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

    pub(crate) fn set_servers(&self, servers: Vec<IceServer>) {
        *self.servers.lock().unwrap_or_else(PoisonError::into_inner) = admit(servers);
    }
}

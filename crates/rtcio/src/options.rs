//! Options of a socket, as its builder collects them.

use crate::signaling::backoff::Reconnection;
use crate::signaling::dial::DialOptions;
use confab_transport::health::Watchdog;
use confab_transport::ice::{IceTransportPolicy, RootCertificate};
use confab_wire::media::Decoders;
use confab_wire::signaling::IceServer;
use serde_json::Value;
use url::Url;

/// What the builder collects.
#[derive(Clone)]
pub(crate) struct Options {
    /// The path is the namespace.
    pub(crate) url: Url,
    /// Where the server's Socket.IO is.
    pub(crate) path: String,
    pub(crate) auth: Option<Value>,
    pub(crate) dial: DialOptions,
    pub(crate) auto_connect: bool,
    pub(crate) debug: bool,
    pub(crate) ice_servers: Vec<IceServer>,
    pub(crate) ice_policy: IceTransportPolicy,
    pub(crate) ice_roots: Vec<RootCertificate>,
    pub(crate) decoders: Decoders,
    pub(crate) watchdog: Watchdog,
    pub(crate) reconnection: Reconnection,
}

impl Options {
    /// True if one socket can serve both: all that its peers and the server see is the same. Whether it logs and connects
    /// at once is nobody else's matter.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        let Self {
            url, path, auth, dial, ice_servers, ice_policy, ice_roots, decoders, watchdog, reconnection, ..
        } = self;
        (url, path, auth, &dial.proxy, ice_servers, ice_policy, decoders, watchdog, reconnection)
            == (
                &other.url,
                &other.path,
                &other.auth,
                &other.dial.proxy,
                &other.ice_servers,
                &other.ice_policy,
                &other.decoders,
                &other.watchdog,
                &other.reconnection,
            )
            && [ice_roots, &other.ice_roots, &dial.roots, &other.dial.roots].iter().all(|roots| roots.is_empty())
    }
}

/// Without credentials: neither the auth payload nor what stands in the address before the host.
impl std::fmt::Debug for Options {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Options")
            .field("server", &self.url.host_str())
            .field("port", &self.url.port_or_known_default())
            .field("path", &self.path)
            .field("has_auth", &self.auth.is_some())
            .field("proxy", &self.dial.proxy)
            .field("auto_connect", &self.auto_connect)
            .field("ice_servers", &self.ice_servers)
            .field("ice_policy", &self.ice_policy)
            .field("decoders", &self.decoders)
            .field("watchdog", &self.watchdog)
            .finish_non_exhaustive()
    }
}

impl Options {
    /// Those that nobody changed.
    pub(crate) fn new(url: Url) -> Self {
        Self {
            url,
            path: "/socket.io/".to_owned(),
            auth: None,
            dial: DialOptions::default(),
            auto_connect: true,
            debug: false,
            ice_servers: Vec::new(),
            ice_policy: IceTransportPolicy::default(),
            ice_roots: Vec::new(),
            decoders: Decoders::default(),
            watchdog: Watchdog::default(),
            reconnection: Reconnection::default(),
        }
    }
}

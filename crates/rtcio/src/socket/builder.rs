//! Options of a socket.

use super::Socket;
use crate::hub::Hub;
use crate::ice::Root;
use crate::peer::Watchdog;
use crate::shared::Shared;
use crate::signaling::Signaling;
use crate::{Events, IceServer, IceTransportPolicy};
use serde_json::Value;
use std::sync::Arc;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;
use url::Url;

/// What the builder collects.
#[derive(Clone)]
pub(crate) struct Options {
    /// The path is the namespace.
    pub(crate) url: Url,
    /// Where the server's Socket.IO is.
    pub(crate) path: String,
    pub(crate) auth: Option<Value>,
    pub(crate) auto_connect: bool,
    pub(crate) debug: bool,
    pub(crate) ice_servers: Vec<IceServer>,
    pub(crate) ice_policy: IceTransportPolicy,
    pub(crate) ice_roots: Vec<Root>,
    pub(crate) watchdog: Watchdog,
}

/// Without credentials: neither the auth payload nor what stands in the address before the host.
impl std::fmt::Debug for Options {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Options")
            .field("server", &self.url.host_str())
            .field("port", &self.url.port_or_known_default())
            .field("path", &self.path)
            .field("has_auth", &self.auth.is_some())
            .field("auto_connect", &self.auto_connect)
            .field("ice_servers", &self.ice_servers)
            .field("ice_policy", &self.ice_policy)
            .field("watchdog", &self.watchdog)
            .finish_non_exhaustive()
    }
}

/// Options of a [`Socket`] (`SocketOptions` of rtc.io). Their debug form shows no credentials.
#[derive(Debug, Clone)]
pub struct SocketBuilder {
    pub(super) options: Options,
    force_new: bool,
}

impl SocketBuilder {
    pub(super) fn new(url: Url) -> Self {
        let options = Options {
            url,
            path: "/socket.io/".to_owned(),
            auth: None,
            auto_connect: true,
            debug: false,
            ice_servers: Vec::new(),
            ice_policy: IceTransportPolicy::default(),
            ice_roots: Vec::new(),
            watchdog: Watchdog::default(),
        };
        Self { options, force_new: false }
    }

    /// Where on the server its Socket.IO is (`path` of rtc.io); `/socket.io/` unless told otherwise.
    pub fn path(mut self, path: &str) -> Self {
        self.options.path = path.to_owned();
        self
    }

    /// Payload of the Socket.IO connection (`auth` of rtc.io).
    pub fn auth(mut self, auth: Value) -> Self {
        self.options.auth = Some(auth);
        self
    }

    /// Whether [`SocketBuilder::build`] begins to connect (`autoConnect` of rtc.io); true unless told otherwise.
    pub fn auto_connect(mut self, auto_connect: bool) -> Self {
        self.options.auto_connect = auto_connect;
        self
    }

    /// Makes a connection of its own even if this process has one to the same server (`forceNew` of rtc.io).
    pub fn force_new(mut self, force_new: bool) -> Self {
        self.force_new = force_new;
        self
    }

    /// When a peer counts as gone (`watchdog` of rtc.io).
    pub fn watchdog(mut self, watchdog: Watchdog) -> Self {
        self.options.watchdog = watchdog;
        self
    }

    /// Logs each step (`debug` of rtc.io), and puts every message of this socket into a tracing span `rtcio` of level
    /// info instead of debug.
    pub fn debug(mut self, debug: bool) -> Self {
        self.options.debug = debug;
        self
    }

    /// Makes the socket (`io(url, options)` of rtc.io) and returns at once; unless [`SocketBuilder::auto_connect`] says
    /// otherwise it begins to connect. Needs a tokio runtime around it.
    pub fn build(self) -> (Socket, Events) {
        open(self.options)
    }

    /// [`SocketBuilder::build`], and connects whatever [`SocketBuilder::auto_connect`] says.
    pub fn connect(self) -> (Socket, Events) {
        let (socket, events) = self.build();
        socket.connect();
        (socket, events)
    }
}

fn open(options: Options) -> (Socket, Events) {
    let span = if options.debug {
        tracing::info_span!("rtcio", server = %options.url)
    } else {
        tracing::debug_span!("rtcio", server = %options.url)
    };
    let cancel = CancellationToken::new();
    let (task, signaling, signaling_events) = Signaling::new(&options, cancel.child_token());
    let shared = Arc::new(Shared::new(options, signaling, cancel.clone()));
    let events = shared.feed.subscribe();
    let (done, closed) = watch::channel(());
    let hub = Hub::new(Arc::clone(&shared), signaling_events);
    tokio::spawn(
        async move {
            hub.run(task).await;
            drop(done);
        }
        .instrument(span),
    );
    (Socket { shared, closed, _guard: Arc::new(cancel.drop_guard()) }, events)
}

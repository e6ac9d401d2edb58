//! Options of a socket.

use super::Socket;
use crate::addresses;
use crate::hub::Hub;
use crate::ice::Root;
use crate::peer::Watchdog;
use crate::shared::Shared;
use crate::signaling::{Reconnection, Signaling};
use crate::{Events, IceServer, IceTransportPolicy};
use confab_wire::media::Decoders;
use serde_json::Value;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};
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
    pub(crate) decoders: Decoders,
    pub(crate) watchdog: Watchdog,
    pub(crate) reconnection: Reconnection,
}

impl Options {
    /// True if one socket can serve both: all that its peers and the server see is the same. Whether it logs and connects
    /// at once is nobody else's matter.
    fn is_same(&self, other: &Self) -> bool {
        let Self { url, path, auth, ice_servers, ice_policy, ice_roots, decoders, watchdog, reconnection, .. } = self;
        (url, path, auth, ice_servers, ice_policy, decoders, watchdog, reconnection)
            == (
                &other.url,
                &other.path,
                &other.auth,
                &other.ice_servers,
                &other.ice_policy,
                &other.decoders,
                &other.watchdog,
                &other.reconnection,
            )
            && ice_roots.is_empty()
            && other.ice_roots.is_empty()
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
            .field("auto_connect", &self.auto_connect)
            .field("ice_servers", &self.ice_servers)
            .field("ice_policy", &self.ice_policy)
            .field("decoders", &self.decoders)
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
            decoders: Decoders::default(),
            watchdog: Watchdog::default(),
            reconnection: Reconnection::default(),
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

    /// Makes a socket of its own even if this process has one to the same server with the same options (`forceNew` of
    /// rtc.io). Otherwise that one is shared: one connection, one id, one set of peers and streams, with [`Events`] and
    /// listeners for each. A reader that comes later is first told whether there is a connection, and the peers that are
    /// there; streams that were shared before are told only to those who were there. [`Socket::close`] closes it for all.
    pub fn force_new(mut self, force_new: bool) -> Self {
        self.force_new = force_new;
        self
    }

    /// When a peer counts as gone (`watchdog` of rtc.io).
    pub fn watchdog(mut self, watchdog: Watchdog) -> Self {
        self.options.watchdog = watchdog;
        self
    }

    /// What the application can decode beside VP8 and VP9, which peers may always send. A peer that has one of those is
    /// asked for it; the others are received from peers that send nothing else. They are never sent. rtc.io has no option
    /// for it: there it is the browser's matter.
    pub fn decoders(mut self, decoders: Decoders) -> Self {
        self.options.decoders = decoders;
        self
    }

    /// What follows when the signaling server can't be reached or its connection breaks (`reconnection`,
    /// `reconnectionAttempts`, `reconnectionDelay`, … of rtc.io).
    pub fn reconnection(mut self, reconnection: Reconnection) -> Self {
        self.options.reconnection = reconnection;
        self
    }

    /// Logs each step at debug level (`debug` of rtc.io), in lines that begin with `[rtc-io][XXXXXX]`: the last six
    /// characters of the own id, or dashes before it is known. Warnings and errors are logged so in any case. It also
    /// puts every message of this socket into a tracing span `rtcio` of level info instead of debug.
    pub fn debug(mut self, debug: bool) -> Self {
        self.options.debug = debug;
        self
    }

    /// Makes the socket (`io(url, options)` of rtc.io) and returns at once; unless [`SocketBuilder::auto_connect`] says
    /// otherwise it begins to connect. Needs a tokio runtime around it.
    pub fn build(self) -> (Socket, Events) {
        if self.force_new { open(self.options) } else { shared(self.options) }
    }

    /// [`SocketBuilder::build`], and connects whatever [`SocketBuilder::auto_connect`] says.
    pub fn connect(self) -> (Socket, Events) {
        let (socket, events) = self.build();
        socket.connect();
        (socket, events)
    }
}

/// A socket of this process, as long as somebody holds it.
struct Known {
    options: Options,
    shared: Weak<Shared>,
    guard: Weak<DropGuard>,
    closed: watch::Receiver<()>,
}

/// The sockets that may be shared (the cache of managers of rtc.io).
static KNOWN: Mutex<Vec<Known>> = Mutex::new(Vec::new());

/// The socket with the same options, or a new one.
fn shared(options: Options) -> (Socket, Events) {
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    known.retain(|known| known.shared.upgrade().is_some_and(|shared| !shared.cancel.is_cancelled()));
    let open_one = known.iter().filter(|known| known.options.is_same(&options)).find_map(|known| {
        let (shared, guard) = (known.shared.upgrade()?, known.guard.upgrade()?);
        Some(Socket { shared, closed: known.closed.clone(), _guard: guard })
    });
    if let Some(socket) = open_one {
        let events = socket.shared.feed.subscribe();
        if options.auto_connect {
            socket.connect();
        }
        return (socket, events);
    }
    let (socket, events) = open(options.clone());
    known.push(Known {
        options,
        shared: Arc::downgrade(&socket.shared),
        guard: Arc::downgrade(&socket._guard),
        closed: socket.closed.clone(),
    });
    (socket, events)
}

fn open(options: Options) -> (Socket, Events) {
    let span = if options.debug {
        tracing::info_span!("rtcio", server = %options.url)
    } else {
        tracing::debug_span!("rtcio", server = %options.url)
    };
    let cancel = CancellationToken::new();
    let (task, signaling, signaling_events) = Signaling::new(&options, cancel.child_token());
    #[cfg(not(test))]
    let addresses = addresses::watch();
    #[cfg(test)]
    let addresses = crate::simulation::addresses(&options.url).unwrap_or_else(addresses::watch);
    let shared = Arc::new(Shared::new(options, signaling, addresses, cancel.clone()));
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

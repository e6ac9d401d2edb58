//! Options of a socket.

use super::handle::Socket;
use crate::event::Events;
use crate::mesh::Mesh;
use crate::options::Options;
use crate::proxy::ProxyPolicy;
use crate::shared::Shared;
use crate::signaling::{Reconnection, Signaling};
use confab_transport::addresses;
use confab_transport::health::Watchdog;
use confab_transport::ice::{CertificateError, RootCertificate};
use confab_wire::media::Decoders;
use serde_json::Value;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};
use tracing::Instrument;
use url::Url;

/// Options of a [`Socket`] (`SocketOptions` of rtc.io). Their debug form shows no credentials.
#[derive(Debug, Clone)]
pub struct SocketBuilder {
    pub(super) options: Options,
    force_new: bool,
}

impl SocketBuilder {
    fn new(url: Url) -> Self {
        Self { options: Options::new(url), force_new: false }
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

    /// How the way to the signaling server goes through a proxy; by the environment unless told otherwise. Browsers have it as a
    /// setting of their own.
    pub fn proxy(mut self, proxy: ProxyPolicy) -> Self {
        self.options.dial.proxy = proxy;
        self
    }

    /// Trusts one more root certificate (PEM) beside those of the system for the signaling server (`ca` of Socket.IO's client
    /// in Node).
    pub fn root_certificate(mut self, pem: &[u8]) -> Result<Self, CertificateError> {
        self.options.dial.roots.push(RootCertificate::from_pem(pem)?);
        Ok(self)
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

impl Socket {
    /// Options for a socket on the signaling server at `url`, http or https (`io(url, options)` of rtc.io). A
    /// path of it names a Socket.IO namespace, as in rtc.io.
    pub fn builder(url: Url) -> SocketBuilder {
        SocketBuilder::new(url)
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
    let mesh = Mesh::new(Arc::clone(&shared), signaling_events);
    tokio::spawn(
        async move {
            mesh.run(task).await;
            drop(done);
        }
        .instrument(span),
    );
    (Socket { shared, closed, _guard: Arc::new(cancel.drop_guard()) }, events)
}

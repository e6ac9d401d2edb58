//! The relay between the Socket.IO library and the server: the library connects to a listener of this process, and the relay
//! passes on what both say. It sees what the library keeps to itself: the own id, and how the connection ends.

mod door;
mod forward;

use super::dial::Dialled;
use super::packets::disconnect;
use door::Door;
use forward::{Forwarding, Link};
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio::time::timeout;
use tokio_util::sync::{CancellationToken, DropGuard};
use tracing::Instrument;
use url::Url;

/// How long the library may take to connect to the relay.
const ENTER_TIMEOUT: Duration = Duration::from_secs(5);

/// A relay that runs. When it is dropped, both connections end: the server gets a closing handshake, the library's tasks a stream
/// that is over.
pub(super) struct Relay {
    address: Url,
    local: Option<IpAddr>,
    id: watch::Receiver<Option<String>>,
    end: watch::Receiver<Option<String>>,
    hurry: Arc<Notify>,
    _guard: DropGuard,
}

impl Relay {
    /// Begins to wait for the library, which enters `namespace`.
    pub(super) async fn start(dialled: Dialled, namespace: &str) -> io::Result<Self> {
        let door = Door::open().await?;
        let address = door.address().clone();
        let (id_sender, id) = watch::channel(None);
        let (end_sender, end) = watch::channel(None);
        let hurry = Arc::<Notify>::default();
        let cancel = CancellationToken::new();
        let local = dialled.local;
        let link = Link { namespace: namespace.to_owned(), id: id_sender, end: end_sender, hurry: Arc::clone(&hurry) };
        tokio::spawn(run(door, dialled, link, cancel.clone()).in_current_span());
        Ok(Self { address, local, id, end, hurry, _guard: cancel.drop_guard() })
    }

    /// Where the library connects to, secret included.
    pub(super) fn address(&self) -> &Url {
        &self.address
    }

    /// The address of this machine on the way to the server.
    pub(super) fn local(&self) -> Option<IpAddr> {
        self.local
    }

    /// The own id, once the server has let us in.
    pub(super) fn id(&self) -> Option<String> {
        self.id.borrow().clone()
    }

    /// Why the connection is over, if it is.
    pub(super) fn end(&self) -> Option<String> {
        self.end.borrow().clone()
    }

    /// Waits for the end of the connection.
    pub(super) async fn ended(&mut self) {
        // An error means that the task is gone, and the connection with it.
        self.end.wait_for(Option::is_some).await.ok();
    }

    /// Something speaks against the connection: the server must show soon that it is there.
    pub(super) fn hurry(&self) {
        self.hurry.notify_one();
    }
}

async fn run(door: Door, dialled: Dialled, link: Link, cancel: CancellationToken) {
    let entered = tokio::select! {
        () = cancel.cancelled() => None,
        entered = timeout(ENTER_TIMEOUT, door.enter()) => entered.ok(),
    };
    let Some(library) = entered else {
        link.end("nobody came to the relay");
        return forward::goodbye(dialled.socket).await;
    };
    let goodbye = disconnect(&link.namespace);
    Forwarding::new(dialled, library, link).run(cancel, goodbye).await;
}

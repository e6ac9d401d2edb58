//! What the handles of one socket and its tasks have in common. Locks are held for a few statements, never over an
//! await.

use crate::channel::Broadcasts;
use crate::event::{Event, Feed};
use crate::log::Log;
use crate::options::Options;
use crate::peer::Handle;
use crate::registry::Registry;
use crate::remotes::Remotes;
use crate::{EmitError, signaling};
use confab_transport::Endpoint;
use confab_transport::addresses::Addresses;
use confab_transport::health::ConnectionRate;
use confab_transport::ice::IceConfig;
use confab_wire::signaling::Signal;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

/// The common state.
#[derive(Debug)]
pub(crate) struct Shared {
    /// This side of all connections.
    pub(crate) endpoint: Arc<Endpoint>,
    pub(crate) registry: Registry,
    /// The way of every event to the application.
    pub(crate) feed: Feed,
    log: Log,
    pub(crate) remotes: Remotes,
    pub(crate) channels: Arc<Broadcasts>,
    pub(crate) signaling: signaling::Handle,
    /// Ends everything.
    pub(crate) cancel: CancellationToken,
    /// The application has joined its room.
    pub(crate) joined: Notify,
    /// The same, without an answer of the server.
    pub(crate) joined_unanswered: Notify,
    /// The own id: what the application said, or else what the connection to the server says.
    id: watch::Sender<Option<String>>,
    peers: Mutex<HashMap<String, Handle>>,
}

impl Shared {
    pub(crate) fn new(
        options: Options,
        signaling: signaling::Handle,
        addresses: watch::Receiver<Addresses>,
        cancel: CancellationToken,
    ) -> Self {
        let id = watch::Sender::new(None);
        #[cfg(test)]
        let runtime = crate::simulation::runtime();
        #[cfg(not(test))]
        let runtime = None;
        let endpoint = Arc::new(Endpoint {
            ice: IceConfig::new(options.ice_policy, options.ice_roots, options.ice_servers),
            decoders: options.decoders,
            watchdog: options.watchdog,
            connection_rate: ConnectionRate::default(),
            addresses,
            own_id: id.subscribe(),
            streams: Default::default(),
            runtime,
        });
        Self {
            registry: Registry::new(Arc::clone(&endpoint)),
            endpoint,
            remotes: Remotes::default(),
            channels: Arc::default(),
            feed: Feed::default(),
            log: Log::new(options.debug),
            signaling,
            cancel,
            joined: Notify::new(),
            joined_unanswered: Notify::new(),
            id,
            peers: Mutex::default(),
        }
    }

    /// Reports to the application, and to the log.
    pub(crate) async fn report(&self, event: Event, cancel: &CancellationToken) {
        self.log.event(&event, self.id().as_deref());
        self.feed.report(event, cancel).await;
    }

    /// Logs a mistake of the engine.
    pub(crate) fn mistake(&self, what: std::fmt::Arguments<'_>) {
        self.log.error(self.id().as_deref(), what);
    }

    /// Logs a step, if the application wants them.
    pub(crate) fn step(&self, step: std::fmt::Arguments<'_>) {
        self.log.debug(self.id().as_deref(), step);
    }

    /// The own id.
    pub(crate) fn id(&self) -> Option<String> {
        self.id.borrow().clone()
    }

    /// The application says its id in the room.
    pub(crate) fn set_id(&self, id: &str) {
        self.id.send_replace(Some(id.to_owned()));
        self.joined.notify_one();
    }

    /// The application says that it is in its room under the id of the connection.
    pub(crate) fn set_joined(&self) {
        self.joined_unanswered.notify_one();
    }

    /// A new connection to the server stands, under this id.
    pub(crate) fn connected_as(&self, sid: Option<String>) {
        self.id.send_replace(sid);
    }

    /// The handle of a peer.
    pub(crate) fn peer(&self, id: &str) -> Option<Handle> {
        self.peers.lock().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }

    /// All peers.
    pub(crate) fn peers(&self) -> Vec<(String, Handle)> {
        let peers = self.peers.lock().unwrap_or_else(PoisonError::into_inner);
        peers.iter().map(|(id, handle)| (id.clone(), handle.clone())).collect()
    }

    /// The peer `id` is connected: other connections to the same one, under an id that it had before, end.
    pub(crate) fn supersede(&self, id: &str) {
        for (old, peer) in self.peers() {
            if old != id && peer.is_renamed_to(id) {
                self.step(format_args!("{old} is {id} now: the old connection ends"));
                peer.cancel.cancel();
            }
        }
    }

    pub(crate) fn insert_peer(&self, id: String, handle: Handle) {
        self.peers.lock().unwrap_or_else(PoisonError::into_inner).insert(id, handle);
    }

    /// Forgets a peer. Its handle if it was known.
    pub(crate) fn remove_peer(&self, id: &str) -> Option<Handle> {
        self.peers.lock().unwrap_or_else(PoisonError::into_inner).remove(id)
    }

    /// Sends an event to the server.
    pub(crate) async fn emit_to_server(&self, event: &str, args: Vec<serde_json::Value>) -> Result<(), EmitError> {
        let command = signaling::Command::Emit { event: event.to_owned(), args };
        if self.signaling.send(command).await { Ok(()) } else { Err(EmitError::Closed) }
    }

    /// Sends a signal to a peer through the server.
    pub(crate) async fn relay(&self, target: &str, signal: Signal) {
        self.step(format_args!("Sent {} to {target}", signal.name()));
        let command = signaling::Command::Relay { target: target.to_owned(), signal };
        if !self.signaling.send(command).await {
            tracing::debug!("a signal is dropped: signaling was closed");
        }
    }
}

//! What the handles of one socket and its tasks have in common. Locks are held for a few statements, never over an
//! await.

use crate::addresses::Addresses;
use crate::channel::Broadcasts;
use crate::event::Feed;
use crate::ice::IceConfig;
use crate::log::Log;
use crate::peer::{self, Pace, Watchdog};
use crate::registry::Registry;
use crate::remote_peer::Remotes;
use crate::signaling;
use crate::socket::Options;
use crate::{EmitError, Event};
use confab_wire::{media::Decoders, signaling::Signal};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

/// The common state.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) registry: Registry,
    /// The way of every event to the application.
    pub(crate) feed: Feed,
    log: Log,
    pub(crate) remotes: Remotes,
    pub(crate) channels: Broadcasts,
    pub(crate) watchdog: Watchdog,
    pub(crate) ice: IceConfig,
    /// The addresses of this machine.
    pub(crate) addresses: watch::Receiver<Addresses>,
    /// What is received beside what always is.
    pub(crate) decoders: Decoders,
    /// How often connections with each remote begin.
    pub(crate) pace: Pace,
    pub(crate) signaling: signaling::Handle,
    /// Ends everything.
    pub(crate) cancel: CancellationToken,
    /// The application has joined its room.
    pub(crate) joined: Notify,
    id: Mutex<Identity>,
    peers: Mutex<HashMap<String, peer::Handle>>,
}

/// Who we are.
#[derive(Debug, Default)]
struct Identity {
    /// Id of the connection to the server, where it is known.
    sid: Option<String>,
    /// Id in the room, if the server gave one: that of an earlier connection, resumed.
    told: Option<String>,
}

impl Shared {
    pub(crate) fn new(
        options: Options,
        signaling: signaling::Handle,
        addresses: watch::Receiver<Addresses>,
        cancel: CancellationToken,
    ) -> Self {
        Self {
            registry: Registry::default(),
            remotes: Remotes::default(),
            channels: Broadcasts::default(),
            feed: Feed::default(),
            log: Log::new(options.debug),
            watchdog: options.watchdog,
            ice: IceConfig::new(options.ice_policy, options.ice_roots, options.ice_servers),
            addresses,
            decoders: options.decoders,
            pace: Pace::default(),
            signaling,
            cancel,
            joined: Notify::new(),
            id: Mutex::default(),
            peers: Mutex::default(),
        }
    }

    /// Tells the application, and the log.
    pub(crate) async fn tell(&self, event: Event, cancel: &CancellationToken) {
        self.log.event(&event, self.id().as_deref());
        self.feed.tell(event, cancel).await;
    }

    /// Logs a mistake of the engine.
    pub(crate) fn mistake(&self, what: std::fmt::Arguments<'_>) {
        self.log.error(self.id().as_deref(), what);
    }

    /// Logs a step, if the application wants them.
    pub(crate) fn step(&self, step: std::fmt::Arguments<'_>) {
        self.log.debug(self.id().as_deref(), step);
    }

    /// The own id: what the application was told, or else what the connection says.
    pub(crate) fn id(&self) -> Option<String> {
        let id = self.id.lock().unwrap_or_else(PoisonError::into_inner);
        id.told.clone().or_else(|| id.sid.clone())
    }

    pub(crate) fn set_id(&self, told: &str) {
        self.id.lock().unwrap_or_else(PoisonError::into_inner).told = Some(told.to_owned());
        self.joined.notify_one();
    }

    /// A new connection stands.
    pub(crate) fn connected_as(&self, sid: Option<String>) {
        *self.id.lock().unwrap_or_else(PoisonError::into_inner) = Identity { sid, told: None };
    }

    /// The handle of a peer.
    pub(crate) fn peer(&self, id: &str) -> Option<peer::Handle> {
        self.peers.lock().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }

    /// All peers.
    pub(crate) fn peers(&self) -> Vec<(String, peer::Handle)> {
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

    pub(crate) fn insert_peer(&self, id: String, handle: peer::Handle) {
        self.peers.lock().unwrap_or_else(PoisonError::into_inner).insert(id, handle);
    }

    /// Forgets a peer. Its handle if it was known.
    pub(crate) fn remove_peer(&self, id: &str) -> Option<peer::Handle> {
        self.peers.lock().unwrap_or_else(PoisonError::into_inner).remove(id)
    }

    /// The addresses of this machine now.
    pub(crate) fn addresses(&self) -> Addresses {
        self.addresses.borrow().clone()
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

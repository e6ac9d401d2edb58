//! The hub: one task that turns what the server says into peers and events, and sees peers come and go.

use crate::Event;
use crate::peer::{self, Command};
use crate::shared::Shared;
use crate::signaling::{self, Signaling, SignalingEvent};
use confab_protocol::limits;
use confab_protocol::signaling::{
    INIT_OFFER, INTERNAL_PREFIX, InitOffer, MESSAGE, PEER_LEFT, PeerRef, Relayed, Signal,
};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::{Id, JoinSet};
use tokio::time::{Instant, sleep_until, timeout};
use tracing::Instrument;

/// How long after a reconnect signals wait for [`crate::Socket::set_id`]; servers that tell no id are not waited for
/// longer.
const REJOIN_PATIENCE: Duration = Duration::from_secs(3);
/// How long the goodbyes to all peers may take.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);
/// Peers of one socket. A server that names more is hostile or broken.
const PEERS: usize = 4 * limits::ROOM_MEMBERS;

/// The task, before it runs.
pub(crate) struct Hub {
    shared: Arc<Shared>,
    signaling: mpsc::Receiver<SignalingEvent>,
    peers: JoinSet<()>,
    ids: HashMap<Id, String>,
    signaling_up: bool,
    /// When signals are released even without [`crate::Socket::set_id`].
    rejoin: Option<Instant>,
}

impl Hub {
    pub(crate) fn new(shared: Arc<Shared>, signaling: mpsc::Receiver<SignalingEvent>) -> Self {
        Self { shared, signaling, peers: JoinSet::new(), ids: HashMap::new(), signaling_up: false, rejoin: None }
    }

    /// Runs until the socket closes; then waits for the peers' goodbyes.
    pub(crate) async fn run(mut self, signaling: Signaling) {
        let signaling = tokio::spawn(signaling.run().in_current_span());
        let cancel = self.shared.cancel.clone();
        let mut signaling_ended = false;
        loop {
            tokio::select! {
                biased;
                () = cancel.cancelled() => break,
                Some(ended) = self.peers.join_next_with_id() => {
                    let id = match &ended {
                        Ok((task, ())) => *task,
                        Err(error) => error.id(),
                    };
                    self.peer_ended(id, ended.is_err()).await;
                }
                () = self.shared.joined.notified() => self.release().await,
                () = sleep_until(self.rejoin.unwrap_or_else(Instant::now)), if self.rejoin.is_some() => {
                    self.release().await;
                }
                event = self.signaling.recv(), if !signaling_ended => match event {
                    Some(event) => self.signaling_event(event).await,
                    None => signaling_ended = true,
                },
            }
        }
        // Every peer hears of the end by the same token.
        let goodbyes = async { while self.peers.join_next().await.is_some() {} };
        if timeout(CLOSE_TIMEOUT, goodbyes).await.is_err() {
            tracing::warn!("not every peer could be told that this side leaves");
            self.peers.abort_all();
        }
        // Let the server hear the goodbye, too.
        self.signaling.close();
        if timeout(CLOSE_TIMEOUT, signaling).await.is_err() {
            tracing::warn!("the signaling server took no goodbye");
        }
        self.shared.feed.close();
    }

    async fn tell(&self, event: Event) {
        self.shared.feed.tell(event, &self.shared.cancel).await;
    }

    // ---- signaling ----

    async fn signaling_event(&mut self, event: SignalingEvent) {
        match event {
            SignalingEvent::Connected { reconnect } => {
                self.signaling_up = true;
                self.rejoin = reconnect.then(|| Instant::now() + REJOIN_PATIENCE);
                self.tell(Event::Connected { reconnect }).await;
            }
            SignalingEvent::Disconnected { reason } => {
                self.signaling_up = false;
                self.rejoin = None;
                for (id, peer) in self.shared.peers() {
                    self.command(&id, &peer, Command::SignalingUp(false));
                }
                self.tell(Event::Disconnected { reason }).await;
            }
            SignalingEvent::ConnectError(error) => self.tell(Event::ConnectError { error }).await,
            SignalingEvent::Event { event, args } => self.server_event(event, args).await,
        }
    }

    /// The room is joined again: signals may go, and peers say again what was lost.
    async fn release(&mut self) {
        if self.rejoin.take().is_none() {
            return;
        }
        self.shared.signaling.send(signaling::Command::Release).await;
        for (id, peer) in self.shared.peers() {
            self.command(&id, &peer, Command::SignalingUp(true));
        }
    }

    async fn server_event(&mut self, event: String, mut args: Vec<Value>) {
        if !event.starts_with(INTERNAL_PREFIX) {
            self.tell(Event::Server { event, args }).await;
            return;
        }
        let payload = if args.is_empty() { Value::Null } else { args.swap_remove(0) };
        match event.as_str() {
            INIT_OFFER => {
                if let Some(InitOffer { source }) = parse(&event, payload) {
                    self.init_offer(source);
                }
            }
            MESSAGE => {
                if let Some(Relayed { source, data, .. }) = parse(&event, payload) {
                    self.signal(source, &data).await;
                }
            }
            PEER_LEFT => {
                if let Some(PeerRef { id }) = parse(&event, payload)
                    && let Some(peer) = self.shared.peer(&id)
                {
                    self.command(&id, &peer, Command::Left);
                }
            }
            _ => tracing::debug!(event, "an event of the server is not known"),
        }
    }

    /// A newcomer: we were in the room before, so we are polite and offer.
    fn init_offer(&mut self, source: String) {
        match self.shared.peer(&source) {
            Some(peer) => self.command(&source, &peer, Command::Restart),
            None => {
                self.add_peer(source, true);
            }
        }
    }

    async fn signal(&mut self, source: String, data: &Value) {
        let signal = match Signal::parse(data) {
            Ok(signal) => signal,
            Err(error) => {
                tracing::debug!(%error, "a signal can't be read");
                if self.shared.peer(&source).is_some() {
                    self.tell(Event::Misbehaving { peer: source, what: error.to_string() }).await;
                }
                return;
            }
        };
        let peer = match self.shared.peer(&source) {
            Some(peer) => Some(peer),
            // Only an offer makes a peer: anything else is the rest of a connection that is over.
            None if matches!(&signal, Signal::Description(description) if description.kind == "offer") => {
                self.add_peer(source.clone(), false)
            }
            None => None,
        };
        match peer {
            Some(peer) => self.command(&source, &peer, Command::Signal(signal)),
            None => tracing::debug!("a signal of an unknown peer is dropped"),
        }
    }

    // ---- peers ----

    fn add_peer(&mut self, id: String, polite: bool) -> Option<peer::Handle> {
        if id.is_empty() || id.len() > limits::ID_BYTES || self.ids.len() >= PEERS {
            tracing::warn!("the server names a peer that can't be");
            return None;
        }
        let shared = Arc::clone(&self.shared);
        let cancel = self.shared.cancel.child_token();
        let up = self.signaling_up && self.rejoin.is_none();
        let (handle, task) = peer::peer(id.clone(), polite, up, shared, cancel);
        let task = self.peers.spawn(task.in_current_span()).id();
        self.ids.insert(task, id.clone());
        self.shared.insert_peer(id, handle.clone());
        Some(handle)
    }

    async fn peer_ended(&mut self, task: Id, failed: bool) {
        let Some(id) = self.ids.remove(&task) else { return };
        // A peer that was dropped by the application may have a successor under the same id.
        if self.ids.values().any(|other| *other == id) {
            return;
        }
        let Some(handle) = self.shared.remove_peer(&id) else { return };
        if failed {
            tracing::error!(id, "a peer's task failed");
            if handle.is_connected() {
                self.tell(Event::PeerDisconnect { peer: id }).await;
                return;
            }
        }
        if !handle.was_announced() {
            self.shared.feed.peers.end(&id);
        }
    }

    /// Never waits: one peer that takes no commands must not hold up the others.
    fn command(&self, id: &str, peer: &peer::Handle, command: Command) {
        if peer.commands.try_send(command).is_err() {
            tracing::warn!(id, "a signal is dropped: the peer has too many, or is gone");
        }
    }
}

fn parse<T: DeserializeOwned>(event: &str, payload: Value) -> Option<T> {
    match serde_json::from_value(payload) {
        Ok(payload) => Some(payload),
        Err(error) => {
            tracing::warn!(event, %error, "an event of the server can't be read");
            None
        }
    }
}

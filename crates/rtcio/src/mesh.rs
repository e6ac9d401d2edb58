//! The mesh of peers: one task that turns what the server says into peers and events, and sees peers come and go.

use crate::event::Event;
use crate::listeners::ServerMessage;
use crate::peer::{Command, Handle, peer};
use crate::presence::Presence;
use crate::shared::Shared;
use crate::signaling::{self, Signaling, SignalingEvent};
use confab_transport::addresses::Addresses;
use confab_transport::{ConnectionCommand, RemoteControl, Role, SECOND_SIDE_DELAY};
use confab_wire::{
    ctrl::{Envelope, RENAMED},
    limits,
    signaling::{
        DIRECT_MESSAGE, DirectDelivery, INIT_OFFER, INTERNAL_PREFIX, InitOffer, MESSAGE, Member, PEER_LEFT, PeerRef,
        Relayed, Signal, USER_CONNECTED, USER_DISCONNECTED,
    },
};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::task::{Id, JoinSet};
use tokio::time::{Instant, sleep_until, timeout};
use tracing::Instrument;

/// How long after a reconnect signals wait for [`crate::Socket::set_id`]; servers that tell no id are not waited for
/// longer.
const REJOIN_PATIENCE: Duration = Duration::from_secs(3);
/// How long the goodbyes to all peers may take.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);
/// Peers of one socket. A server that names more is hostile or broken, or did not say who left.
const PEERS: usize = 4 * limits::ROOM_MEMBERS;

/// The task, before it runs.
pub(crate) struct Mesh {
    shared: Arc<Shared>,
    signaling: mpsc::Receiver<SignalingEvent>,
    peers: JoinSet<()>,
    /// Peers whose tasks run, each with its number in the order in which they came.
    ids: HashMap<Id, (u64, String)>,
    /// Number of the last peer.
    number: u64,
    presence: Presence,
    signaling_up: bool,
    addresses: watch::Receiver<Addresses>,
    /// The address of this machine that the connection to the server uses.
    local: Option<IpAddr>,
    /// The id under which the room knows us.
    known_as: Option<String>,
    /// When signals are released even without [`crate::Socket::set_id`].
    rejoin: Option<Instant>,
}

impl Mesh {
    pub(crate) fn new(shared: Arc<Shared>, signaling: mpsc::Receiver<SignalingEvent>) -> Self {
        Self {
            addresses: shared.endpoint.addresses.clone(),
            local: None,
            shared,
            signaling,
            peers: JoinSet::new(),
            ids: HashMap::new(),
            number: 0,
            presence: Presence::default(),
            signaling_up: false,
            known_as: None,
            rejoin: None,
        }
    }

    /// Runs until the socket closes; then waits for the peers' goodbyes.
    pub(crate) async fn run(mut self, signaling: Signaling) {
        let signaling = tokio::spawn(signaling.run().in_current_span());
        let cancel = self.shared.cancel.clone();
        let mut signaling_ended = false;
        loop {
            let idle = self.presence.deadline().filter(|_| self.signaling_up && self.rejoin.is_none());
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
                () = self.shared.joined.notified() => self.joined().await,
                () = self.shared.joined_unanswered.notified() => self.release().await,
                Ok(()) = self.addresses.changed() => self.addresses_changed(),
                () = sleep_until(self.rejoin.unwrap_or_else(Instant::now)), if self.rejoin.is_some() => {
                    self.release().await;
                }
                () = sleep_until(idle.unwrap_or_else(Instant::now)), if idle.is_some() => {
                    let now = Instant::now();
                    for id in self.presence.due(now) {
                        if self.add_peer(id.clone(), Role::Reconnector).await.is_none() {
                            // There was no place for it.
                            self.presence.wait_for_offer(&id, now, Duration::ZERO);
                        }
                    }
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
        self.shared.channels.close();
        for remote in self.shared.remotes.all() {
            self.shared.remotes.remove(remote.id());
            remote.close();
        }
        // Let the server hear the goodbye, too.
        self.signaling.close();
        if timeout(CLOSE_TIMEOUT, signaling).await.is_err() {
            tracing::warn!("the signaling server took no goodbye");
        }
        self.shared.feed.close();
    }

    async fn report(&self, event: Event) {
        self.shared.report(event, &self.shared.cancel).await;
    }

    // ---- signaling ----

    async fn signaling_event(&mut self, event: SignalingEvent) {
        match event {
            SignalingEvent::Connected { reconnect, sid, local } => {
                self.local = local;
                if !reconnect {
                    self.known_as.clone_from(&sid);
                }
                self.shared.connected_as(sid);
                self.signaling_up = true;
                self.rejoin = reconnect.then(|| Instant::now() + REJOIN_PATIENCE);
                self.presence.reconnected(self.shared.remotes.all().iter().map(|remote| remote.id().to_owned()));
                self.report(Event::Connected { reconnect }).await;
            }
            SignalingEvent::Disconnected { reason } => {
                self.signaling_lost();
                self.report(Event::Disconnected { reason }).await;
            }
            SignalingEvent::ConnectError(error) => self.report(Event::ConnectError { error }).await,
            SignalingEvent::Event { event, args } => self.server_event(event, args).await,
        }
    }

    /// What is said to peers from here on is lost.
    fn signaling_lost(&mut self) {
        self.signaling_up = false;
        self.rejoin = None;
        for (id, peer) in self.shared.peers() {
            self.command(&id, &peer, Command::SignalingUp(false));
        }
    }

    /// This machine has other addresses. A connection to the server from one that is gone hears of it by no other way for
    /// many seconds; and peers whose connections are stranded say so through the next one.
    fn addresses_changed(&mut self) {
        let now = self.addresses.borrow_and_update().clone();
        let stranded = self.signaling_up && self.local.is_some_and(|local| now.strand(local));
        tracing::info!(stranded, "the addresses of this machine changed");
        self.shared.signaling.send_now(signaling::Command::AddressesChanged { stranded });
        if stranded {
            self.signaling_lost();
            return;
        }
        for (id, peer) in self.shared.peers() {
            self.command(&id, &peer, Command::Connection(ConnectionCommand::AddressesChanged));
        }
    }

    /// The application says that it is in its room.
    async fn joined(&mut self) {
        // What the server told before its answer waits here still, and says who is in the room.
        while let Ok(event) = self.signaling.try_recv() {
            self.signaling_event(event).await;
        }
        for id in self.presence.joined() {
            self.member_left(&id);
        }
        self.release().await;
    }

    /// The room is joined: signals may go, and peers say again what was lost.
    async fn release(&mut self) {
        let rejoined = self.rejoin.take().is_some();
        let source = self.shared.id().unwrap_or_default();
        let before = self.known_as.replace(source.clone());
        self.shared.signaling.send_now(signaling::Command::Release { source: source.clone() });
        if rejoined {
            if before.is_some_and(|before| before != source) {
                self.renamed(&source);
            }
            for (id, peer) in self.shared.peers() {
                self.command(&id, &peer, Command::SignalingUp(true));
            }
        }
    }

    /// The room knows us under a new id, and will connect us to its members once more. Those to whom a connection stands
    /// are told, so that they know which one is too many.
    fn renamed(&self, new: &str) {
        let Ok(note) = serde_json::to_string(&Envelope { event: RENAMED.to_owned(), args: vec![Value::from(new)] })
        else {
            return;
        };
        let note: Arc<str> = note.into();
        for (id, peer) in self.shared.peers() {
            if peer.is_connected() {
                self.command(&id, &peer, Command::Connection(ConnectionCommand::Send(Arc::clone(&note))));
            }
        }
    }

    async fn server_event(&mut self, event: String, mut args: Vec<Value>) {
        if !event.starts_with(INTERNAL_PREFIX) {
            match (event.as_str(), args.first()) {
                (USER_CONNECTED, Some(member)) => {
                    if let Ok(Member { id, metadata, .. }) = Member::deserialize(member) {
                        self.member(&id, metadata, true).await;
                        self.member_came(&id);
                    }
                }
                (USER_DISCONNECTED, Some(member)) => {
                    if let Ok(PeerRef { id }) = PeerRef::deserialize(member) {
                        self.member_left(&id);
                    }
                }
                (DIRECT_MESSAGE, Some(message)) => {
                    if let Ok(DirectDelivery { source, data }) = DirectDelivery::deserialize(message)
                        && self.shared.remotes.get(&source).is_some()
                    {
                        self.report(Event::Direct { peer: source, data }).await;
                        return;
                    }
                }
                _ => {}
            }
            self.shared.feed.server.fire(None, &event, || ServerMessage::new(&event, args.clone()));
            self.report(Event::Server { event, args }).await;
            return;
        }
        let payload = if args.is_empty() { Value::Null } else { args.swap_remove(0) };
        match event.as_str() {
            INIT_OFFER => {
                if let Some(InitOffer { source, metadata }) = parse(&event, payload) {
                    self.member(&source, metadata, false).await;
                    self.init_offer(source).await;
                }
            }
            MESSAGE => {
                if let Some(Relayed { source, data, .. }) = parse(&event, payload) {
                    self.signal(source, &data).await;
                }
            }
            PEER_LEFT => {
                if let Some(PeerRef { id }) = parse(&event, payload) {
                    self.member_left(&id);
                }
            }
            _ => tracing::debug!(event, "an event of the server is not known"),
        }
    }

    /// A newcomer: we were in the room before, so we are polite and offer.
    async fn init_offer(&mut self, source: String) {
        self.shared.step(format_args!("Newcomer {source}: we offer"));
        match self.shared.peer(&source) {
            Some(peer) => self.command(&source, &peer, Command::Connection(ConnectionCommand::BeginAnew)),
            None => {
                self.add_peer(source, Role::Offerer).await;
            }
        }
    }

    async fn signal(&mut self, source: String, data: &Value) {
        let signal = match Signal::parse(data) {
            Ok(signal) => signal,
            Err(error) => {
                tracing::debug!(%error, "a signal can't be read");
                if self.shared.peer(&source).is_some() {
                    self.report(Event::Misbehaving { peer: source, what: error.to_string() }).await;
                }
                return;
            }
        };
        self.shared.step(format_args!("Received {} from {source}", signal.name()));
        let peer = match self.shared.peer(&source) {
            Some(peer) => Some(peer),
            // Only an offer makes a peer: anything else is the rest of a connection that is over.
            None if matches!(&signal, Signal::Description(description) if description.kind == "offer") => {
                self.add_peer(source.clone(), Role::Answerer).await
            }
            None => None,
        };
        match peer {
            Some(peer) => self.command(&source, &peer, Command::Signal(signal)),
            None => tracing::debug!("a signal of an unknown peer is dropped"),
        }
    }

    // ---- peers ----

    /// The server says that `id` is in the room; `listed` if it says so of every member.
    async fn member(&mut self, id: &str, metadata: Option<Map<String, Value>>, listed: bool) {
        let own = self.shared.id();
        if own.as_deref() == Some(id) || !self.presence.named(id, listed) {
            return;
        }
        if self.shared.remotes.get(id).is_none()
            && let Some(ghost) = self.presence.gives_way()
        {
            self.remote_gone(&ghost);
        }
        let remote = self.remote(id).await;
        remote.set_present(true);
        if let Some(metadata) = metadata {
            if serde_json::to_string(&metadata).is_ok_and(|text| text.len() <= limits::METADATA_BYTES) {
                remote.set_metadata(metadata);
            } else {
                tracing::warn!(id, "the metadata of a member is too large");
            }
        }
        if self.shared.peer(id).is_none() {
            let extra = if own.as_deref() > Some(id) { SECOND_SIDE_DELAY } else { Duration::ZERO };
            self.presence.wait_for_offer(id, Instant::now(), extra);
        }
    }

    /// The server says that `id` came into the room. If there is a connection to it, it is back from an outage in which what
    /// was relayed to it is lost: that is said again.
    fn member_came(&self, id: &str) {
        if let Some(peer) = self.shared.peer(id) {
            self.command(id, &peer, Command::SignalingUp(true));
        }
    }

    /// The server says that `id` is not in the room. A connection that stands is believed more.
    fn member_left(&mut self, id: &str) {
        self.presence.settled(id);
        let Some(remote) = self.shared.remotes.get(id) else { return };
        self.shared.step(format_args!("The server says that {id} left"));
        remote.set_present(false);
        match self.shared.peer(id) {
            Some(peer) => self.command(id, &peer, Command::Connection(ConnectionCommand::RemoteLeft)),
            None => self.remote_gone(id),
        }
    }

    /// The remote with this id, which may be new.
    async fn remote(&mut self, id: &str) -> RemoteControl {
        if let Some(remote) = self.shared.remotes.get(id) {
            return remote;
        }
        let remote = RemoteControl::new(id.to_owned());
        self.shared.remotes.insert(remote.clone());
        self.report(Event::RemotePeer { remote: remote.peer().clone() }).await;
        remote
    }

    fn remote_gone(&mut self, id: &str) {
        self.presence.settled(id);
        if let Some(remote) = self.shared.remotes.remove(id) {
            remote.close();
        }
    }

    async fn add_peer(&mut self, id: String, role: Role) -> Option<Handle> {
        if id.is_empty() || id.len() > limits::ID_BYTES || !self.make_room() {
            tracing::warn!("the server names a peer that can't be");
            return None;
        }
        self.presence.settled(&id);
        let remote = self.remote(&id).await;
        let shared = Arc::clone(&self.shared);
        let cancel = self.shared.cancel.child_token();
        let up = self.signaling_up && self.rejoin.is_none();
        let (handle, task) = peer(remote, role, up, shared, cancel);
        let task = self.peers.spawn(task.in_current_span()).id();
        self.number += 1;
        self.ids.insert(task, (self.number, id.clone()));
        self.shared.insert_peer(id, handle.clone());
        Some(handle)
    }

    /// Makes a place for another peer, if there is none: of those that never connected, the one that tries for the longest time gives
    /// way. False if none does, or if too many of them are still ending.
    fn make_room(&mut self) -> bool {
        let peers = self.shared.peers();
        if peers.len() >= PEERS {
            let number = |id: &str| self.ids.values().filter(|(_, other)| other == id).map(|(number, _)| *number).max();
            let waiting = peers.into_iter().filter(|(_, peer)| !peer.was_announced());
            let Some((ghost, peer)) = waiting.min_by_key(|(id, _)| number(id)) else { return false };
            self.shared.remove_peer(&ghost);
            peer.cancel.cancel();
            self.shared.feed.peers.end(&ghost);
            self.remote_gone(&ghost);
        }
        self.ids.len() < 2 * PEERS
    }

    async fn peer_ended(&mut self, task: Id, failed: bool) {
        let Some((_, id)) = self.ids.remove(&task) else { return };
        // A peer that was dropped by the application may have a successor under the same id.
        if self.ids.values().any(|(_, other)| *other == id) {
            return;
        }
        self.remote_gone(&id);
        let Some(handle) = self.shared.remove_peer(&id) else { return };
        if failed {
            self.shared.mistake(format_args!("The task of {id} failed"));
            if handle.is_connected() {
                self.report(Event::PeerDisconnect { peer: id.clone() }).await;
            }
        }
        // Also of one that was lost before and did not come back.
        self.shared.feed.peers.end(&id);
    }

    /// Never waits: one peer that takes no commands must not hold up the others.
    fn command(&self, id: &str, peer: &Handle, command: Command) {
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

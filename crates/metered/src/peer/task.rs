//! The task of a peer: one channel, and who is in it.

use super::command::Command;
use super::event::{DataKind, EventSender, MeteredEvent};
use super::link::Link;
use super::roster::{Change, Roster};
use super::shared::Shared;
use super::state::PeerState;
use crate::error::{JoinError, StateError};
use crate::frame::{PeerInfo, Welcome};
use crate::signal::Payload;
use crate::signalling::{SignallingEvent, SignallingEvents};
use crate::{ice_servers, limits};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

/// How often a roster that does not come is asked for again.
const ROSTER_REQUESTS: u32 = 2;

type Joining = (Result<(), JoinError>, oneshot::Sender<Result<(), JoinError>>);

/// A roster that is waited for.
struct RosterWait {
    until: Instant,
    requests: u32,
}

/// See the module.
pub(super) struct PeerTask {
    shared: Arc<Shared>,
    events: EventSender,
    cancel: CancellationToken,
    roster: Roster,
    wait: Option<RosterWait>,
    include_sender_metadata: bool,
    links: BTreeMap<String, Link>,
    /// The tasks of the remotes.
    remotes: JoinSet<()>,
    /// A join, and requests for a roster.
    joining: JoinSet<Joining>,
    requests: JoinSet<()>,
}

impl PeerTask {
    pub(super) fn new(shared: Arc<Shared>, events: EventSender, cancel: CancellationToken) -> Self {
        Self {
            shared,
            events,
            cancel,
            roster: Roster::default(),
            wait: None,
            include_sender_metadata: false,
            links: BTreeMap::new(),
            remotes: JoinSet::new(),
            joining: JoinSet::new(),
            requests: JoinSet::new(),
        }
    }

    /// Serves the peer to its end.
    pub(super) async fn run(mut self, mut commands: mpsc::Receiver<Command>, mut signals: SignallingEvents) {
        let mut addresses = self.shared.endpoint.addresses.clone();
        let cancel = self.cancel.clone();
        let mut done = None;
        while self.state() != PeerState::Closed {
            let until = self.wait.as_ref().map(|wait| wait.until);
            tokio::select! {
                biased;
                () = cancel.cancelled() => self.close("the peer was dropped").await,
                command = commands.recv() => match command {
                    Some(Command::Join { channel, include_sender_metadata, reply }) => {
                        self.join(channel, include_sender_metadata, reply);
                    }
                    Some(Command::Close { reason, reply }) => {
                        self.close(&reason).await;
                        done = Some(reply);
                    }
                    None => self.close("the peer was dropped").await,
                },
                signal = signals.recv() => match signal {
                    Some(signal) => self.signal(signal),
                    None => self.leave(1006, String::new()),
                },
                Some(joined) = self.joining.join_next(), if !self.joining.is_empty() => {
                    if let Ok((result, reply)) = joined {
                        self.join_ended(result, reply).await;
                    }
                }
                Ok(()) = addresses.changed() => self.links.values().for_each(Link::addresses_changed),
                () = sleep_until(until.unwrap_or_else(Instant::now)), if until.is_some() => self.roster_is_late(),
                Some(_) = self.requests.join_next(), if !self.requests.is_empty() => {}
                Some(ended) = self.remotes.join_next(), if !self.remotes.is_empty() => {
                    if let Err(error) = ended {
                        tracing::error!(%error, "the task of a remote failed");
                    }
                }
            }
        }
        // They were cancelled, and say goodbye.
        while self.remotes.join_next().await.is_some() {}
        if let Some(done) = done {
            done.send(()).ok();
        }
    }

    fn state(&self) -> PeerState {
        self.shared.known().state
    }

    fn set_state(&self, to: PeerState) {
        let from = std::mem::replace(&mut self.shared.known().state, to);
        if from != to {
            self.events.emit(MeteredEvent::StateChange { from, to });
        }
    }

    // ---- joining and leaving ----

    fn join(&mut self, channel: String, include_sender_metadata: bool, reply: oneshot::Sender<Result<(), JoinError>>) {
        if self.state() != PeerState::Idle {
            reply.send(Err(JoinError::State(StateError::InvalidState))).ok();
            return;
        }
        self.include_sender_metadata = include_sender_metadata;
        self.shared.known().channel = Some(channel.clone());
        self.set_state(PeerState::Joining);
        let client = self.shared.client.clone();
        self.joining.spawn(async move {
            let join = async {
                client.connect().await?;
                Ok(client.subscribe(&channel, include_sender_metadata).await?)
            };
            (join.await, reply)
        });
    }

    async fn join_ended(&mut self, result: Result<(), JoinError>, reply: oneshot::Sender<Result<(), JoinError>>) {
        match &result {
            Ok(()) => self.joined(),
            Err(_) => {
                self.clear();
                self.shared.client.close("the channel was not joined").await;
                self.shared.known().channel = None;
                self.set_state(PeerState::Idle);
            }
        }
        // Who asked may have gone.
        reply.send(result).ok();
    }

    /// The server has let this peer in; its presence may say so before its answer is here.
    fn joined(&mut self) {
        if self.state() != PeerState::Joining {
            return;
        }
        self.set_state(PeerState::Joined);
        let (channel, peer_id) = (self.shared.known().channel.clone(), self.shared.id());
        if let (Some(channel), Some(peer_id)) = (channel, peer_id) {
            self.events.emit(MeteredEvent::Joined { channel, peer_id });
        }
    }

    async fn close(&mut self, reason: &str) {
        let was = self.state();
        self.set_state(PeerState::Leaving);
        self.joining.shutdown().await;
        self.clear();
        self.shared.client.close(reason).await;
        if was != PeerState::Idle {
            self.events.emit(MeteredEvent::Left { code: 1000, reason: reason.to_owned() });
        }
        self.set_state(PeerState::Closed);
    }

    /// The connection to the server is over for good.
    fn leave(&mut self, code: u16, reason: String) {
        self.clear();
        self.events.emit(MeteredEvent::Left { code, reason });
        self.set_state(PeerState::Closed);
    }

    fn clear(&mut self) {
        self.wait = None;
        self.roster.clear();
        self.shared.known().remotes.clear();
        for link in std::mem::take(&mut self.links).into_values() {
            link.end();
        }
    }

    // ---- the server ----

    fn signal(&mut self, event: SignallingEvent) {
        match event {
            SignallingEvent::Connected { welcome, again } => self.connected(welcome, again),
            SignallingEvent::Reconnecting { .. } => {
                if self.state() == PeerState::Joined {
                    self.set_state(PeerState::Reconnecting);
                }
                self.wait = None;
                self.links.values().for_each(|link| link.signaling(false));
            }
            SignallingEvent::Closed { code, reason } => {
                if matches!(self.state(), PeerState::Joined | PeerState::Reconnecting) {
                    self.leave(code, reason);
                }
            }
            SignallingEvent::Presence { channel, joined, left } => {
                if self.is_own(&channel) {
                    self.presence(joined, left);
                }
            }
            SignallingEvent::Message { channel, from, metadata, data } => {
                if self.is_own(&channel) && self.shared.id().as_ref() != Some(&from) {
                    self.data(from, data, DataKind::Broadcast, metadata);
                }
            }
            SignallingEvent::Direct { from, metadata, data } => self.direct(from, metadata, data),
            SignallingEvent::Error { code, message } => self.events.emit(MeteredEvent::Error { name: code, message }),
            SignallingEvent::GoingAway => {}
        }
    }

    fn is_own(&self, channel: &str) -> bool {
        self.shared.known().channel.as_deref() == Some(channel)
    }

    fn connected(&mut self, welcome: Welcome, again: bool) {
        self.shared.id.send_replace(Some(welcome.peer_id));
        // A list that is bad leaves the last good one.
        if let Some(servers) = welcome.metadata.as_ref().and_then(ice_servers::admit) {
            self.shared.endpoint.ice.set_servers(servers);
        }
        if again && self.state() == PeerState::Reconnecting {
            self.roster.expect();
            self.wait = Some(RosterWait { until: Instant::now() + limits::ROSTER_TIMEOUT, requests: 0 });
        }
    }

    fn roster_is_late(&mut self) {
        let Some(wait) = &mut self.wait else { return };
        if wait.requests >= ROSTER_REQUESTS {
            self.wait = None;
            let (name, message) = ("ReconcileTimeoutError".to_owned(), String::new());
            self.events.emit(MeteredEvent::Error { name, message });
            return;
        }
        wait.requests += 1;
        wait.until = Instant::now() + limits::ROSTER_TIMEOUT;
        let (client, channel) = (self.shared.client.clone(), self.shared.known().channel.clone());
        let include_sender_metadata = self.include_sender_metadata;
        self.requests.spawn(async move {
            if let Some(channel) = channel
                && let Err(error) = client.subscribe(&channel, include_sender_metadata).await
            {
                tracing::debug!(%error, "the roster is not to be had");
            }
        });
    }

    fn presence(&mut self, joined: Vec<PeerInfo>, left: Vec<String>) {
        self.joined();
        let reconciles = self.roster.is_awaited();
        let own = self.shared.id().unwrap_or_default();
        for change in self.roster.presence(&own, joined, left) {
            match change {
                Change::Joined(peer) => self.add(peer),
                Change::Left(id) => self.remove(&id),
                Change::Renewed(PeerInfo { peer_id, metadata }) => {
                    if let Some(link) = self.links.get_mut(&peer_id) {
                        link.renew(metadata);
                    }
                }
            }
        }
        if reconciles {
            self.wait = None;
            self.links.values().for_each(|link| link.signaling(true));
            self.set_state(PeerState::Joined);
        }
    }

    fn add(&mut self, PeerInfo { peer_id, metadata }: PeerInfo) {
        let Shared { endpoint, client, media, .. } = &*self.shared;
        let cancel = self.cancel.child_token();
        let (link, task) = Link::new(peer_id.clone(), metadata, endpoint, client, media, cancel);
        self.remotes.spawn(task);
        self.shared.known().remotes.insert(peer_id.clone(), link.peer.clone());
        self.events.emit(MeteredEvent::PeerJoined(link.peer.clone()));
        self.links.insert(peer_id, link);
    }

    fn remove(&mut self, id: &str) {
        self.shared.known().remotes.remove(id);
        if let Some(link) = self.links.remove(id) {
            self.events.emit(MeteredEvent::PeerLeft(link.end()));
        }
    }

    /// From somebody whom the server has not announced, nothing is taken.
    fn direct(&mut self, from: String, metadata: Option<Map<String, Value>>, data: Value) {
        let Some(link) = self.links.get_mut(&from) else {
            tracing::debug!("a message of somebody who is not there is dropped");
            return;
        };
        match Payload::of(&data) {
            Payload::Signal(signal) => link.signal(signal),
            Payload::Unusable => tracing::debug!("a signal that is of no use is dropped"),
            Payload::Data => self.data(from, data, DataKind::Direct, metadata),
        }
    }

    fn data(&self, sender_peer_id: String, data: Value, kind: DataKind, sender_metadata: Option<Map<String, Value>>) {
        self.events.emit(MeteredEvent::Data { sender_peer_id, data, kind, sender_metadata });
    }
}

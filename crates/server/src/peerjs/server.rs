//! The PeerServer that runs: its sockets, and the passing of its time.

use super::message::{Frame, OPEN, Refusal, RelayKind, expire};
use super::query::Identity;
use super::realm::{Policy, Realm, Route};
use crate::config::PeerServerConfig;
use crate::limits::Limits;
use crate::net::{Clients, MessageBudget, Requester, Verdict};
use crate::sync::lock;
use crate::websocket::{Receiver, Socket, Upgrade};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How often it is looked for what is over, at least and at most.
const LOOKS: (Duration, Duration) = (Duration::from_millis(10), Duration::from_secs(1));
/// How much longer than for a heartbeat a connection may be silent: the server ends the client before.
const SILENCE: Duration = Duration::from_secs(30);

/// Ids, and the clients that have them.
pub(crate) struct PeerServer {
    pub(super) config: PeerServerConfig,
    pub(super) clients: Clients,
    limits: Limits,
    realm: Mutex<Realm<Receiver>>,
    sockets: TaskTracker,
}

impl PeerServer {
    pub(crate) fn new(config: PeerServerConfig, clients: Clients, limits: Limits) -> Arc<Self> {
        let policy = Policy {
            clients: config.concurrent_limit,
            alive: config.alive_timeout,
            expire: config.expire_timeout,
            limits: limits.clone(),
        };
        let realm = Mutex::new(Realm::new(policy));
        Arc::new(Self { config, clients, limits, realm, sockets: TaskTracker::new() })
    }

    /// Lets time pass until `stop`.
    pub(crate) async fn run(self: Arc<Self>, stop: CancellationToken) {
        let (least, most) = LOOKS;
        let look = (self.config.alive_timeout.min(self.config.expire_timeout) / 4).clamp(least, most);
        while stop.run_until_cancelled(tokio::time::sleep(look)).await.is_some() {
            let now = Instant::now();
            let (expired, silent) = {
                let mut realm = lock(&self.realm);
                (realm.expire(now), realm.end_silent(now))
            };
            for one in expired {
                one.sender.tell(expire(&one.receiver, &one.sender_id));
            }
            for peer in silent {
                tracing::debug!("a client gives no heartbeat: closed");
                peer.close(None);
            }
        }
    }

    /// Closes every socket and waits for that.
    pub(crate) async fn close(&self) {
        self.sockets.close();
        for peer in lock(&self.realm).connections() {
            peer.close(None);
        }
        self.sockets.wait().await;
    }

    /// A fresh id that nobody has. It is not reserved.
    pub(super) fn fresh_id(&self) -> String {
        loop {
            let id = uuid::Uuid::new_v4().to_string();
            if !lock(&self.realm).has(&id) {
                return id;
            }
        }
    }

    /// All ids.
    pub(super) fn ids(&self) -> Vec<Arc<str>> {
        lock(&self.realm).ids()
    }

    /// Serves the WebSocket of a request with this query.
    pub(super) fn serve(self: &Arc<Self>, requester: Requester, query: &str, upgrade: Upgrade) {
        let identity = Identity::parse(query, &self.config.key);
        requester.connection.allow_silence(self.config.alive_timeout.saturating_add(SILENCE));
        let server = Arc::clone(self);
        self.sockets.spawn(async move {
            let peer = Receiver::new(&requester, &server.limits);
            let opened = upgrade.open(Arc::clone(peer.outbox()), server.limits.message_bytes).await;
            let Some(mut socket) = opened else { return };
            match identity.and_then(|identity| server.admit(identity, &peer)) {
                Ok(id) => {
                    tracing::debug!("a PeerJS client is connected");
                    server.receive(&mut socket, &id, &peer, &requester).await;
                    lock(&server.realm).disconnect(&id, &peer);
                    tracing::debug!("a PeerJS client is gone");
                }
                Err(refusal) => {
                    tracing::debug!(?refusal, "a PeerJS client is refused");
                    peer.tell(refusal.frame());
                    peer.close(None);
                }
            }
            drop((server, peer));
            // A box: its memory is taken at the end, and not while the client is there.
            Box::pin(socket.finish()).await;
        });
    }

    fn admit(&self, Identity { id, token }: Identity, peer: &Receiver) -> Result<Arc<str>, Refusal> {
        let id: Arc<str> = id.into();
        let mut realm = lock(&self.realm);
        if self.sockets.is_closed() {
            return Err(Refusal::Full);
        }
        let admitted = realm.connect(&id, &token, peer.clone(), Instant::now())?;
        // Under the lock: nothing that comes later may overtake what has waited.
        peer.tell(OPEN);
        for text in admitted.waited {
            peer.tell(text);
        }
        if let Some(replaced) = admitted.replaced {
            replaced.close(None);
        }
        Ok(id)
    }

    /// Obeys what a client says until its socket ends.
    async fn receive(&self, socket: &mut Socket, id: &Arc<str>, peer: &Receiver, requester: &Requester) {
        let mut budget = MessageBudget::new(&self.limits);
        while let Some(message) = socket.receive().await {
            let (bytes, now) = (message.bytes(), Instant::now());
            let of_address = requester.address.message(bytes.len(), now);
            match budget.message(bytes.len(), of_address, now) {
                Verdict::Admit => self.obey(bytes, id, peer, requester, now),
                Verdict::Drop { first } => {
                    if first {
                        tracing::warn!("a PeerJS client sends more than it may: messages are dropped");
                    }
                }
                Verdict::Disconnect => {
                    tracing::warn!("a PeerJS client sends more than it may: disconnected");
                    peer.tell(Refusal::Flood.frame());
                    return peer.close(None);
                }
            }
        }
    }

    fn obey(&self, bytes: &[u8], id: &Arc<str>, peer: &Receiver, requester: &Requester, now: Instant) {
        match Frame::parse(bytes) {
            None => tracing::trace!("a message of a PeerJS client is dropped"),
            Some(Frame::Heartbeat) => lock(&self.realm).heartbeat(id, peer, now),
            Some(Frame::Leave) => lock(&self.realm).disconnect(id, peer),
            Some(Frame::Relay(relay)) => {
                let waits = (relay.kind != RelayKind::Leave).then_some(|| relay.frame(id));
                let from = (id, peer, &requester.address);
                let route = lock(&self.realm).route(from, &relay.dst, waits, now);
                match route {
                    Some(Route::To(receiver)) => {
                        receiver.relay(&requester.address, relay.frame(id), now);
                    }
                    Some(Route::Expired) => peer.tell(expire(&relay.dst, id)),
                    Some(Route::Waits | Route::Stale) | None => {}
                }
            }
        }
    }
}

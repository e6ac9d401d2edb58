//! The socket.

use super::envelope::{check, envelope, send};
use super::peer::Peer;
use super::server::Server;
use crate::args::Args;
use crate::listeners::{Listener, Message};
use crate::peer::Command;
use crate::shared::Shared;
use crate::stream::RtcioStream;
use crate::{EmitError, signaling};
use confab_transport::stats::PeerReport;
use confab_transport::{ConnectionCommand, RemotePeer};
use confab_wire::signaling::INTERNAL_PREFIX;
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{oneshot, watch};
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::DropGuard;

/// How long statistics of one peer may take.
pub(super) const STATS_TIMEOUT: Duration = Duration::from_secs(2);

/// A member of a mesh: signaling, peers, streams. Cloning gives another handle; when the last one is dropped, the
/// socket closes in the background. Its debug form shows the own id, and neither credentials nor what others sent.
#[derive(Clone)]
pub struct Socket {
    pub(super) shared: Arc<Shared>,
    /// Ends when all tasks have ended.
    pub(super) closed: watch::Receiver<()>,
    pub(super) _guard: Arc<DropGuard>,
}

impl std::fmt::Debug for Socket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Socket")
            .field("id", &self.id())
            .field("connected", &self.is_connected())
            .finish_non_exhaustive()
    }
}

impl Socket {
    /// Tells the socket its id in the room, where the server's answer to joining gives one that is not that of the
    /// connection (an id that was resumed). After a reconnect this also says that the room is joined again, and lets
    /// signals to peers go; without it, and without [`Socket::set_joined`], they go after three seconds.
    pub fn set_id(&self, id: &str) {
        self.shared.set_id(id);
    }

    /// Says that the room is joined, or joined again, under the id of the connection, on a server that does not answer joins:
    /// signals to peers need not wait. [`Socket::set_id`] says it where the server gives an id.
    pub fn set_joined(&self) {
        self.shared.set_joined();
    }

    /// Own id (`socket.id` of rtc.io): what [`Socket::set_id`] said, or else the id of the connection to the server. `None`
    /// before the first connection.
    pub fn id(&self) -> Option<String> {
        self.shared.id()
    }

    /// Sends an event (`socket.emit` of rtc.io), in one of three ways:
    ///
    /// - A stream anywhere inside the arguments ([`Args`]): the stream goes to every peer, present and future, and the
    ///   event tells them what it is.
    /// - A name that begins with `#rtcio:`: to the signaling server. Only who writes a library of their own wants that.
    /// - Anything else: on `ctrl` to every peer of this moment. Where `ctrl` is not open yet the event waits, up to
    ///   [`confab_wire::limits::CTRL_QUEUE`] of them for a peer, the oldest of which go first.
    ///
    /// There are no acknowledgements between peers. Fails with [`EmitError::Reserved`] for a name that only the library
    /// fires: `peer-connect`, `peer-disconnect`, `track-added`, `track-removed`.
    pub async fn emit(&self, event: &str, args: impl Into<Args>) -> Result<(), EmitError> {
        let (values, stream) = args.into().split()?;
        match stream {
            Some(stream) => self.send_stream(event, values, &stream),
            None if event.starts_with(INTERNAL_PREFIX) => self.shared.emit_to_server(event, values).await,
            None => self.broadcast(envelope(event, values)?).await,
        }
    }

    async fn broadcast(&self, envelope: Arc<str>) -> Result<(), EmitError> {
        let mut result = Ok(());
        for (id, peer) in self.shared.peers() {
            if let Err(error) = send(&id, &peer.commands, Arc::clone(&envelope)).await {
                result = Err(error);
            }
        }
        if self.shared.cancel.is_cancelled() { Err(EmitError::Closed) } else { result }
    }

    fn send_stream(&self, event: &str, args: Vec<Value>, stream: &RtcioStream) -> Result<(), EmitError> {
        check(event)?;
        if self.shared.cancel.is_cancelled() {
            return Err(EmitError::Closed);
        }
        self.shared.registry.track(stream, event, args)
    }

    /// [`Socket::emit`] of arguments that hold the placeholder of `stream`.
    pub async fn emit_stream(&self, event: &str, args: Vec<Value>, stream: &RtcioStream) -> Result<(), EmitError> {
        self.emit(event, stream.args(args)).await
    }

    /// Listens to an event of all peers (`socket.on` of rtc.io), streams included. `peer-connect`, `peer-disconnect`
    /// (`{ id }`), `track-added` of a further track of a known stream and `track-removed` (`{ peerId }`, with the stream
    /// and the track beside the arguments) come from the engine itself, never from a peer. Everything that can happen is
    /// in [`crate::Events`], too.
    pub fn on(&self, event: &str) -> Listener {
        self.shared.feed.peers.on(None, event)
    }

    /// The next event of this name, from the call on; `None` if the socket closes before.
    pub fn once(&self, event: &str) -> impl Future<Output = Option<Message>> + Send + use<> {
        self.shared.feed.peers.once(None, event)
    }

    /// (`socket.untrackStream` of rtc.io) Later peers do not get the stream; those who have it keep it.
    pub async fn untrack_stream(&self, stream: &RtcioStream) {
        self.shared.registry.untrack(stream);
    }

    /// The signaling server (`socket.server` of rtc.io).
    pub fn server(&self) -> Server {
        Server { shared: Arc::clone(&self.shared) }
    }

    /// One peer (`socket.peer(id)` of rtc.io).
    pub fn peer(&self, id: &str) -> Peer {
        Peer { shared: Arc::clone(&self.shared), id: id.to_owned() }
    }

    /// True if the connection to the peer stands, its negotiation is at rest and in `stable`.
    #[cfg(test)]
    pub(crate) async fn is_settled(&self, id: &str) -> bool {
        let (reply, answer) = oneshot::channel();
        let Some(peer) = self.shared.peer(id) else { return false };
        let command = Command::Connection(ConnectionCommand::Report(reply));
        peer.commands.send(command).await.is_ok() && answer.await.is_ok_and(|report| report.is_stable)
    }

    /// The members of the room that are known, connected or not (`remotePeers` of Metered).
    pub fn remote_peers(&self) -> Vec<RemotePeer> {
        self.shared.remotes.all().iter().map(|remote| remote.peer().clone()).collect()
    }

    /// The member with this id, while it is in the room or a connection to it stands.
    pub fn remote_peer(&self, id: &str) -> Option<RemotePeer> {
        self.shared.remotes.get(id).map(|remote| remote.peer().clone())
    }

    /// Ids of the peers to which `ctrl` is open.
    pub async fn peers(&self) -> Vec<String> {
        self.shared.peers().into_iter().filter(|(_, peer)| peer.is_connected()).map(|(id, _)| id).collect()
    }

    /// Numbers about every peer connection that says them within two seconds.
    pub async fn peer_stats(&self) -> Vec<PeerReport> {
        let mut answers = Vec::new();
        for (_, peer) in self.shared.peers() {
            let (reply, answer) = oneshot::channel();
            if peer.commands.try_send(Command::Connection(ConnectionCommand::Report(reply))).is_ok() {
                answers.push(answer);
            }
        }
        // All wait at the same time: many that do not answer take no longer than one.
        let until = Instant::now() + STATS_TIMEOUT;
        let mut reports = Vec::with_capacity(answers.len());
        for answer in answers {
            if let Ok(Ok(report)) = timeout_at(until, answer).await {
                reports.push(report);
            }
        }
        reports
    }

    /// Closes the connection to a peer. Nothing happens if it is not known.
    pub async fn drop_peer(&self, id: &str) {
        // Forgotten at once: what it sends from now on belongs to a new connection.
        if let Some(peer) = self.shared.remove_peer(id) {
            peer.cancel.cancel();
            if !peer.was_announced() {
                self.shared.feed.peers.end(id);
            }
        }
    }

    /// Connects to the signaling server (`socket.connect` of rtc.io), after [`SocketBuilder::auto_connect`] or
    /// [`Socket::disconnect`]. Nothing happens if it is connected or about to be.
    pub fn connect(&self) {
        self.shared.signaling.send_now(signaling::Command::Connect);
    }

    /// Leaves the signaling server (`socket.disconnect` of rtc.io). Peers stay, and [`Socket::connect`] comes back. What
    /// was emitted before goes first; what is emitted to the server meanwhile waits.
    pub async fn disconnect(&self) {
        self.shared.signaling.send(signaling::Command::Disconnect).await;
    }

    /// True while there is a connection to the signaling server (`socket.connected` of rtc.io).
    pub fn is_connected(&self) -> bool {
        self.shared.signaling.is_connected()
    }

    /// Leaves everything, and waits until peers and server have been told.
    pub async fn close(&self) {
        self.shared.cancel.cancel();
        let mut closed = self.closed.clone();
        // Nothing is ever sent: this waits for the sender's end.
        while closed.changed().await.is_ok() {}
    }
}

//! The handles that an application holds.

mod builder;
mod channels;
mod ice;
mod peer;
mod server;
mod stats;

pub(crate) use builder::Options;
pub use builder::SocketBuilder;
pub use peer::Peer;
pub use server::Server;

use crate::listeners::{Listener, Message};
use crate::media::stream::RtcioStream;
use crate::peer::{Command, PeerReport};
use crate::shared::Shared;
use crate::signaling;
use crate::{Args, EmitError, RemotePeer};
use confab_wire::{
    ctrl::{Envelope, EnvelopeError, is_reserved},
    signaling::INTERNAL_PREFIX,
};
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::timeout;
use tokio_util::sync::DropGuard;
use url::Url;

/// How long an emit waits for a peer that takes no events.
pub const SEND_TIMEOUT: Duration = Duration::from_secs(5);
/// Largest envelope that an emit sends: what Chromium and the SCTP library take at most in one message (RFC 8841
/// section 6). Below [`confab_wire::limits::CTRL_FRAME_BYTES`].
pub const MESSAGE_BYTES: usize = 256 * 1024;
/// How long statistics of one peer may take.
const STATS_TIMEOUT: Duration = Duration::from_secs(2);

/// A member of a mesh: signaling, peers, streams. Cloning gives another handle; when the last one is dropped, the
/// socket closes in the background. Its debug form shows the own id, and neither credentials nor what others sent.
#[derive(Clone)]
pub struct Socket {
    shared: Arc<Shared>,
    /// Ends when all tasks have ended.
    closed: watch::Receiver<()>,
    _guard: Arc<DropGuard>,
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
    /// Options for a socket on the signaling server at `url`, http or https (`io(url, options)` of rtc.io). A
    /// path of it names a Socket.IO namespace, as in rtc.io.
    pub fn builder(url: Url) -> SocketBuilder {
        SocketBuilder::new(url)
    }

    /// Tells the socket its id in the room, where the server's answer to joining gives one that is not that of the
    /// connection (an id that was resumed). After a reconnect this also says that the room is joined again, and lets
    /// signals to peers go; a server that gives no ids is waited for three seconds instead.
    pub fn set_id(&self, id: &str) {
        self.shared.set_id(id);
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
        peer.commands.send(Command::Settled(reply)).await.is_ok() && answer.await.unwrap_or(false)
    }

    /// The members of the room that are known, connected or not (`remotePeers` of Metered).
    pub fn remote_peers(&self) -> Vec<RemotePeer> {
        self.shared.remotes.all()
    }

    /// The member with this id, while it is in the room or a connection to it stands.
    pub fn remote_peer(&self, id: &str) -> Option<RemotePeer> {
        self.shared.remotes.get(id)
    }

    /// Ids of the peers to which `ctrl` is open.
    pub async fn peers(&self) -> Vec<String> {
        self.shared.peers().into_iter().filter(|(_, peer)| peer.is_connected()).map(|(id, _)| id).collect()
    }

    /// Numbers about every peer connection.
    pub async fn peer_stats(&self) -> Vec<PeerReport> {
        let mut answers = Vec::new();
        for (_, peer) in self.shared.peers() {
            let (reply, answer) = oneshot::channel();
            if peer.commands.try_send(Command::Stats(reply)).is_ok() {
                answers.push(answer);
            }
        }
        let mut reports = Vec::with_capacity(answers.len());
        for answer in answers {
            if let Ok(Ok(report)) = timeout(STATS_TIMEOUT, answer).await {
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

/// Refuses names that only the library fires, and those that no peer would take.
fn check(event: &str) -> Result<(), EmitError> {
    if is_reserved(event) {
        return Err(EmitError::Reserved(event.to_owned()));
    }
    Envelope { event: event.to_owned(), args: Vec::new() }.check()?;
    Ok(())
}

fn envelope(event: &str, args: Vec<Value>) -> Result<Arc<str>, EmitError> {
    check(event)?;
    let envelope = Envelope { event: event.to_owned(), args };
    let text = serde_json::to_string(&envelope).map_err(|_| EnvelopeError::Shape)?;
    if text.len() > MESSAGE_BYTES {
        return Err(EnvelopeError::TooLarge(text.len()).into());
    }
    Ok(text.into())
}

async fn send(id: &str, commands: &mpsc::Sender<Command>, envelope: Arc<str>) -> Result<(), EmitError> {
    match timeout(SEND_TIMEOUT, commands.send(Command::Send(envelope))).await {
        // A peer that has just ended has nothing to be told.
        Ok(_) => Ok(()),
        Err(_) => Err(EmitError::Busy(id.to_owned())),
    }
}

//! The handles that an application holds.

use crate::hub::Hub;
use crate::media::stream::RtcioStream;
use crate::peer::{Command, PeerReport, Watchdog, placeholder};
use crate::shared::Shared;
use crate::signaling::{self, Signaling};
use crate::{AckError, EmitError, Events};
use confab_protocol::ctrl::{Envelope, EnvelopeError};
use confab_protocol::signaling::{INTERNAL_PREFIX, IceServer};
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::sync::DropGuard;
use tracing::Instrument;
use url::Url;

/// Events that wait for the application.
const EVENTS: usize = 1024;
/// How long an emit waits for a peer that takes no events.
pub const SEND_TIMEOUT: Duration = Duration::from_secs(5);
/// Largest envelope that an emit sends: what Chromium and the SCTP library take at most in one message (RFC 8841
/// section 6). Below [`confab_protocol::limits::CTRL_FRAME_BYTES`].
pub const MESSAGE_BYTES: usize = 256 * 1024;
/// How long statistics of one peer may take.
const STATS_TIMEOUT: Duration = Duration::from_secs(2);

/// Options of a [`Socket`].
#[derive(Debug, Clone)]
pub struct SocketBuilder {
    url: Url,
    auth: Option<Value>,
    ice_servers: Vec<IceServer>,
    watchdog: Watchdog,
    debug: bool,
}

impl SocketBuilder {
    /// Payload of the Socket.IO connection.
    pub fn auth(mut self, auth: Value) -> Self {
        self.auth = Some(auth);
        self
    }

    /// ICE servers; those that are not well-formed are left out.
    pub fn ice_servers(mut self, servers: Vec<IceServer>) -> Self {
        self.ice_servers = servers;
        self
    }

    /// When a peer counts as gone.
    pub fn watchdog(mut self, watchdog: Watchdog) -> Self {
        self.watchdog = watchdog;
        self
    }

    /// Puts every message of this socket into a tracing span `rtcio` of level info instead of debug.
    pub fn debug(mut self, debug: bool) -> Self {
        self.debug = debug;
        self
    }

    /// Begins to connect and returns at once. Needs a tokio runtime around it.
    pub fn connect(self) -> (Socket, Events) {
        let span = if self.debug {
            tracing::info_span!("rtcio", server = %self.url)
        } else {
            tracing::debug_span!("rtcio", server = %self.url)
        };
        let cancel = CancellationToken::new();
        let (task, signaling, signaling_events) = Signaling::new(self.url, self.auth, cancel.child_token());
        let shared = Arc::new(Shared::new(self.watchdog, self.ice_servers, signaling, cancel.clone()));
        let (events, receiver) = mpsc::channel(EVENTS);
        let (done, closed) = watch::channel(());
        let hub = Hub::new(Arc::clone(&shared), events, signaling_events);
        tokio::spawn(
            async move {
                hub.run(task).await;
                drop(done);
            }
            .instrument(span),
        );
        let socket = Socket { shared, closed, _guard: Arc::new(cancel.drop_guard()) };
        (socket, Events { receiver })
    }
}

/// A member of a mesh: signaling, peers, streams. Cloning gives another handle; when the last one is dropped, the
/// socket closes in the background.
#[derive(Debug, Clone)]
pub struct Socket {
    shared: Arc<Shared>,
    /// Ends when all tasks have ended.
    closed: watch::Receiver<()>,
    _guard: Arc<DropGuard>,
}

impl Socket {
    /// Options for a socket on the signaling server at `url` (http or https).
    pub fn builder(url: Url) -> SocketBuilder {
        SocketBuilder { url, auth: None, ice_servers: Vec::new(), watchdog: Watchdog::default(), debug: false }
    }

    /// Own id, as the server told it in answer to joining a room. After a reconnect this also says that the room is
    /// joined again, and lets signals to peers go.
    pub fn set_id(&self, id: &str) {
        self.shared.set_id(id);
    }

    /// Own id, once [`Socket::set_id`] was called.
    pub fn id(&self) -> Option<String> {
        self.shared.id()
    }

    /// ICE servers for peers that are made from now on; those that are not well-formed are left out.
    pub fn set_ice_servers(&self, servers: Vec<IceServer>) {
        self.shared.set_ice_servers(servers);
    }

    /// Sends an event on `ctrl` to every peer. To a peer whose `ctrl` is not open yet it waits, up to
    /// [`confab_protocol::limits::CTRL_QUEUE`] events, the oldest of which go first.
    pub async fn emit(&self, event: &str, args: Vec<Value>) -> Result<(), EmitError> {
        let envelope = envelope(event, args)?;
        let mut result = Ok(());
        for (id, peer) in self.shared.peers() {
            if let Err(error) = send(&id, &peer.commands, Arc::clone(&envelope)).await {
                result = Err(error);
            }
        }
        if self.shared.cancel.is_cancelled() { Err(EmitError::Closed) } else { result }
    }

    /// Sends a stream to every peer, present and future, with the event that tells what it is. `args` hold
    /// [`RtcioStream::placeholder`] where the stream is.
    pub async fn emit_stream(&self, event: &str, args: Vec<Value>, stream: &RtcioStream) -> Result<(), EmitError> {
        Envelope { event: event.to_owned(), args: Vec::new() }.check()?;
        if args.iter().find_map(placeholder) != Some(stream.id()) {
            return Err(EmitError::NoPlaceholder);
        }
        if self.shared.cancel.is_cancelled() {
            return Err(EmitError::Closed);
        }
        self.shared.registry.track(stream, event, args)
    }

    /// Later peers do not get the stream; those who have it keep it.
    pub async fn untrack_stream(&self, stream: &RtcioStream) {
        self.shared.registry.untrack(stream);
    }

    /// The signaling server.
    pub fn server(&self) -> Server {
        Server { shared: Arc::clone(&self.shared) }
    }

    /// One peer.
    pub fn peer(&self, id: &str) -> Peer {
        Peer { shared: Arc::clone(&self.shared), id: id.to_owned() }
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
        }
    }

    /// The server said that a peer's signaling is back: what was relayed to it in vain is said again, and an unhealthy
    /// connection restarts ICE. Nothing happens if the peer is not known.
    pub fn peer_returned(&self, id: &str) {
        if let Some(peer) = self.shared.peer(id)
            && peer.commands.try_send(Command::SignalingUp(true)).is_err()
        {
            tracing::warn!(id, "a peer is too busy to be told that it is back");
        }
    }

    /// Leaves the signaling server for good. Peers stay.
    pub async fn disconnect(&self) {
        self.shared.signaling.send(signaling::Command::Disconnect).await;
    }

    /// Leaves everything, and waits until peers and server have been told.
    pub async fn close(&self) {
        self.shared.cancel.cancel();
        let mut closed = self.closed.clone();
        // Nothing is ever sent: this waits for the sender's end.
        while closed.changed().await.is_ok() {}
    }
}

/// The signaling server, as an application talks to it.
#[derive(Debug, Clone)]
pub struct Server {
    shared: Arc<Shared>,
}

impl Server {
    /// Sends an event. Without a connection it waits for the next one, in order, the oldest of 256 going first.
    pub async fn emit(&self, event: &str, args: Vec<Value>) -> Result<(), EmitError> {
        own_event(event)?;
        let command = signaling::Command::Emit { event: event.to_owned(), args };
        if self.shared.signaling.send(command).await { Ok(()) } else { Err(EmitError::Closed) }
    }

    /// Sends an event and waits for its acknowledgement, at most [`confab_protocol::limits::ACK_TIMEOUT`] after it was sent. One at a
    /// time: others wait for their turn.
    pub async fn emit_with_ack(&self, event: &str, args: Vec<Value>) -> Result<Vec<Value>, AckError> {
        let (reply, answer) = oneshot::channel();
        let command = signaling::Command::Request { event: event.to_owned(), args, reply };
        if !self.shared.signaling.send(command).await {
            return Err(AckError::Closed);
        }
        answer.await.unwrap_or(Err(AckError::Closed))
    }
}

/// One peer, as an application talks to it.
#[derive(Debug, Clone)]
pub struct Peer {
    shared: Arc<Shared>,
    id: String,
}

impl Peer {
    /// Sends an event on `ctrl` to this peer only. Nothing happens if the peer is not known.
    pub async fn emit(&self, event: &str, args: Vec<Value>) -> Result<(), EmitError> {
        let envelope = envelope(event, args)?;
        match self.shared.peer(&self.id) {
            Some(peer) => send(&self.id, &peer.commands, envelope).await,
            None => Ok(()),
        }
    }
}

fn own_event(event: &str) -> Result<(), EmitError> {
    if event.starts_with(INTERNAL_PREFIX) {
        return Err(EmitError::Reserved(event.to_owned()));
    }
    Ok(())
}

fn envelope(event: &str, args: Vec<Value>) -> Result<Arc<str>, EmitError> {
    let envelope = Envelope { event: event.to_owned(), args }.check()?;
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

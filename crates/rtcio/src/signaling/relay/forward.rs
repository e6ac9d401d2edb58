//! What passes between the library and the server.

use super::super::dial::{Dialled, ServerSocket};
use super::super::liveness::{Liveness, PING_INTERVAL};
use super::super::packets::{CLOSE, Handshake, ServerPacket, server_packet};
use super::door::LibrarySocket;
use bytes::Bytes;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_tungstenite::tungstenite::Message;
use tokio_util::sync::CancellationToken;

/// How long one write to the server may take.
const WRITE_TIMEOUT: Duration = Duration::from_secs(5);
/// How long the last words to either side may take.
const GOODBYE_TIMEOUT: Duration = Duration::from_secs(2);

/// Why the connection ends, in technical words.
const CLOSED: &str = "the server closed the connection";
const SILENT: &str = "the server says nothing any more";
const STALLED: &str = "the server takes no data";
const OURS: &str = "closed by this side";

/// What the relay tells its owner, and what it is told.
pub(super) struct Link {
    pub(super) namespace: String,
    pub(super) id: watch::Sender<Option<String>>,
    pub(super) end: watch::Sender<Option<String>>,
    pub(super) hurry: Arc<Notify>,
}

impl Link {
    /// The connection is over; the first reason counts.
    pub(super) fn end(&self, reason: &str) {
        self.end.send_if_modified(|end| {
            let first = end.is_none();
            end.get_or_insert_with(|| reason.to_owned());
            first
        });
    }
}

/// Both connections.
pub(super) struct Forwarding {
    server: (SplitSink<ServerSocket, Message>, SplitStream<ServerSocket>),
    library: (SplitSink<LibrarySocket, Message>, SplitStream<LibrarySocket>),
    open: String,
    handshake: Handshake,
    link: Link,
}

impl Forwarding {
    pub(super) fn new(dialled: Dialled, library: LibrarySocket, link: Link) -> Self {
        let Dialled { socket, open, handshake, .. } = dialled;
        Self { server: socket.split(), library: library.split(), open, handshake, link }
    }

    /// Passes on until one side ends or nobody wants the connection any more; then ends both. `goodbye` is the packet that tells
    /// the library, behind everything that came before.
    pub(super) async fn run(self, cancel: CancellationToken, goodbye: String) {
        let Self { server: (mut to_server, mut from_server), library: (mut to_library, mut from_library), .. } = self;
        let link = &self.link;
        let liveness = Mutex::new(Liveness::default());
        let silence = self.handshake.silence();
        let reason = tokio::select! {
            () = cancel.cancelled() => OURS.to_owned(),
            reason = down(&mut from_server, &mut to_library, self.open, link, &liveness, silence) => reason,
            reason = up(&mut from_library, &mut to_server, link, &liveness) => reason.to_owned(),
        };
        link.end(&reason);
        let last = async {
            // The library does not tell that a stream is over, but it does tell this.
            if to_library.send(Message::text(goodbye)).await.is_ok() {
                to_library.close().await.ok();
            }
        };
        let both = async { tokio::join!(last, to_server.close()) };
        timeout(GOODBYE_TIMEOUT, both).await.ok();
    }
}

/// Ends a connection to a server that nobody uses.
pub(super) async fn goodbye(mut socket: ServerSocket) {
    timeout(GOODBYE_TIMEOUT, socket.close(None)).await.ok();
}

fn lock(liveness: &Mutex<Liveness>) -> MutexGuard<'_, Liveness> {
    liveness.lock().unwrap_or_else(PoisonError::into_inner)
}

/// From the server to the library; waits while the library takes nothing, and TCP slows the server down. Returns why it ends.
async fn down(
    from: &mut SplitStream<ServerSocket>,
    to: &mut SplitSink<LibrarySocket, Message>,
    open: String,
    link: &Link,
    liveness: &Mutex<Liveness>,
    silence: Duration,
) -> String {
    if to.send(Message::text(open)).await.is_err() {
        return OURS.to_owned();
    }
    loop {
        let message = match timeout(silence, from.next()).await {
            Ok(Some(Ok(message))) => message,
            Ok(Some(Err(error))) => return format!("the connection broke: {error}"),
            Ok(None) => return CLOSED.to_owned(),
            Err(_) => return SILENT.to_owned(),
        };
        lock(liveness).heard(message.is_pong());
        match &message {
            Message::Text(text) => match server_packet(text, &link.namespace) {
                ServerPacket::Connected(id) => drop(link.id.send_replace(Some(id))),
                // What is passed on behind this one would be the same once more.
                ServerPacket::Closed => return CLOSED.to_owned(),
                ServerPacket::Other => {}
            },
            Message::Binary(_) => {}
            Message::Close(_) => return CLOSED.to_owned(),
            Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => continue,
        }
        lock(liveness).pause();
        let passed = to.send(message).await;
        lock(liveness).resume(Instant::now());
        if passed.is_err() {
            return OURS.to_owned();
        }
    }
}

/// From the library to the server, and the pings between. Returns why it ends.
async fn up(
    from: &mut SplitStream<LibrarySocket>,
    to: &mut SplitSink<ServerSocket, Message>,
    link: &Link,
    liveness: &Mutex<Liveness>,
) -> &'static str {
    let mut next_ping = Instant::now() + PING_INTERVAL;
    loop {
        let due = lock(liveness).due().map_or(next_ping, |due| due.min(next_ping));
        let message = tokio::select! {
            biased;
            () = link.hurry.notified() => {
                lock(liveness).hurry(Instant::now());
                ping(liveness, &mut next_ping)
            }
            () = sleep_until(due) => {
                if lock(liveness).is_overdue(Instant::now()) {
                    return SILENT;
                }
                ping(liveness, &mut next_ping)
            }
            message = from.next() => match message {
                Some(Ok(message @ (Message::Text(_) | Message::Binary(_)))) => message,
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => continue,
                _ => return OURS,
            },
        };
        let last = matches!(&message, Message::Text(text) if text.as_str() == CLOSE);
        match timeout(WRITE_TIMEOUT, to.send(message)).await {
            Ok(Ok(())) if last => return OURS,
            Ok(Ok(())) => {}
            Ok(Err(_)) => return CLOSED,
            Err(_) => return STALLED,
        }
    }
}

fn ping(liveness: &Mutex<Liveness>, next: &mut Instant) -> Message {
    let now = Instant::now();
    *next = now + PING_INTERVAL;
    lock(liveness).pinged(now);
    Message::Ping(Bytes::new())
}

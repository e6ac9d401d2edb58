//! Relays behind a local socket (a TURN shim). The library allocates relays over UDP only and keeps their failures to itself, so each
//! TURN server gets a UDP socket on this computer that the library takes for the server. What comes in there goes on to
//! the real one over UDP, TCP or TLS, message by message and unchanged, and the answers come back the same way.

use super::framing::{self, Meaning, Transaction};
use super::receive_errors::ReceiveErrors;
use super::root::RootCertificate;
use super::servers::TurnServer;
use super::upstream::{self, Receiver, Sender, UpstreamError};
use super::url::{IceUrl, Service, Transport};
use bytes::Bytes;
use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::net::UdpSocket;
use tokio::sync::mpsc;
use tokio::task::{Id, JoinSet};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

/// Messages that wait for a server, about a quarter of a second of video. When full the newest is dropped: it was UDP.
const QUEUE: usize = 256;
/// Sockets of the library that one server is reached from: one for each network interface.
const LINES: usize = 16;
/// After a way to a server ended, it is not tried again for so long.
const PAUSE: Duration = Duration::from_secs(5);
/// After so long without an answer, a failure of the server is reported.
const SILENCE: Duration = Duration::from_secs(8);
/// How long the last messages (RFC 8656 section 7: the release of a relay) may take.
const GOODBYE: Duration = Duration::from_secs(1);
/// Largest datagram.
const DATAGRAM_BYTES: usize = 65_536;

/// Code of a server that can't be reached (`RTCPeerConnectionIceErrorEvent.errorCode`, W3C webrtc-pc section 4.8.3).
pub(crate) const UNREACHABLE: u16 = 701;
/// STUN error codes (RFC 8489 section 14.8): the first request of a relay is always unauthorized, and nonces get stale.
const UNAUTHORIZED: u16 = 401;
const STALE_NONCE: u16 = 438;

/// A TURN server can't be used, or no longer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct IceServerFailure {
    /// URL of the server.
    pub(crate) url: String,
    /// STUN error code, or 701.
    pub(crate) code: u16,
    /// Why, in technical words without credentials.
    pub(crate) reason: String,
    /// True if there was a relay and it is gone.
    pub(crate) lost: bool,
}

/// Called with each failure. It must not wait.
pub(crate) type FailureCallback = Arc<dyn Fn(IceServerFailure) + Send + Sync>;

/// The local sockets of one connection that stand for its TURN servers. Dropping it closes them at once.
pub(crate) struct Relays {
    /// Port of each socket, and the server behind it.
    shims: Vec<(u16, IceUrl, Transport)>,
    cancel: CancellationToken,
    tasks: JoinSet<()>,
}

impl Relays {
    /// Opens a socket at `host` for each server. Returns the ports in the order of the servers.
    pub(crate) async fn open(
        host: IpAddr,
        servers: &[TurnServer],
        roots: &Arc<[RootCertificate]>,
        on_failure: &FailureCallback,
    ) -> io::Result<(Self, Vec<u16>)> {
        let (cancel, mut tasks, mut shims) = (CancellationToken::new(), JoinSet::new(), Vec::new());
        for server in servers {
            let local = Arc::new(UdpSocket::bind((host, 0)).await?);
            shims.push((local.local_addr()?.port(), server.url.clone(), server.transport));
            let span = tracing::debug_span!("relay", url = %server.url);
            let shim = Shim {
                local,
                way: Way {
                    server: server.clone(),
                    roots: Arc::clone(roots),
                    on_failure: Arc::clone(on_failure),
                    reported: Arc::new(AtomicBool::new(false)),
                },
                lines: HashMap::new(),
                resting: HashMap::new(),
                tasks: JoinSet::new(),
                cancel: cancel.clone(),
            };
            tasks.spawn(shim.run().instrument(span));
        }
        let ports = shims.iter().map(|(port, ..)| *port).collect();
        Ok((Self { shims, cancel, tasks }, ports))
    }

    /// The server behind the local socket that the library knows by this URL, and how it is reached (`relayProtocol`).
    pub(crate) fn behind(&self, url: &str) -> Option<(String, &'static str)> {
        let port = IceUrl::parse(url).ok().filter(|url| matches!(url.service, Service::Turn(_)))?.port;
        let (_, server, transport) = self.shims.iter().find(|(shim, ..)| *shim == port)?;
        let protocol = match transport {
            Transport::Udp => "udp",
            Transport::Tcp => "tcp",
            Transport::Tls => "tls",
        };
        Some((server.to_string(), protocol))
    }

    /// Sends on what the library has said so far, and ends.
    pub(crate) async fn close(&mut self) {
        self.cancel.cancel();
        while self.tasks.join_next().await.is_some() {}
    }
}

/// One server's local socket.
struct Shim {
    local: Arc<UdpSocket>,
    way: Way,
    /// Sockets of the library → their way to the server.
    lines: HashMap<SocketAddr, (Id, mpsc::Sender<Bytes>)>,
    /// Sockets whose way ended, and until when they wait.
    resting: HashMap<SocketAddr, Instant>,
    tasks: JoinSet<()>,
    cancel: CancellationToken,
}

/// What each way to a server needs.
#[derive(Clone)]
struct Way {
    server: TurnServer,
    roots: Arc<[RootCertificate]>,
    on_failure: FailureCallback,
    /// A failure was reported: each server's only once.
    reported: Arc<AtomicBool>,
}

impl Way {
    fn failed(&self, code: u16, reason: String, lost: bool) {
        let url = self.server.url.to_string();
        // A relay that is lost is always news.
        if !self.reported.swap(true, Ordering::AcqRel) || lost {
            tracing::warn!(url, code, reason, lost, "a TURN server can't be used");
            (self.on_failure)(IceServerFailure { url, code, reason, lost });
        }
    }
}

impl Shim {
    async fn run(mut self) {
        let mut buffer = vec![0; DATAGRAM_BYTES];
        let mut errors = ReceiveErrors::default();
        loop {
            tokio::select! {
                biased;
                () = self.cancel.cancelled() => break,
                Some(ended) = self.tasks.join_next_with_id(), if !self.tasks.is_empty() => {
                    let id = match ended {
                        Ok((id, ())) => id,
                        Err(error) => error.id(),
                    };
                    self.ended(id);
                }
                received = self.local.recv_from(&mut buffer) => match received {
                    Ok((length, from)) => {
                        errors.received();
                        self.receive(&buffer[..length], from);
                    }
                    // Some systems report here that an answer of ours found nobody.
                    Err(error) => {
                        tracing::debug!(%error, "a message of the library can't be read");
                        let Some(pause) = errors.failed() else {
                            self.way.failed(UNREACHABLE, format!("the local socket fails: {error}"), true);
                            break;
                        };
                        tokio::time::sleep(pause).await;
                    }
                },
            }
        }
        let goodbye = async {
            if let Err(error) = self.drain(&mut buffer).await {
                tracing::debug!(%error, "the last messages of the library can't be read");
            }
            self.lines.clear();
            while self.tasks.join_next().await.is_some() {}
        };
        if timeout(GOODBYE, goodbye).await.is_err() {
            tracing::debug!("a relay could not be released");
        }
    }

    /// The library is done and what it said last is in the socket: reads up to a mark.
    async fn drain(&mut self, buffer: &mut [u8]) -> io::Result<()> {
        let me = self.local.local_addr()?;
        self.local.send_to(&[], me).await?;
        loop {
            let (length, from) = self.local.recv_from(buffer).await?;
            if from == me {
                return Ok(());
            }
            self.receive(&buffer[..length], from);
        }
    }

    fn ended(&mut self, id: Id) {
        let client = self.lines.iter().find(|(_, (task, _))| *task == id).map(|(client, _)| *client);
        if let Some(client) = client {
            self.lines.remove(&client);
            let now = Instant::now();
            self.resting.retain(|_, until| *until > now);
            self.resting.insert(client, now + PAUSE);
        }
    }

    fn receive(&mut self, datagram: &[u8], from: SocketAddr) {
        let Some(message) = framing::frame(datagram) else {
            tracing::trace!("a datagram that is no message of TURN is dropped");
            return;
        };
        if !self.lines.contains_key(&from) && !self.open_line(from) {
            return;
        }
        if let Some((_, line)) = self.lines.get(&from)
            && line.try_send(message).is_err()
        {
            tracing::trace!("a message is dropped: the server does not keep up");
        }
    }

    fn open_line(&mut self, client: SocketAddr) -> bool {
        let now = Instant::now();
        let resting = self.resting.get(&client).is_some_and(|until| *until > now);
        if resting || self.lines.len() >= LINES || !is_own(client.ip()) {
            return false;
        }
        let (sender, messages) = mpsc::channel(QUEUE);
        let line =
            RelayPath { way: self.way.clone(), local: Arc::clone(&self.local), client, progress: Mutex::default() };
        let task = self.tasks.spawn(line.run(messages).in_current_span()).id();
        self.lines.insert(client, (task, sender));
        true
    }
}

/// True for addresses of this computer.
fn is_own(ip: IpAddr) -> bool {
    ip.is_loopback()
        || if_addrs::get_if_addrs().is_ok_and(|interfaces| interfaces.iter().any(|interface| interface.ip() == ip))
}

/// What is known about the relay of one line.
#[derive(Debug, Default)]
struct Progress {
    answered: bool,
    allocated: bool,
    /// The last request for a relay that had a credential.
    signed: Option<Transaction>,
}

/// The way of one socket of the library to the server.
struct RelayPath {
    way: Way,
    local: Arc<UdpSocket>,
    client: SocketAddr,
    progress: Mutex<Progress>,
}

impl RelayPath {
    async fn run(self, messages: mpsc::Receiver<Bytes>) {
        let (sender, receiver) = match upstream::connect(&self.way.server, &self.way.roots).await {
            Ok(halves) => halves,
            Err(error) => return self.failed(UNREACHABLE, error.to_string(), false),
        };
        tracing::debug!(client = %self.client, "the way to a TURN server stands");
        let silence = async {
            tokio::time::sleep(SILENCE).await;
            if !self.progress().answered {
                self.failed(UNREACHABLE, "it does not answer".to_owned(), false);
            }
            std::future::pending().await
        };
        let end = tokio::select! {
            end = self.send(messages, sender) => end,
            end = self.receive(receiver) => end,
            () = silence => Ok(()),
        };
        if let Err(error) = end {
            let lost = self.progress().allocated;
            self.failed(UNREACHABLE, error.to_string(), lost);
        }
    }

    fn progress(&self) -> std::sync::MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends well when the library has nothing more to say.
    async fn send(&self, mut messages: mpsc::Receiver<Bytes>, mut sender: Sender) -> Result<(), UpstreamError> {
        while let Some(message) = messages.recv().await {
            if let Some(Meaning::SignedAllocate(transaction)) = framing::meaning(&message) {
                self.progress().signed = Some(transaction);
            }
            sender.send(&message).await?;
        }
        sender.close().await;
        Ok(())
    }

    async fn receive(&self, mut receiver: Receiver) -> Result<(), UpstreamError> {
        loop {
            let message = receiver.receive().await?;
            self.learn(&message);
            if let Err(error) = self.local.send_to(&message, self.client).await {
                tracing::trace!(%error, "a message of a TURN server is dropped");
            }
        }
    }

    fn learn(&self, message: &[u8]) {
        let mut progress = self.progress();
        progress.answered = true;
        match framing::meaning(message) {
            Some(Meaning::Allocated) => {
                progress.allocated = true;
                tracing::debug!("a relay is allocated");
            }
            Some(Meaning::Refused { allocate: true, transaction, code, reason }) => {
                let first = code == UNAUTHORIZED && progress.signed != Some(transaction);
                drop(progress);
                if !first && code != STALE_NONCE {
                    self.failed(code, format!("it refuses a relay: {code} {reason}"), false);
                }
            }
            _ => {}
        }
    }

    fn failed(&self, code: u16, reason: String, lost: bool) {
        self.way.failed(code, reason, lost);
    }
}

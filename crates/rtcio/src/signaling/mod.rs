//! Signaling: one task that keeps a connection to the server, one [`link::Link`] after the other.
//!
//! What is emitted while there is no link, or while the application has not joined its room again after a reconnect,
//! waits in order in an [`Outbox`]. Offers and candidates do not wait: the peer tasks know that signaling is down, and
//! make fresh ones when it is back.

pub(crate) mod backoff;
mod client;
mod command;
mod command_queue;
pub(crate) mod dial;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
pub(crate) mod link;
pub(crate) mod link_event;
mod liveness;
mod outbox;
mod packets;
mod relay;
mod request_queue;
mod translation;

use crate::AckError;
use crate::connect_error::ConnectError;
use crate::options::Options;
use backoff::Backoff;
pub use backoff::Reconnection;
use command::AckReply;
pub(crate) use command::Command;
use command_queue::{CommandReceiver, CommandSender, command_queue};
use confab_wire::signaling::Signal;
use dial::DialOptions;
use link::Link;
use link_event::{Broken, LinkEvent};
use outbox::{Outbox, Outgoing};
use serde_json::Value;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;
use url::Url;

/// Events that wait for the mesh.
const EVENTS: usize = 256;
/// Requests that wait for their answers; more are refused.
const REQUESTS: usize = 256;
/// Longest timeout of a request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(24 * 3_600);

/// What the task reports to the mesh.
#[derive(Debug)]
pub(crate) enum SignalingEvent {
    /// A link stands, from the address `local` of this machine if that is known.
    Connected { reconnect: bool, sid: Option<String>, local: Option<IpAddr> },
    /// The link is gone.
    Disconnected { reason: String },
    /// No link could be made.
    ConnectError(ConnectError),
    /// An event of the server.
    Event { event: String, args: Vec<Value> },
}

/// The sending side, for sockets and peers.
#[derive(Debug, Clone)]
pub(crate) struct Handle {
    commands: CommandSender,
    connected: Arc<AtomicBool>,
}

impl Handle {
    /// Queues a command; waits while the queue is full. False if the task is gone.
    pub(crate) async fn send(&self, command: Command) -> bool {
        self.commands.send(command).await
    }

    /// Queues a command without waiting: one of those of which the newest of its kind counts.
    pub(crate) fn send_now(&self, command: Command) {
        self.commands.send_now(command);
    }

    /// True while a link stands.
    pub(crate) fn is_connected(&self) -> bool {
        self.connected.load(Ordering::Acquire)
    }
}

/// The task, before it runs.
pub(crate) struct Signaling {
    url: Url,
    path: String,
    auth: Option<Value>,
    dial: DialOptions,
    commands: CommandReceiver,
    events: mpsc::Sender<SignalingEvent>,
    cancel: CancellationToken,
    outbox: Outbox,
    /// An event that the mesh has no room for yet.
    untold: Option<SignalingEvent>,
    /// Requests on this link that are not answered, by number.
    requests: HashMap<u64, Request>,
    /// Number of the last request.
    request: u64,
    /// Number of this link.
    link: u64,
    /// The own id in the room, once signals may go.
    source: Option<String>,
    backoff: Backoff,
    /// The application wants a connection.
    wanted: bool,
    connected: Arc<AtomicBool>,
}

/// A request without an answer yet.
struct Request {
    timeout: Duration,
    /// Once it was sent.
    deadline: Option<Instant>,
    reply: AckReply,
}

/// Why this side ends a link.
enum Ended {
    /// Nobody wants it.
    Unwanted,
    /// The address that it uses is gone.
    Stranded,
}

/// What the task does next.
enum Next {
    /// Nothing, until the application wants a connection.
    Idle,
    /// Wait a little, after a failure.
    Pause,
    Open,
    Live(Box<Link>),
    Stop,
}

impl Signaling {
    /// Makes the task and its ends.
    pub(crate) fn new(options: &Options, cancel: CancellationToken) -> (Self, Handle, mpsc::Receiver<SignalingEvent>) {
        let (command_sender, commands) = command_queue();
        let (events, event_receiver) = mpsc::channel(EVENTS);
        let connected = Arc::new(AtomicBool::new(false));
        let task = Self {
            url: options.url.clone(),
            path: options.path.clone(),
            auth: options.auth.clone(),
            dial: options.dial.clone(),
            commands,
            events,
            cancel,
            outbox: Outbox::default(),
            untold: None,
            requests: HashMap::new(),
            request: 0,
            link: 0,
            source: None,
            backoff: Backoff::new(options.reconnection),
            wanted: options.auto_connect,
            connected: Arc::clone(&connected),
        };
        (task, Handle { commands: command_sender, connected }, event_receiver)
    }

    /// Keeps a connection while one is wanted, until the socket is closed.
    pub(crate) async fn run(mut self) {
        let cancel = self.cancel.clone();
        let mut next = if self.wanted { Next::Open } else { Next::Idle };
        loop {
            // A link that stands hears of the end by itself, and says goodbye.
            next = match next {
                Next::Live(link) => self.live(*link).await,
                Next::Stop => return,
                waiting => tokio::select! {
                    () = cancel.cancelled() => return,
                    next = self.wait(waiting) => next,
                },
            };
        }
    }

    async fn wait(&mut self, next: Next) -> Next {
        match next {
            Next::Idle => self.idle().await,
            Next::Pause => self.pause().await,
            Next::Open => self.open().await,
            done => done,
        }
    }

    /// Reports to the mesh. It may be waiting for an application that waits for an answer of this task: commands are taken
    /// meanwhile, as without a link.
    async fn tell(&mut self, event: SignalingEvent) {
        let events = self.events.clone();
        loop {
            tokio::select! {
                biased;
                permit = events.reserve() => {
                    // The mesh ends before this task only when the socket closes.
                    if let Ok(permit) = permit {
                        permit.send(event);
                    }
                    break;
                }
                command = self.commands.recv() => match command {
                    Some(command @ (Command::Emit { .. } | Command::Relay { .. } | Command::Request { .. })) => {
                        self.keep(command);
                    }
                    Some(command) => self.commands.put_aside(command),
                    None => break,
                },
            }
        }
        self.commands.resume();
    }

    /// Waits until a connection is wanted.
    async fn idle(&mut self) -> Next {
        self.backoff.reset();
        loop {
            match self.commands.recv().await {
                Some(Command::Connect) => return Next::Open,
                Some(command) => self.keep(command),
                None => return Next::Stop,
            }
        }
    }

    /// Connects, while commands go to the outbox.
    async fn open(&mut self) -> Next {
        let (url, path, auth, dial) = (self.url.clone(), self.path.clone(), self.auth.clone(), self.dial.clone());
        let opening = Link::open(&url, &path, auth.as_ref(), &dial);
        tokio::pin!(opening);
        loop {
            tokio::select! {
                opened = &mut opening => match opened {
                    Ok(link) => return Next::Live(Box::new(link)),
                    Err(error) => {
                        tracing::debug!(%error, "no connection to the signaling server");
                        self.tell(SignalingEvent::ConnectError(error)).await;
                        return Next::Pause;
                    }
                },
                command = self.commands.recv() => match command {
                    Some(Command::Disconnect) => return Next::Idle,
                    // It may have begun on a network that is gone.
                    Some(Command::AddressesChanged { .. }) => return Next::Open,
                    Some(command) => self.keep(command),
                    None => return Next::Stop,
                },
            }
        }
    }

    /// Waits before the next attempt.
    async fn pause(&mut self) -> Next {
        let Some(pause) = self.backoff.next() else {
            tracing::debug!("no more attempts to reach the signaling server");
            return Next::Idle;
        };
        let over = sleep(pause);
        tokio::pin!(over);
        loop {
            tokio::select! {
                () = &mut over => return Next::Open,
                command = self.commands.recv() => match command {
                    Some(Command::Connect) => return Next::Open,
                    // What failed before says nothing about another network.
                    Some(Command::AddressesChanged { .. }) => {
                        self.backoff.reset();
                        return Next::Open;
                    }
                    Some(Command::Disconnect) => return Next::Idle,
                    Some(command) => self.keep(command),
                    None => return Next::Stop,
                },
            }
        }
    }

    /// Handles a command without a link.
    fn keep(&mut self, command: Command) {
        match command {
            Command::Emit { event, args } => self.outbox.push(Outgoing::Event { event, args }),
            Command::Relay { target, signal } => self.outbox.push(relayed(target, &signal)),
            Command::Request { reply, .. } => {
                reply.send(Err(AckError::Offline)).ok();
            }
            Command::Release { .. }
            | Command::AddressesChanged { .. }
            | Command::Doubt
            | Command::Connect
            | Command::Disconnect => {}
        }
    }

    /// Serves one link to its end.
    async fn live(&mut self, mut link: Link) -> Next {
        let reconnect = self.link > 0;
        self.link += 1;
        self.backoff.reset();
        self.connected.store(true, Ordering::Release);
        // Signals to peers wait until the application has joined its room again; the first time there is nothing to wait.
        let sid = link.sid().map(str::to_owned);
        // A server of ours stamps the sender of a signal itself.
        self.source = (!reconnect).then(|| sid.clone().unwrap_or_default());
        self.tell(SignalingEvent::Connected { reconnect, sid, local: link.local() }).await;
        let end = self.serve(&mut link).await;
        let untold = self.untold.take();
        self.connected.store(false, Ordering::Release);
        for (_, request) in self.requests.drain() {
            request.reply.send(Err(AckError::Offline)).ok();
        }
        link.close().await;
        self.outbox.link_lost();
        if let Some(event) = untold {
            self.tell(event).await;
        }
        let (reason, next) = match end {
            Ok(Ended::Unwanted) => ("closed by this side".to_owned(), Next::Idle),
            Ok(Ended::Stranded) => ("this side has another address".to_owned(), Next::Open),
            Err(broken) => (broken.0, Next::Pause),
        };
        tracing::debug!(%reason, "the connection to the signaling server is gone");
        self.tell(SignalingEvent::Disconnected { reason }).await;
        next
    }

    /// `Ok` when this side wants the link to end.
    async fn serve(&mut self, link: &mut Link) -> Result<Ended, Broken> {
        let cancel = self.cancel.clone();
        loop {
            self.outbox.flush(link, self.source.as_deref()).await?;
            self.note_sent(link);
            let deadline = self.requests.values().filter_map(|request| request.deadline).min();
            let events = self.events.clone();
            tokio::select! {
                biased;
                () = cancel.cancelled() => return Ok(Ended::Unwanted),
                // The mesh may be waiting for an application that waits for an answer: it holds up nothing but the link.
                permit = events.reserve(), if self.untold.is_some() => {
                    if let (Ok(permit), Some(event)) = (permit, self.untold.take()) {
                        permit.send(event);
                    }
                }
                event = link.recv(), if self.untold.is_none() => match event? {
                    LinkEvent::Event { name, args } => {
                        self.untold = Some(SignalingEvent::Event { event: name, args });
                    }
                    LinkEvent::Ack(number, args) => {
                        // An answer after its time belongs to nobody.
                        if let Some(request) = self.requests.remove(&number) {
                            request.reply.send(Ok(args)).ok();
                        }
                    }
                    LinkEvent::Due => {
                        self.forget_unwanted(link);
                        link.attend().await?;
                    }
                },
                command = self.commands.recv() => match command {
                    Some(Command::Disconnect) | None => return Ok(Ended::Unwanted),
                    Some(Command::AddressesChanged { stranded: true }) => return Ok(Ended::Stranded),
                    Some(Command::AddressesChanged { stranded: false } | Command::Doubt) => {
                        link.hurry();
                    }
                    Some(command) => self.obey(command, link).await?,
                },
                () = sleep_until(deadline.unwrap_or_else(Instant::now)), if deadline.is_some() => {
                    let now = Instant::now();
                    for (_, request) in self.requests.extract_if(|_, request| request.deadline.is_some_and(|at| at <= now)) {
                        request.reply.send(Err(AckError::Timeout)).ok();
                    }
                }
            }
        }
    }

    /// A request has its time from when it was sent.
    fn note_sent(&mut self, link: &mut Link) {
        let now = Instant::now();
        for number in link.take_sent() {
            if let Some(request) = self.requests.get_mut(&number) {
                request.deadline = Some(now + request.timeout);
            }
        }
    }

    /// What nobody waits for any more is not sent.
    fn forget_unwanted(&mut self, link: &mut Link) {
        self.requests.retain(|_, request| !request.reply.is_closed());
        link.retain_requests(|number| self.requests.contains_key(&number));
    }

    /// Handles a command on a link.
    async fn obey(&mut self, command: Command, link: &mut Link) -> Result<(), Broken> {
        match command {
            Command::Emit { event, args } => self.outbox.push(Outgoing::Event { event, args }),
            Command::Relay { target, signal } => self.outbox.push_live(relayed(target, &signal)),
            Command::Release { source } => self.source = Some(source),
            Command::Request { event, args, timeout, reply } => {
                self.forget_unwanted(link);
                if self.requests.len() >= REQUESTS {
                    reply.send(Err(AckError::TooMany)).ok();
                    return Ok(());
                }
                // What was emitted before goes before.
                self.outbox.flush(link, self.source.as_deref()).await?;
                self.request += 1;
                let timeout = timeout.min(REQUEST_TIMEOUT);
                self.requests.insert(self.request, Request { timeout, deadline: None, reply });
                link.emit(&event, &args, Some(self.request)).await?;
            }
            // The first is what there is; the others are taken by the loop.
            Command::Connect | Command::AddressesChanged { .. } | Command::Doubt | Command::Disconnect => {}
        }
        Ok(())
    }
}

fn relayed(target: String, signal: &Signal) -> Outgoing {
    // An answer completes an offer that the other side still holds, and a stream's events are still true: they keep.
    let perishable = match signal {
        Signal::Description(description) => description.kind != "answer",
        Signal::Candidate(_) => true,
        Signal::StreamQuery { .. } | Signal::StreamEvents { .. } => false,
    };
    Outgoing::Signal { target, data: signal.to_value(), perishable }
}

//! Signaling: one task that keeps a connection to the server, one [`link::Link`] after the other.
//!
//! What is emitted while there is no link, or while the application has not joined its room again after a reconnect,
//! waits in order in an [`Outbox`]. Offers and candidates do not wait: the peer tasks know that signaling is down, and
//! make fresh ones when it is back.

mod backoff;
pub(crate) mod link;
mod outbox;

use crate::AckError;
use crate::socket::Options;
use backoff::Backoff;
use confab_protocol::signaling::Signal;
use confab_protocol::{UserError, signaling};
use link::{Link, LinkEvent};
use outbox::{Outbox, Outgoing};
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;
use url::Url;

/// Commands that wait for the task.
const COMMANDS: usize = 1024;
/// Events that wait for the hub.
const EVENTS: usize = 256;
/// Requests that wait for the one before them.
const REQUESTS: usize = 16;
/// How often a link is asked whether it still stands.
const PROBE_INTERVAL: Duration = Duration::from_secs(5);

type AckReply = oneshot::Sender<Result<Vec<Value>, AckError>>;

/// What the task is asked to do.
#[derive(Debug)]
pub(crate) enum Command {
    /// Emit an application event.
    Emit { event: String, args: Vec<Value> },
    /// Emit an application event that the server acknowledges.
    Request { event: String, args: Vec<Value>, timeout: Duration, reply: AckReply },
    /// Relay a signal to a peer.
    Relay { source: String, target: String, signal: Signal },
    /// The application is in its room: what waited for that may go.
    Release,
    /// Connect, if there is no connection.
    Connect,
    /// Close the connection until told to connect.
    Disconnect,
}

/// What the task tells the hub.
#[derive(Debug)]
pub(crate) enum SignalingEvent {
    /// A link stands.
    Connected { reconnect: bool },
    /// The link is gone.
    Disconnected { reason: String },
    /// No link could be made.
    ConnectError(UserError),
    /// An event of the server.
    Event { event: String, args: Vec<Value> },
}

/// The sending side, for sockets and peers.
#[derive(Debug, Clone)]
pub(crate) struct Handle {
    commands: mpsc::Sender<Command>,
    connected: Arc<AtomicBool>,
}

impl Handle {
    /// Queues a command; waits while the queue is full. False if the task is gone.
    pub(crate) async fn send(&self, command: Command) -> bool {
        self.commands.send(command).await.is_ok()
    }

    /// Queues [`Command::Connect`] without waiting.
    pub(crate) fn connect(&self) {
        if let Err(TrySendError::Full(command)) = self.commands.try_send(Command::Connect) {
            let commands = self.commands.clone();
            tokio::spawn(async move { commands.send(command).await });
        }
    }

    /// True while a link stands.
    pub(crate) fn is_connected(&self) -> bool {
        self.connected.load(Ordering::Acquire)
    }
}

/// The task, before it runs.
pub(crate) struct Signaling {
    url: Url,
    auth: Option<Value>,
    commands: mpsc::Receiver<Command>,
    events: mpsc::Sender<SignalingEvent>,
    cancel: CancellationToken,
    outbox: Outbox,
    requests: VecDeque<(String, Vec<Value>, Duration, AckReply)>,
    backoff: Backoff,
    /// The application wants a connection.
    wanted: bool,
    connected: Arc<AtomicBool>,
    connected_before: bool,
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
        let (command_sender, commands) = mpsc::channel(COMMANDS);
        let (events, event_receiver) = mpsc::channel(EVENTS);
        let connected = Arc::new(AtomicBool::new(false));
        let task = Self {
            url: options.url.clone(),
            auth: options.auth.clone(),
            commands,
            events,
            cancel,
            outbox: Outbox::default(),
            requests: VecDeque::new(),
            backoff: Backoff::default(),
            wanted: options.auto_connect,
            connected: Arc::clone(&connected),
            connected_before: false,
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

    async fn tell(&self, event: SignalingEvent) {
        // The hub ends before this task only when the socket closes.
        self.events.send(event).await.ok();
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
        let (url, auth) = (self.url.clone(), self.auth.clone());
        let opening = Link::open(&url, auth.as_ref());
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
                    Some(command) => self.keep(command),
                    None => return Next::Stop,
                },
            }
        }
    }

    /// Waits before the next attempt.
    async fn pause(&mut self) -> Next {
        let pause = self.backoff.next();
        let over = sleep(pause);
        tokio::pin!(over);
        loop {
            tokio::select! {
                () = &mut over => return Next::Open,
                command = self.commands.recv() => match command {
                    Some(Command::Connect) => return Next::Open,
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
            Command::Relay { source, target, signal } => self.outbox.push(relayed(&source, &target, &signal)),
            Command::Request { reply, .. } => {
                reply.send(Err(AckError::Offline)).ok();
            }
            Command::Release | Command::Connect | Command::Disconnect => {}
        }
    }

    /// Serves one link to its end.
    async fn live(&mut self, mut link: Link) -> Next {
        let reconnect = std::mem::replace(&mut self.connected_before, true);
        self.backoff.reset();
        self.connected.store(true, Ordering::Release);
        // Signals to peers wait until the application has joined its room again; the first time there is nothing to wait.
        let mut released = !reconnect;
        self.tell(SignalingEvent::Connected { reconnect }).await;
        let mut pending: Option<(u64, Instant, AckReply)> = None;
        let mut number = 0;
        let mut probe = tokio::time::interval(PROBE_INTERVAL);
        probe.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let cancel = self.cancel.clone();
        let end = loop {
            if let Err(broken) = self.outbox.flush(&link, released).await {
                break Err(broken.0);
            }
            if pending.is_none()
                && let Some((event, args, timeout, reply)) = self.requests.pop_front()
            {
                number += 1;
                if let Err(broken) = link.request(number, &event, args).await {
                    reply.send(Err(AckError::Offline)).ok();
                    break Err(broken.0);
                }
                pending = Some((number, Instant::now() + timeout, reply));
            }
            let deadline = pending.as_ref().map(|(_, deadline, _)| *deadline);
            tokio::select! {
                biased;
                () = cancel.cancelled() => break Ok(()),
                event = link.recv() => match event {
                    LinkEvent::Event(event, args) => self.tell(SignalingEvent::Event { event, args }).await,
                    LinkEvent::Ack(answered, args) => {
                        // An answer after its time belongs to nobody.
                        if let Some((_, _, reply)) = pending.take_if(|(number, _, _)| *number == answered) {
                            reply.send(Ok(args)).ok();
                        }
                    }
                    LinkEvent::Open => {}
                    LinkEvent::Closed => break Err("the server closed the connection".to_owned()),
                    LinkEvent::Error(text) => break Err(text),
                },
                command = self.commands.recv() => match command {
                    Some(Command::Emit { event, args }) => self.outbox.push(Outgoing::Event { event, args }),
                    Some(Command::Relay { source, target, signal }) => {
                        self.outbox.push_live(relayed(&source, &target, &signal));
                    }
                    Some(Command::Request { event, args, timeout, reply }) => {
                        if self.requests.len() < REQUESTS {
                            self.requests.push_back((event, args, timeout, reply));
                        } else {
                            reply.send(Err(AckError::Timeout)).ok();
                        }
                    }
                    Some(Command::Release) => released = true,
                    Some(Command::Connect) => {}
                    Some(Command::Disconnect) | None => break Ok(()),
                },
                () = sleep_until(deadline.unwrap_or_else(Instant::now)), if deadline.is_some() => {
                    if let Some((_, _, reply)) = pending.take() {
                        reply.send(Err(AckError::Timeout)).ok();
                    }
                }
                _ = probe.tick() => if let Err(broken) = link.probe().await {
                    break Err(broken.0);
                },
            }
        };
        self.connected.store(false, Ordering::Release);
        if let Some((_, _, reply)) = pending {
            reply.send(Err(AckError::Offline)).ok();
        }
        for (_, _, _, reply) in self.requests.drain(..) {
            reply.send(Err(AckError::Offline)).ok();
        }
        link.close().await;
        match end {
            Ok(()) => {
                self.tell(SignalingEvent::Disconnected { reason: "closed by this side".to_owned() }).await;
                Next::Idle
            }
            Err(reason) => {
                tracing::debug!(%reason, "the connection to the signaling server is gone");
                self.outbox.link_lost();
                self.tell(SignalingEvent::Disconnected { reason }).await;
                Next::Pause
            }
        }
    }
}

fn relayed(source: &str, target: &str, signal: &Signal) -> Outgoing {
    let message = json!({ "source": source, "target": target, "data": signal.to_value() });
    // An answer completes an offer that the other side still holds, and a stream's events are still true: they keep.
    let perishable = match signal {
        Signal::Description(description) => description.kind != "answer",
        Signal::Candidate(_) => true,
        Signal::StreamQuery { .. } | Signal::StreamEvents { .. } => false,
    };
    Outgoing::Signal { args: vec![message], perishable }
}

/// Name of the event that carries signals.
const SIGNAL_EVENT: &str = signaling::MESSAGE;

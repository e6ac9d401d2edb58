//! Signaling: one task that keeps a connection to the server, one [`link::Link`] after the other.
//!
//! What is emitted while there is no link, or while the application has not joined its room again after a reconnect,
//! waits in order in an [`Outbox`]. Offers and candidates do not wait: the peer tasks know that signaling is down, and
//! make fresh ones when it is back.

mod backoff;
mod link;
mod outbox;

use crate::AckError;
use backoff::Backoff;
use confab_protocol::signaling::Signal;
use confab_protocol::{UserError, limits, signaling};
use link::{Link, LinkEvent};
use outbox::{Outbox, Outgoing};
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::time::Duration;
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
    Request { event: String, args: Vec<Value>, reply: AckReply },
    /// Relay a signal to a peer.
    Relay { source: String, target: String, signal: Signal },
    /// The application is in its room: what waited for that may go.
    Release,
    /// Close the connection and do not come back.
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
}

impl Handle {
    /// Queues a command; waits while the queue is full. False if the task is gone.
    pub(crate) async fn send(&self, command: Command) -> bool {
        self.commands.send(command).await.is_ok()
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
    requests: VecDeque<(String, Vec<Value>, AckReply)>,
    backoff: Backoff,
    connected_before: bool,
}

/// Why the task goes on or ends.
enum Next {
    Reconnect,
    Stop,
}

impl Signaling {
    /// Makes the task and its ends.
    pub(crate) fn new(
        url: Url,
        auth: Option<Value>,
        cancel: CancellationToken,
    ) -> (Self, Handle, mpsc::Receiver<SignalingEvent>) {
        let (command_sender, commands) = mpsc::channel(COMMANDS);
        let (events, event_receiver) = mpsc::channel(EVENTS);
        let task = Self {
            url,
            auth,
            commands,
            events,
            cancel,
            outbox: Outbox::default(),
            requests: VecDeque::new(),
            backoff: Backoff::default(),
            connected_before: false,
        };
        (task, Handle { commands: command_sender }, event_receiver)
    }

    /// Keeps a connection until the socket is closed or disconnected.
    pub(crate) async fn run(mut self) {
        let cancel = self.cancel.clone();
        loop {
            let next = tokio::select! {
                () = cancel.cancelled() => return,
                opened = self.open() => match opened {
                    None => Next::Stop,
                    Some(Ok(link)) => self.live(link).await,
                    Some(Err(error)) => {
                        tracing::debug!(%error, "no connection to the signaling server");
                        self.tell(SignalingEvent::ConnectError(error)).await;
                        self.pause().await
                    }
                },
            };
            if matches!(next, Next::Stop) {
                return;
            }
        }
    }

    async fn tell(&self, event: SignalingEvent) {
        // The hub ends before this task only when the socket closes.
        self.events.send(event).await.ok();
    }

    /// Connects, while commands go to the outbox. `None`: do not.
    async fn open(&mut self) -> Option<Result<Link, UserError>> {
        let (url, auth) = (self.url.clone(), self.auth.clone());
        let opening = Link::open(&url, auth.as_ref());
        tokio::pin!(opening);
        loop {
            tokio::select! {
                link = &mut opening => return Some(link),
                command = self.commands.recv() => if !self.keep(command) { return None },
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
                () = &mut over => return Next::Reconnect,
                command = self.commands.recv() => if !self.keep(command) { return Next::Stop },
            }
        }
    }

    /// Handles a command without a link. False: stop.
    fn keep(&mut self, command: Option<Command>) -> bool {
        match command {
            Some(Command::Emit { event, args }) => self.outbox.push(Outgoing::Event { event, args }),
            Some(Command::Relay { source, target, signal }) => self.outbox.push(relayed(&source, &target, &signal)),
            Some(Command::Request { reply, .. }) => {
                reply.send(Err(AckError::Offline)).ok();
            }
            Some(Command::Release) => {}
            Some(Command::Disconnect) | None => return false,
        }
        true
    }

    /// Serves one link to its end.
    async fn live(&mut self, mut link: Link) -> Next {
        let reconnect = std::mem::replace(&mut self.connected_before, true);
        self.backoff.reset();
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
                && let Some((event, args, reply)) = self.requests.pop_front()
            {
                number += 1;
                if let Err(broken) = link.request(number, &event, args).await {
                    reply.send(Err(AckError::Offline)).ok();
                    break Err(broken.0);
                }
                pending = Some((number, Instant::now() + limits::ACK_TIMEOUT, reply));
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
                    Some(Command::Request { event, args, reply }) => {
                        if self.requests.len() < REQUESTS {
                            self.requests.push_back((event, args, reply));
                        } else {
                            reply.send(Err(AckError::Timeout)).ok();
                        }
                    }
                    Some(Command::Release) => released = true,
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
        if let Some((_, _, reply)) = pending {
            reply.send(Err(AckError::Offline)).ok();
        }
        for (_, _, reply) in self.requests.drain(..) {
            reply.send(Err(AckError::Offline)).ok();
        }
        link.close().await;
        match end {
            Ok(()) => {
                self.tell(SignalingEvent::Disconnected { reason: "closed by this side".to_owned() }).await;
                Next::Stop
            }
            Err(reason) => {
                tracing::debug!(%reason, "the connection to the signaling server is gone");
                self.outbox.link_lost();
                self.tell(SignalingEvent::Disconnected { reason }).await;
                self.pause().await
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

//! The time between two connections to one remote.
//!
//! Both sides notice a loss at about the same time, and some programs do nothing then but remove the other side when their
//! own watchdog bites, after which they take an offer as a newcomer's. So: the side with the smaller id begins at once,
//! the other one waits for [`SECOND_SIDE_DELAY`] longer.

use crate::attempt::Attempt;
use crate::command::ConnectionCommand;
use crate::context::Context;
use crate::event::ConnectionEvent;
use crate::options::Role;
use crate::sdp;
use confab_wire::{limits, signaling::Description};
use std::collections::VecDeque;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

/// How much longer the side with the larger id waits before it begins.
pub const SECOND_SIDE_DELAY: Duration = Duration::from_secs(4);
/// How long the server may take to say that a peer left, when its connection ended in order.
const GOODBYE: Duration = Duration::from_secs(2);
/// How long the server's offers may take after signaling is back.
const REJOINED: Duration = Duration::from_secs(5);
/// How long a peer is waited for without signaling.
const WITHOUT_SIGNALING: Duration = Duration::from_secs(600);

/// Commands of a dialect, between two of which the connection may change.
pub(crate) struct CommandQueue {
    receiver: mpsc::Receiver<ConnectionCommand>,
    /// Commands for the next connection.
    kept: VecDeque<ConnectionCommand>,
}

impl CommandQueue {
    pub(crate) fn new(receiver: mpsc::Receiver<ConnectionCommand>) -> Self {
        Self { receiver, kept: VecDeque::new() }
    }

    /// The next command. Nothing is lost when the future is dropped.
    pub(crate) async fn recv(&mut self) -> Option<ConnectionCommand> {
        match self.kept.pop_front() {
            Some(command) => Some(command),
            None => self.receiver.recv().await,
        }
    }

    /// Puts commands aside for the next connection, before those that come.
    fn keep(&mut self, aside: VecDeque<ConnectionCommand>) {
        for command in aside {
            put_aside(&mut self.kept, command);
        }
    }
}

/// Holds as many commands as wait for `ctrl`; the oldest go first.
fn put_aside(aside: &mut VecDeque<ConnectionCommand>, command: ConnectionCommand) {
    if aside.len() >= limits::CTRL_QUEUE {
        aside.pop_front();
        tracing::warn!("too much waits for a remote that is away; the oldest is dropped");
    }
    aside.push_back(command);
}

/// What follows a lost connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// The next one.
    Begin,
    /// Nothing: the remote is gone.
    Gone,
}

/// Who begins, and when. Without a clock of its own.
#[derive(Debug)]
pub(crate) struct ReconnectTimer {
    second: bool,
    begin: Instant,
    end: Instant,
}

impl ReconnectTimer {
    /// `second`: this side has the larger id. `orderly`: the other side closed the connection.
    pub(crate) fn new(second: bool, orderly: bool, now: Instant) -> Self {
        let mut timer = Self { second, begin: now, end: now + WITHOUT_SIGNALING };
        timer.wait(if orderly { GOODBYE } else { Duration::ZERO }, now);
        timer
    }

    fn wait(&mut self, base: Duration, now: Instant) {
        self.begin = now + base + if self.second { SECOND_SIDE_DELAY } else { Duration::ZERO };
    }

    /// The server is gone, or the room is joined again.
    pub(crate) fn signaling(&mut self, up: bool, attempt: &mut Attempt, now: Instant) {
        attempt.signaling_up = up;
        self.wait(REJOINED, now);
    }

    /// True if the description begins the next connection.
    pub(crate) fn described(description: Description, attempt: &mut Attempt) -> bool {
        let begins = description.kind == "offer"
            && (attempt.abandoned.is_none() || sdp::fingerprint(&description.sdp) != attempt.abandoned.as_deref());
        if begins {
            (attempt.role, attempt.offer) = (Role::Answerer, Some(description));
        }
        begins
    }

    /// What comes if nothing else does, and when.
    pub(crate) fn due(&self, attempt: &Attempt) -> (Instant, Next) {
        if attempt.signaling_up { (self.begin, Next::Begin) } else { (self.end, Next::Gone) }
    }
}

/// Waits until it is time to begin a new connection, or until the other side does. `orderly`: the other side closed.
pub(crate) async fn wait_for_next(
    context: &Context,
    commands: &mut CommandQueue,
    attempt: &mut Attempt,
    orderly: bool,
) -> Next {
    let second = context.is_second();
    let mut timer = ReconnectTimer::new(second, orderly, Instant::now());
    let mut aside = VecDeque::new();
    let next = loop {
        if !context.remote.is_present() {
            break Next::Gone;
        }
        let (at, due) = timer.due(attempt);
        tokio::select! {
            biased;
            () = context.cancel.cancelled() => break Next::Gone,
            command = commands.recv() => match command {
                None | Some(ConnectionCommand::RemoteLeft | ConnectionCommand::Close) => break Next::Gone,
                Some(ConnectionCommand::BeginAnew) => {
                    attempt.role = context.options.role.anew();
                    break Next::Begin;
                }
                Some(ConnectionCommand::Description(description)) => {
                    if ReconnectTimer::described(description, attempt) {
                        break Next::Begin;
                    }
                }
                Some(ConnectionCommand::SignalingUp(up)) => timer.signaling(up, attempt, Instant::now()),
                // What belongs to the connection that is over is forgotten; what follows has a new path anyway.
                Some(
                    ConnectionCommand::Candidate(_)
                    | ConnectionCommand::SetRenderedSize { .. }
                    | ConnectionCommand::RestartIce
                    | ConnectionCommand::AddressesChanged
                    | ConnectionCommand::Report(_)
                    | ConnectionCommand::Stats(_),
                ) => {}
                Some(command) => put_aside(&mut aside, command),
            },
            () = sleep_until(at) => break due,
        }
    };
    commands.keep(aside);
    next
}

/// Waits while connections with this remote begin too often. Its signals of meanwhile are for the next one, and its newest
/// offer is the one that counts.
pub(crate) async fn wait_for_rate(context: &Context, commands: &mut CommandQueue, attempt: &mut Attempt) -> Next {
    let rate = &context.endpoint.connection_rate;
    let begin = rate.next(context.remote.id(), Instant::now());
    if begin > Instant::now() {
        context.emit(ConnectionEvent::ConnectsTooOften).await;
    }
    let mut aside = VecDeque::new();
    while begin > Instant::now() {
        tokio::select! {
            biased;
            () = context.cancel.cancelled() => return Next::Gone,
            command = commands.recv() => match command {
                None | Some(ConnectionCommand::RemoteLeft | ConnectionCommand::Close) => return Next::Gone,
                Some(ConnectionCommand::BeginAnew) => {
                    (attempt.role, attempt.offer) = (context.options.role.anew(), None);
                }
                Some(ConnectionCommand::Description(description)) => {
                    if ReconnectTimer::described(description, attempt) {
                        // Candidates belong to the offer before them.
                        aside.retain(|command| !matches!(command, ConnectionCommand::Candidate(_)));
                    }
                }
                Some(ConnectionCommand::SignalingUp(up)) => attempt.signaling_up = up,
                Some(
                    ConnectionCommand::SetRenderedSize { .. }
                    | ConnectionCommand::RestartIce
                    | ConnectionCommand::AddressesChanged
                    | ConnectionCommand::Report(_)
                    | ConnectionCommand::Stats(_),
                ) => {}
                Some(command) => put_aside(&mut aside, command),
            },
            () = sleep_until(begin) => {}
        }
    }
    commands.keep(aside);
    rate.begin(context.remote.id(), Instant::now());
    Next::Begin
}

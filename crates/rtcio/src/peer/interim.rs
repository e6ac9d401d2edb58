//! The time between two connections of one peer.
//!
//! Both sides notice a loss at about the same time, and a stock rtc.io peer does nothing but remove us when its own
//! watchdog bites, after which it takes our offer as a newcomer's. So: the side with the smaller id begins at once, the
//! other one waits for [`SECOND_TURN`] longer.

use super::plan::{Opening, Plan};
use super::{Command, Context, sdp};
use crate::Event;
use confab_wire::{
    limits,
    signaling::{Description, Signal},
};
use std::collections::VecDeque;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

/// How much longer the side with the larger id waits before it begins.
pub(crate) const SECOND_TURN: Duration = Duration::from_secs(4);
/// How long the server may take to say that a peer left, when its connection ended in order.
const GOODBYE: Duration = Duration::from_secs(2);
/// How long the server's offers may take after signaling is back.
const REJOINED: Duration = Duration::from_secs(5);
/// How long a peer is waited for without signaling.
const WITHOUT_SIGNALING: Duration = Duration::from_secs(600);

/// Commands of a peer, whose connection may change between two of them.
pub(super) struct Inbox {
    receiver: mpsc::Receiver<Command>,
    /// Commands for the next connection.
    kept: VecDeque<Command>,
}

impl Inbox {
    pub(super) fn new(receiver: mpsc::Receiver<Command>) -> Self {
        Self { receiver, kept: VecDeque::new() }
    }

    /// The next command. Nothing is lost when the future is dropped.
    pub(super) async fn recv(&mut self) -> Option<Command> {
        match self.kept.pop_front() {
            Some(command) => Some(command),
            None => self.receiver.recv().await,
        }
    }

    /// Puts commands aside for the next connection, before those that come.
    fn keep(&mut self, aside: VecDeque<Command>) {
        for command in aside {
            put_aside(&mut self.kept, command);
        }
    }
}

/// Holds as many commands as wait for `ctrl`; the oldest go first.
fn put_aside(aside: &mut VecDeque<Command>, command: Command) {
    if aside.len() >= limits::CTRL_QUEUE {
        aside.pop_front();
        tracing::warn!("too much waits for a peer that is away; the oldest is dropped");
    }
    aside.push_back(command);
}

/// What follows a lost connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// The next one, by the plan.
    Begin,
    /// Nothing: the peer is gone.
    Gone,
}

/// Who begins, and when. Without a clock of its own.
#[derive(Debug)]
pub(super) struct Interim {
    second: bool,
    begin: Instant,
    end: Instant,
}

impl Interim {
    /// `second`: this side has the larger id. `orderly`: the other side closed the connection.
    pub(super) fn new(second: bool, orderly: bool, now: Instant) -> Self {
        let mut interim = Self { second, begin: now, end: now + WITHOUT_SIGNALING };
        interim.wait(if orderly { GOODBYE } else { Duration::ZERO }, now);
        interim
    }

    fn wait(&mut self, base: Duration, now: Instant) {
        self.begin = now + base + if self.second { SECOND_TURN } else { Duration::ZERO };
    }

    /// The server is gone, or the room is joined again.
    pub(super) fn signaling(&mut self, up: bool, plan: &mut Plan, now: Instant) {
        plan.signaling_up = up;
        self.wait(REJOINED, now);
    }

    /// True if the description begins the next connection.
    pub(super) fn described(description: Description, plan: &mut Plan) -> bool {
        let begins = description.kind == "offer"
            && (plan.abandoned.is_none() || sdp::fingerprint(&description.sdp) != plan.abandoned.as_deref());
        if begins {
            (plan.opening, plan.offer) = (Opening::Answer, Some(description));
        }
        begins
    }

    /// What comes if nothing else does, and when.
    pub(super) fn due(&self, plan: &Plan) -> (Instant, Turn) {
        if plan.signaling_up { (self.begin, Turn::Begin) } else { (self.end, Turn::Gone) }
    }
}

/// Waits until it is time to begin a new connection, or until the other side does. `orderly`: the other side closed.
pub(super) async fn turn(context: &Context, inbox: &mut Inbox, plan: &mut Plan, orderly: bool) -> Turn {
    let second = context.shared.id().is_none_or(|own| own > context.id);
    let mut interim = Interim::new(second, orderly, Instant::now());
    let mut aside = VecDeque::new();
    let turn = loop {
        if !context.remote.is_present() {
            break Turn::Gone;
        }
        let (at, due) = interim.due(plan);
        tokio::select! {
            biased;
            () = context.cancel.cancelled() => break Turn::Gone,
            command = inbox.recv() => match command {
                None | Some(Command::Left) => break Turn::Gone,
                Some(Command::Restart) => {
                    plan.opening = Opening::Offer;
                    break Turn::Begin;
                }
                // All else of the connection that is over is forgotten.
                Some(Command::Signal(signal)) => {
                    if let Signal::Description(description) = signal && Interim::described(description, plan) {
                        break Turn::Begin;
                    }
                }
                Some(Command::SignalingUp(up)) => interim.signaling(up, plan, Instant::now()),
                // What follows has a new path anyway.
                Some(Command::RestartIce | Command::AddressesChanged | Command::Stats(_) | Command::AllStats(_)) => {}
                Some(command) => put_aside(&mut aside, command),
            },
            () = sleep_until(at) => break due,
        }
    };
    inbox.keep(aside);
    turn
}

/// Waits while connections with this peer begin too often. What it says meanwhile is for the next one, and its newest offer
/// is the one that counts.
pub(super) async fn hold(context: &Context, inbox: &mut Inbox, plan: &mut Plan) -> Turn {
    let pace = &context.shared.pace;
    let begin = pace.next(&context.id, Instant::now());
    if begin > Instant::now() {
        let what = "it begins new connections too often".to_owned();
        tracing::warn!(%what, "the peer misbehaves");
        context.tell(Event::Misbehaving { peer: context.id.clone(), what }).await;
    }
    let mut aside = VecDeque::new();
    while begin > Instant::now() {
        tokio::select! {
            biased;
            () = context.cancel.cancelled() => return Turn::Gone,
            command = inbox.recv() => match command {
                None | Some(Command::Left) => return Turn::Gone,
                Some(Command::Restart) => (plan.opening, plan.offer) = (Opening::Offer, None),
                Some(Command::Signal(Signal::Description(description))) => {
                    if Interim::described(description, plan) {
                        // Candidates belong to the offer before them.
                        aside.retain(|command| !matches!(command, Command::Signal(_)));
                    }
                }
                Some(Command::SignalingUp(up)) => plan.signaling_up = up,
                Some(Command::RestartIce | Command::AddressesChanged | Command::Stats(_) | Command::AllStats(_)) => {}
                Some(command) => put_aside(&mut aside, command),
            },
            () = sleep_until(begin) => {}
        }
    }
    inbox.keep(aside);
    pace.begin(&context.id, Instant::now());
    Turn::Begin
}

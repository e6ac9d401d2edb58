//! What is done about a connection that is lost while its peer is in the room.
//!
//! An unhealthy connection restarts ICE first. When that does not help until the watchdog bites, the connection is
//! replaced. Both sides notice at about the same time, and a stock rtc.io peer does nothing but remove us when its own
//! watchdog bites, after which it takes our offer as a newcomer's. So: the side with the smaller id begins at once, the
//! other one waits for [`SECOND_TURN`] longer, and what is not answered is said again with growing pauses.

use super::{Command, Context, Opening, Plan};
use confab_protocol::limits;
use confab_protocol::signaling::{Description, Signal};
use std::collections::VecDeque;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

/// How much longer the side with the larger id waits before it begins.
pub(crate) const SECOND_TURN: Duration = Duration::from_secs(4);
/// Longest time that an unhealthy connection may heal by itself before ICE restarts.
const RESTART_AFTER: Duration = Duration::from_secs(3);
/// How long a restart of ICE may take before the connection is replaced.
const RESTART_PATIENCE: Duration = Duration::from_secs(10);
/// How long the server may take to say that a peer left, when its connection ended in order.
const GOODBYE: Duration = Duration::from_secs(2);
/// How long the server's offers may take after signaling is back.
const REJOINED: Duration = Duration::from_secs(5);
/// How long a peer is waited for without signaling.
const WITHOUT_SIGNALING: Duration = Duration::from_secs(600);
/// How long a new connection may take, the first time; each further one has twice as long, up to [`LONGEST_ATTEMPT`].
const FIRST_ATTEMPT: Duration = Duration::from_secs(10);
/// See [`FIRST_ATTEMPT`].
const LONGEST_ATTEMPT: Duration = Duration::from_secs(40);
/// How long an offer of a new connection waits for its answer before it is said again; doubled each time.
const REPEAT_OFFER: Duration = Duration::from_secs(3);
/// How long an offer of ours is held up against one of theirs before we yield: a stock peer yields itself, and one of
/// ours insists as we do.
const YIELD_AFTER: Duration = Duration::from_secs(2);

/// How long the connection after `attempt` lost ones may take; `None` for the first of a peer.
pub(super) fn patience(attempt: u32) -> Option<Duration> {
    (attempt > 0).then(|| FIRST_ATTEMPT.saturating_mul(1 << (attempt - 1).min(8)).min(LONGEST_ATTEMPT))
}

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

    /// Puts a command aside for the next connection. Holds as many as wait for `ctrl`; the oldest go first.
    fn keep(&mut self, command: Command) {
        if self.kept.len() >= limits::CTRL_QUEUE {
            self.kept.pop_front();
            tracing::warn!("too much waits for a peer that is away; the oldest is dropped");
        }
        self.kept.push_back(command);
    }
}

/// What follows a lost connection.
pub(super) enum Turn {
    /// The next one, by the plan.
    Begin,
    /// Nothing: the peer is gone.
    Gone,
}

/// Waits until it is time to begin a new connection, or until the other side does. `orderly`: the other side closed.
pub(super) async fn turn(context: &Context, inbox: &mut Inbox, plan: &mut Plan, orderly: bool) -> Turn {
    let second = context.shared.id().is_none_or(|own| own > context.id);
    let after = |base: Duration| Instant::now() + base + if second { SECOND_TURN } else { Duration::ZERO };
    let mut begin = after(if orderly { GOODBYE } else { Duration::ZERO });
    let end = Instant::now() + WITHOUT_SIGNALING;
    let mut aside = VecDeque::new();
    let turn = loop {
        if !context.remote.is_present() {
            break Turn::Gone;
        }
        tokio::select! {
            biased;
            () = context.cancel.cancelled() => break Turn::Gone,
            command = inbox.recv() => match command {
                None | Some(Command::Left) => break Turn::Gone,
                Some(Command::Restart) => {
                    plan.opening = Opening::Offer;
                    break Turn::Begin;
                }
                Some(Command::Signal(Signal::Description(description))) if is_new(&description, plan) => {
                    plan.opening = Opening::Answer;
                    plan.offer = Some(description);
                    break Turn::Begin;
                }
                // The rest of the connection that is over.
                Some(Command::Signal(_)) => {}
                Some(Command::SignalingUp(up)) => {
                    plan.signaling_up = up;
                    begin = after(REJOINED);
                }
                Some(Command::Stats(_) | Command::AllStats(_)) => {}
                Some(command) => {
                    if aside.len() >= limits::CTRL_QUEUE {
                        aside.pop_front();
                        tracing::warn!("too much waits for a peer that is away; the oldest is dropped");
                    }
                    aside.push_back(command);
                }
            },
            () = sleep_until(begin), if plan.signaling_up => break Turn::Begin,
            () = sleep_until(end), if !plan.signaling_up => break Turn::Gone,
        }
    };
    for command in aside {
        inbox.keep(command);
    }
    turn
}

/// An offer of another connection than the one that is over.
fn is_new(description: &Description, plan: &Plan) -> bool {
    let fingerprint = super::sdp::fingerprint(&description.sdp);
    description.kind == "offer" && (plan.abandoned.is_none() || fingerprint != plan.abandoned.as_deref())
}

/// What falls due for one connection. A state machine without clocks of its own.
#[derive(Debug, Default)]
pub(super) struct Healing {
    restart: Option<Instant>,
    replace: Option<Instant>,
    repeat: Option<(Instant, Duration)>,
    yielding: Option<(Instant, Description)>,
}

/// What is due.
#[derive(Debug, PartialEq)]
pub(super) enum Remedy {
    /// Restart ICE.
    Restart,
    /// The connection can't be healed.
    Replace,
    /// Say the offer again.
    Repeat,
    /// Take this offer instead of ours.
    Yield(Description),
}

impl Healing {
    /// The connection stands.
    pub(super) fn healthy(&mut self) {
        *self = Self::default();
    }

    /// The connection is disconnected or failed; the watchdog gives it `timeout`. The polite side restarts first.
    pub(super) fn unhealthy(&mut self, timeout: Duration, polite: bool, now: Instant) {
        if self.restart.is_none() && self.replace.is_none() {
            let after = RESTART_AFTER.min(timeout / 4);
            self.restart = Some(now + if polite { after } else { after + after / 2 });
        }
    }

    /// ICE restarts.
    pub(super) fn restarted(&mut self, now: Instant) {
        self.restart = None;
        self.replace.get_or_insert(now + RESTART_PATIENCE);
    }

    /// True if ICE was restarted since the connection stood.
    pub(super) fn is_restarted(&self) -> bool {
        self.replace.is_some()
    }

    /// Signaling went or came back: what was said in between may be lost.
    pub(super) fn forget_restart(&mut self) {
        self.replace = None;
    }

    /// The offer of a new connection was sent, on our own account.
    pub(super) fn offered(&mut self, now: Instant) {
        self.repeat.get_or_insert((now + REPEAT_OFFER, REPEAT_OFFER));
    }

    /// The offer was answered, or is none any more.
    pub(super) fn answered(&mut self) {
        self.repeat = None;
        self.yielding = None;
    }

    /// An offer came while ours waits.
    pub(super) fn collided(&mut self, offer: Description, now: Instant) {
        let at = self.yielding.take().map_or(now + YIELD_AFTER, |(at, _)| at);
        self.yielding = Some((at, offer));
    }

    /// When something falls due.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let repeat = self.repeat.map(|(at, _)| at);
        let yielding = self.yielding.as_ref().map(|(at, _)| *at);
        [self.restart, self.replace, repeat, yielding].into_iter().flatten().min()
    }

    /// What is due now. Call it until it gives nothing.
    pub(super) fn due(&mut self, now: Instant) -> Option<Remedy> {
        if let Some((_, offer)) = self.yielding.take_if(|(at, _)| *at <= now) {
            return Some(Remedy::Yield(offer));
        }
        if self.replace.take_if(|at| *at <= now).is_some() {
            return Some(Remedy::Replace);
        }
        if self.restart.take_if(|at| *at <= now).is_some() {
            return Some(Remedy::Restart);
        }
        let (at, pause) = self.repeat?;
        if at > now {
            return None;
        }
        self.repeat = Some((now + 2 * pause, 2 * pause));
        Some(Remedy::Repeat)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn attempts_have_more_and_more_time() {
        assert_eq!(patience(0), None);
        assert_eq!([1, 2, 3, 4, 40].map(patience), [10, 20, 40, 40, 40].map(|s| Some(seconds(s))));
    }

    #[test]
    fn ice_restarts_before_the_connection_is_given_up() {
        let now = Instant::now();
        let mut healing = Healing::default();
        healing.unhealthy(seconds(12), true, now);
        healing.unhealthy(seconds(12), true, now + seconds(1));
        assert_eq!(healing.due(now + seconds(2)), None);
        assert_eq!(healing.due(now + seconds(3)), Some(Remedy::Restart));
        healing.restarted(now + seconds(3));
        healing.unhealthy(seconds(12), true, now + seconds(4));
        assert_eq!(healing.deadline(), Some(now + seconds(13)));
        assert_eq!(healing.due(now + seconds(13)), Some(Remedy::Replace));
        let mut impolite = Healing::default();
        impolite.unhealthy(seconds(4), false, now);
        assert_eq!(impolite.deadline(), Some(now + Duration::from_millis(1_500)));
        impolite.healthy();
        assert_eq!(impolite.deadline(), None);
    }

    #[test]
    fn an_offer_is_said_again_until_it_is_answered() {
        let now = Instant::now();
        let mut healing = Healing::default();
        healing.offered(now);
        let said: Vec<u64> =
            (0..50).filter(|second| healing.due(now + seconds(*second)) == Some(Remedy::Repeat)).collect();
        assert_eq!(said, [3, 9, 21, 45]);
        healing.answered();
        assert_eq!(healing.deadline(), None);
    }

    #[test]
    fn who_insists_yields_in_the_end_to_the_newest_offer() {
        let now = Instant::now();
        let offer = |sdp: &str| Description { kind: "offer".into(), sdp: sdp.into() };
        let mut healing = Healing::default();
        healing.collided(offer("a"), now);
        healing.collided(offer("b"), now + seconds(1));
        assert_eq!(healing.due(now + seconds(1)), None);
        assert_eq!(healing.due(now + seconds(2)), Some(Remedy::Yield(offer("b"))));
        assert_eq!(healing.deadline(), None);
    }
}

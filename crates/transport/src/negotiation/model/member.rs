//! One side of the model: what a peer's task does, one thing at a time, without being a task.

use super::super::{Negotiation, Outcome, Rules};
use super::paper::{Identity, Numbers, Paper, Track};
use crate::attempt::{Attempt, Ending, Finished};
use crate::health::{Health, Watch, Watchdog};
use crate::options::{Glare, Role};
use crate::receive::inbound::{Change, Inbound};
use crate::reconnect::{Next, ReconnectTimer};
use confab_wire::{
    media::Decoders,
    signaling::{Description, Signal},
};
use futures_util::FutureExt;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::time::Duration;
use tokio::time::Instant;

/// Silence after which a connection counts as disconnected, and after which as failed.
const DISCONNECTED: Duration = Duration::from_secs(5);
const FAILED: Duration = Duration::from_secs(20);

/// Nothing of the model waits.
fn at_once<F: Future>(future: F) -> F::Output {
    future.now_or_never().expect("a step of the model")
}

struct Connection {
    negotiation: Negotiation<Paper>,
    inbound: Inbound,
    watch: Watch,
    attempt: u32,
    stood: bool,
    connected: bool,
    /// Since when nothing comes through, and what was made of it.
    silent: Option<(Instant, Health)>,
    failed: bool,
    /// The generation whose candidate was told.
    told: Option<Identity>,
}

pub(super) struct Member {
    /// The larger id.
    second: bool,
    numbers: Numbers,
    connection: Option<Connection>,
    timer: Option<(ReconnectTimer, Attempt)>,
    pub(super) signaling_up: bool,
    pub(super) tracks: Vec<Track>,
    received: BTreeSet<(String, String)>,
    pub(super) said: Vec<Signal>,
    pub(super) offers: u32,
    /// A connection was closed: the other side hears of it if it can.
    pub(super) closed: bool,
    pub(super) faults: Vec<String>,
}

impl Member {
    pub(super) fn new(second: bool, numbers: &Numbers) -> Self {
        Self {
            second,
            numbers: Rc::clone(numbers),
            connection: None,
            timer: None,
            signaling_up: true,
            tracks: Vec::new(),
            received: BTreeSet::new(),
            said: Vec::new(),
            offers: 0,
            closed: false,
            faults: Vec::new(),
        }
    }

    pub(super) fn is_connected(&self) -> bool {
        self.connection.as_ref().is_some_and(|connection| connection.connected)
    }

    pub(super) fn is_absent(&self) -> bool {
        self.connection.is_none() && self.timer.is_none()
    }

    pub(super) fn is_polite(&self) -> bool {
        self.connection.as_ref().is_some_and(|connection| connection.negotiation.is_polite())
    }

    pub(super) fn rollbacks(&self) -> u32 {
        self.paper().map_or(0, |paper| paper.rollbacks)
    }

    pub(super) fn is_at_rest(&self) -> bool {
        self.is_connected()
            && self.paper().is_some_and(Paper::is_stable)
            && self.connection.as_ref().is_some_and(|connection| connection.negotiation.is_at_rest())
    }

    pub(super) fn paper(&self) -> Option<&Paper> {
        self.connection.as_ref().map(|connection| &connection.negotiation.jsep)
    }

    /// Tracks of each stream that are sent.
    pub(super) fn sends(&self) -> BTreeMap<&str, usize> {
        count(self.tracks.iter().map(|(stream, _)| stream.as_str()))
    }

    /// Tracks of each stream that the other side's descriptions have told of.
    pub(super) fn receives(&self) -> BTreeMap<&str, usize> {
        count(self.received.iter().map(|(stream, _)| stream.as_str()))
    }

    // ---- one connection after the other ----

    /// The server asks to begin: anew, if there is a connection.
    pub(super) fn asked_to_offer(&mut self, now: Instant) {
        if self.connection.is_some() {
            self.end(Ending::Again { role: Role::Offerer, offer: None }, now);
        } else {
            let mut attempt = match self.timer.take() {
                Some((_, attempt)) => attempt,
                None => Attempt::first(Role::Offerer, self.signaling_up),
            };
            attempt.role = Role::Offerer;
            self.begin(attempt, now);
        }
    }

    fn begin(&mut self, attempt: Attempt, now: Instant) {
        let watch = Watch::new(Watchdog::default(), attempt.patience(), now);
        let rules = Rules { role: attempt.role, glare: Glare::FirstOffererYields, renegotiates: true };
        self.connection = Some(Connection {
            negotiation: Negotiation::new(Paper::new(&self.numbers), rules, attempt.abandoned, now),
            inbound: Inbound::new("peer".to_owned(), Decoders::default()),
            watch,
            attempt: attempt.number,
            stood: false,
            connected: false,
            silent: None,
            failed: false,
            told: None,
        });
        self.reconcile();
        if let Some(offer) = attempt.offer {
            self.described(offer, now);
        }
    }

    fn end(&mut self, end: Ending, now: Instant) {
        let Some(Connection { negotiation, stood, attempt, .. }) = self.connection.take() else { return };
        let loss = if let Ending::Lost { orderly } = end { Some(orderly) } else { None };
        self.closed |= loss != Some(true);
        self.received.clear();
        let certificate = negotiation.certificate().map(str::to_owned);
        let over = Finished { ending: end, signaling_up: self.signaling_up, stood, certificate };
        let Some(attempt) = Attempt::after(over, attempt) else { return };
        match loss {
            Some(orderly) => self.timer = Some((ReconnectTimer::new(self.second, orderly, now), attempt)),
            None => self.begin(attempt, now),
        }
    }

    /// The other side has closed its end.
    pub(super) fn other_closed(&mut self, now: Instant) {
        if self.connection.as_ref().is_some_and(|connection| connection.stood) {
            self.end(Ending::Lost { orderly: true }, now);
        }
    }

    /// The server says that the other side left.
    pub(super) fn other_left(&mut self, now: Instant) {
        self.timer = None;
        if self.connection.as_mut().is_some_and(|connection| connection.watch.hint(now)) {
            self.end(Ending::Gone, now);
        }
    }

    // ---- signals ----

    pub(super) fn heard(&mut self, signal: Signal, now: Instant) {
        match signal {
            Signal::Description(description) => {
                if let Some((timer, mut attempt)) = self.timer.take() {
                    if ReconnectTimer::described(description, &mut attempt) {
                        self.begin(attempt, now);
                    } else {
                        self.timer = Some((timer, attempt));
                    }
                } else if self.connection.is_some() {
                    self.described(description, now);
                } else if description.kind == "offer" {
                    let mut attempt = Attempt::first(Role::Answerer, self.signaling_up);
                    attempt.offer = Some(description);
                    self.begin(attempt, now);
                }
            }
            Signal::Candidate(candidate) => {
                if let Some(connection) = &mut self.connection {
                    at_once(connection.negotiation.candidate(candidate));
                }
            }
            other => self.faults.push(format!("{other:?}")),
        }
        self.collect();
    }

    fn described(&mut self, description: Description, now: Instant) {
        let Some(connection) = &mut self.connection else { return };
        match at_once(connection.negotiation.described(&description, self.second, now)) {
            Outcome::Applied => {
                for change in connection.inbound.described(&description.sdp) {
                    let known = match change {
                        Change::Added { stream, track, .. } => {
                            self.received.insert((stream.msid, track.id().to_owned()))
                        }
                        Change::Removed { stream, track } => {
                            self.received.remove(&(stream.msid, track.id().to_owned()))
                        }
                        Change::Undescribed { .. } => true,
                    };
                    if !known {
                        self.faults.push("a track came or went twice".to_owned());
                    }
                }
                self.reconcile();
            }
            Outcome::Ignored => {}
            Outcome::Over(end) => self.end(end, now),
            mistake => self.faults.push(format!("{mistake:?} of\n{}", description.sdp)),
        }
        self.collect();
    }

    /// What was changed is to be told.
    pub(super) fn reconcile(&mut self) {
        if let Some(connection) = &mut self.connection
            && connection.negotiation.is_ready()
            && connection.negotiation.jsep.reconcile(&self.tracks)
        {
            connection.negotiation.need();
        }
    }

    pub(super) fn wants_to_offer(&self) -> bool {
        self.signaling_up && self.connection.as_ref().is_some_and(|connection| connection.negotiation.is_due())
    }

    /// Offers if it is time to.
    pub(super) fn offer(&mut self, now: Instant) {
        if self.wants_to_offer()
            && let Some(connection) = &mut self.connection
            && let Err(error) = at_once(connection.negotiation.offer(now))
        {
            self.faults.push(error);
        }
        self.collect();
    }

    /// Takes what the negotiation has to say; each new generation has its candidate.
    fn collect(&mut self) {
        let Some(connection) = &mut self.connection else { return };
        let said = connection.negotiation.take_descriptions();
        self.offers += said.iter().filter(|description| description.kind == "offer").count() as u32;
        let spoke = !said.is_empty();
        self.said.extend(said.into_iter().map(Signal::Description));
        let paper = &connection.negotiation.jsep;
        if spoke && connection.told.replace(paper.identity()) != Some(paper.identity()) {
            self.said.push(Signal::Candidate(paper.candidate()));
        }
        self.faults.extend(connection.negotiation.unusable());
    }

    pub(super) fn signaling(&mut self, up: bool, now: Instant) {
        self.signaling_up = up;
        if let Some((timer, attempt)) = &mut self.timer {
            timer.signaling(up, attempt, now);
        }
        if let Some(connection) = &mut self.connection {
            if up {
                at_once(connection.negotiation.signaling_back(connection.watch.is_unhealthy(), now));
            } else {
                connection.negotiation.signaling_lost();
            }
        }
        self.collect();
    }

    // ---- health ----

    /// Whether packets come through.
    pub(super) fn path(&mut self, stands: bool, now: Instant) {
        let Some(connection) = &mut self.connection else { return };
        if !stands {
            if connection.connected && connection.silent.is_none() {
                connection.silent = Some((now, Health::Pending));
            }
        } else if !connection.connected || connection.silent.is_some() {
            (connection.connected, connection.stood, connection.failed) = (true, true, false);
            connection.silent = None;
            connection.watch.changed(Health::Healthy, now);
            connection.negotiation.healthy();
        }
    }

    /// When something falls due.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let timer = self.timer.as_ref().map(|(timer, attempt)| timer.due(attempt).0);
        let Some(connection) = &self.connection else { return timer };
        let silent = connection.silent.map(|(since, health)| match health {
            Health::Pending => since + DISCONNECTED,
            _ => since + FAILED,
        });
        let remedy = connection.negotiation.deadline().filter(|_| self.signaling_up);
        [silent.filter(|_| !connection.failed), remedy, connection.watch.deadline()].into_iter().flatten().min()
    }

    /// Does what is due.
    pub(super) fn due(&mut self, now: Instant) {
        if let Some((timer, attempt)) = self.timer.take_if(|(timer, attempt)| timer.due(attempt).0 <= now)
            && timer.due(&attempt).1 == Next::Begin
        {
            self.begin(attempt, now);
        }
        if let Some(end) = self.ill(now) {
            self.end(end, now);
        }
        self.collect();
    }

    fn ill(&mut self, now: Instant) -> Option<Ending> {
        let connection = self.connection.as_mut()?;
        if connection.watch.deadline().is_some_and(|deadline| deadline <= now) {
            return Some(Ending::Lost { orderly: false });
        }
        match &mut connection.silent {
            Some((since, health @ Health::Pending)) if *since + DISCONNECTED <= now => {
                *health = Health::Unhealthy;
                connection.connected = false;
                connection.watch.changed(Health::Unhealthy, now);
                connection.negotiation.disconnected(Watchdog::default().timeout, now);
            }
            Some((since, Health::Unhealthy)) if *since + FAILED <= now && !connection.failed => {
                connection.failed = true;
                let end = at_once(connection.negotiation.failed(self.signaling_up, now));
                if end.is_some() {
                    return end;
                }
            }
            _ => {}
        }
        if !self.signaling_up {
            return None;
        }
        at_once(connection.negotiation.heal(connection.watch.is_healthy(), now))
    }
}

fn count<'a>(streams: impl Iterator<Item = &'a str>) -> BTreeMap<&'a str, usize> {
    let mut counts = BTreeMap::new();
    for stream in streams {
        *counts.entry(stream).or_default() += 1;
    }
    counts
}

//! Tens of thousands of random interleavings of offers, answers, candidates, losses, adds and removes, on a clock of their
//! own and without the library. What decides is the code of the session: [`Negotiation`](super::Negotiation) with its
//! healing, the watchdog, the plans of connections that follow each other, and which track goes on which m-line.
//!
//! However they fall, both sides end in `stable` with the same set of streams, exactly one of them is polite, nobody is
//! blamed, and the offers are few.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod cases;
mod member;
mod paper;
mod server;

use confab_wire::signaling::Signal;
use member::Member;
use paper::Numbers;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use server::ServerLink;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::Instant;

/// Interleavings of each weather, unless `CONFAB_MODELS` says otherwise.
const INTERLEAVINGS: u64 = 5_000;
/// Time in which everything must have come to rest once nothing is done and nothing is lost any more.
const REST: Duration = Duration::from_secs(120);
/// Offers for each change and each mishap, beside those of [`CALM_OFFERS`].
const OFFERS: u32 = 12;
/// Offers of an interleaving in which nothing goes wrong, for each change: its own, and one more after a collision.
const CALM_OFFERS: u32 = 2;
/// Longest time of a message on its way.
const LATENCY_MS: u64 = 240;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Weather {
    /// Nothing goes wrong.
    Calm,
    /// Lines to the server are cut.
    Signaling,
    /// The path between the two is lost for a while or for good.
    Network,
    /// Both, the server asks to begin anew, and messages come twice.
    Storm,
}

enum Happening {
    /// Something is done, or goes wrong.
    Act,
    Arrives {
        to: usize,
        signal: Signal,
        sent_on: u32,
    },
    Closed {
        to: usize,
    },
    /// Offers that are due are made: not before what happens in the same instant.
    Offers {
        from: usize,
    },
    /// A side notices that its line is cut.
    Notices {
        side: usize,
    },
    /// The server does.
    Left {
        side: usize,
        line: u32,
    },
    /// A line is made again, and the room joined.
    Back {
        side: usize,
    },
    /// The server asks to begin.
    Asks {
        side: usize,
    },
    PathBack,
}

struct World {
    rng: StdRng,
    weather: Weather,
    now: Instant,
    began: Instant,
    happenings: BTreeMap<(Instant, u64), Happening>,
    count: u64,
    members: [Member; 2],
    lines: [ServerLink; 2],
    path: bool,
    /// A pair of generations between which nothing goes any more.
    broken: Option<(paper::Identity, paper::Identity)>,
    absent_since: Option<Instant>,
    acts: u32,
    changes: u32,
    names: u32,
    log: Vec<String>,
}

impl World {
    fn new(seed: u64, weather: Weather) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let (numbers, now) = (Numbers::default(), Instant::now());
        let acts = rng.random_range(2..14);
        let mut world = Self {
            rng,
            weather,
            now,
            began: now,
            happenings: BTreeMap::new(),
            count: 0,
            members: [Member::new(false, &numbers), Member::new(true, &numbers)],
            lines: [
                ServerLink { seated: true, ..ServerLink::default() },
                ServerLink { seated: true, ..ServerLink::default() },
            ],
            path: true,
            broken: None,
            absent_since: None,
            acts,
            changes: 0,
            names: 0,
            log: Vec::new(),
        };
        let first = world.rng.random_range(0..2);
        world.soon(Happening::Asks { side: first });
        if weather != Weather::Calm && world.rng.random_bool(0.2) {
            world.soon(Happening::Asks { side: 1 - first });
        }
        world.soon(Happening::Act);
        world
    }

    fn at(&mut self, at: Instant, happening: Happening) {
        self.count += 1;
        self.happenings.insert((at, self.count), happening);
    }

    fn after(&mut self, min: u64, max: u64, happening: Happening) {
        let pause = Duration::from_millis(self.rng.random_range(min..max));
        self.at(self.now + pause, happening);
    }

    fn soon(&mut self, happening: Happening) {
        self.after(0, LATENCY_MS, happening);
    }

    fn note(&mut self, what: String) {
        let at = self.now.duration_since(self.began).as_millis();
        self.log.push(format!("{at:>6} {what}"));
    }

    /// One thing, and what follows from it at once.
    fn step(&mut self) {
        let next = self.happenings.first_key_value().map(|((at, _), _)| *at);
        let due = self.members.iter().filter_map(Member::deadline).min();
        match (next, due) {
            (next, Some(due)) if next.is_none_or(|next| due < next) => {
                self.now = self.now.max(due);
                self.members.iter_mut().for_each(|member| member.due(self.now));
            }
            (Some(next), _) => {
                self.now = self.now.max(next);
                let (_, happening) = self.happenings.pop_first().unwrap();
                self.happens(happening);
            }
            (None, None) => self.now += Duration::from_secs(1),
            (None, Some(_)) => unreachable!("it is due before nothing"),
        }
        self.settle();
    }

    fn settle(&mut self) {
        self.look_after();
        for side in 0..2 {
            for signal in std::mem::take(&mut self.members[side].said) {
                self.send(side, signal);
            }
            if std::mem::take(&mut self.members[side].closed) && self.path {
                self.after(2, 12, Happening::Closed { to: 1 - side });
            }
            let pause = if self.rng.random_bool(0.5) { 1 } else { 30 };
            if self.members[side].wants_to_offer() {
                self.after(0, pause, Happening::Offers { from: side });
            }
        }
        let stands = self.stands();
        self.members.iter_mut().for_each(|member| member.path(stands, self.now));
    }

    /// Packets go both ways.
    fn stands(&self) -> bool {
        let [Some(one), Some(other)] = [self.members[0].paper(), self.members[1].paper()] else { return false };
        let pair = (one.identity(), other.identity());
        self.path
            && self.broken != Some(pair)
            && one.knows(pair.1)
            && other.knows(pair.0)
            && (one.reaches(pair.1) || other.reaches(pair.0))
    }

    /// Somebody who is in the room without a connection joins it again, as `confab-call` does it.
    fn look_after(&mut self) {
        if !self.members[0].is_absent() || !self.members[0].signaling_up {
            self.absent_since = None;
            return;
        }
        let since = *self.absent_since.get_or_insert(self.now);
        if self.now.duration_since(since) >= Duration::from_secs(5) {
            self.absent_since = None;
            self.soon(Happening::Asks { side: 1 });
        }
    }

    // ---- what happens ----

    fn happens(&mut self, happening: Happening) {
        let now = self.now;
        match happening {
            Happening::Act => {
                if self.acts > 0 {
                    self.acts -= 1;
                    self.act();
                    let pause = [1, 1, 150, 3_000][self.rng.random_range(0..4)];
                    self.after(0, pause, Happening::Act);
                }
            }
            Happening::Arrives { to, signal, sent_on } => {
                if !self.lines[to].cut && self.lines[to].number == sent_on && self.members[to].signaling_up {
                    self.note(format!("{to} hears {}", brief(&signal)));
                    let (calm, before) = (self.weather == Weather::Calm, self.members[to].rollbacks());
                    self.members[to].heard(signal, now);
                    if calm && self.members[to].rollbacks() > before && !self.members[to].is_polite() {
                        self.members[to].faults.push("the impolite side gave way".to_owned());
                    }
                }
            }
            Happening::Closed { to } => {
                if self.path {
                    self.note(format!("{to} is closed"));
                    self.members[to].other_closed(now);
                }
            }
            Happening::Offers { from } => self.members[from].offer(now),
            Happening::Notices { side } => {
                self.members[side].signaling(false, now);
                self.note(format!("{side} notices"));
                self.after(300, 2_000, Happening::Back { side });
            }
            Happening::Left { side, line } => {
                if self.lines[side].number == line && std::mem::take(&mut self.lines[side].seated) {
                    self.note(format!("{side} left"));
                    if !self.lines[1 - side].cut {
                        self.members[1 - side].other_left(now);
                    }
                }
            }
            Happening::Back { side } => {
                self.note(format!("{side} is back"));
                self.back(side);
            }
            Happening::Asks { side } => {
                if !self.lines[side].cut && self.members[side].signaling_up {
                    self.note(format!("{side} is asked to begin"));
                    self.members[side].asked_to_offer(now);
                }
            }
            Happening::PathBack => self.path = true,
        }
    }

    fn act(&mut self) {
        let side = self.rng.random_range(0..2);
        let signaling = matches!(self.weather, Weather::Signaling | Weather::Storm);
        let network = matches!(self.weather, Weather::Network | Weather::Storm);
        match self.rng.random_range(0..10) {
            0 | 1 if signaling => {
                self.note(format!("{side} is cut"));
                self.cut(side);
            }
            2 if network => {
                self.note("no path for a while".to_owned());
                self.path = false;
                self.after(0, 30_000, Happening::PathBack);
            }
            3 if network => {
                if let [Some(one), Some(other)] = [self.members[0].paper(), self.members[1].paper()] {
                    self.broken = Some((one.identity(), other.identity()));
                    self.note("the path is broken".to_owned());
                }
            }
            4 if self.weather == Weather::Storm => self.soon(Happening::Asks { side }),
            _ => self.change(side),
        }
        self.changes += 1;
    }

    fn change(&mut self, side: usize) {
        self.names += 1;
        let name = self.names.to_string();
        let tracks = &mut self.members[side].tracks;
        let what = match self.rng.random_range(0..6) {
            0 | 1 if !tracks.is_empty() => {
                let index = self.rng.random_range(0..tracks.len());
                format!("{side} removes {:?}", tracks.remove(index))
            }
            2 if !tracks.is_empty() => {
                let index = self.rng.random_range(0..tracks.len());
                tracks[index].1 = name;
                format!("{side} replaces {:?}", tracks[index])
            }
            3 if !tracks.is_empty() && tracks.len() < 8 => {
                let stream = tracks[self.rng.random_range(0..tracks.len())].0.clone();
                tracks.push((stream, name));
                format!("{side} adds {:?}", tracks.last())
            }
            _ if tracks.len() < 8 => {
                tracks.push((format!("s{name}"), name));
                format!("{side} shares {:?}", tracks.last())
            }
            _ => return,
        };
        self.note(what);
        self.members[side].reconcile();
    }

    // ---- the end ----

    /// What is not as it must be.
    fn unrest(&self) -> Option<String> {
        let [one, other] = &self.members;
        if !one.is_at_rest() || !other.is_at_rest() {
            return Some(format!("at rest: {} and {}", one.is_at_rest(), other.is_at_rest()));
        }
        for (from, to) in [(one, other), (other, one)] {
            if from.sends() != to.receives() {
                return Some(format!("sent {:?}, received {:?}", from.sends(), to.receives()));
            }
        }
        (one.is_polite() == other.is_polite()).then(|| "both are polite, or neither".to_owned())
    }

    fn verdict(&mut self) -> Result<(), String> {
        while self.acts > 0 {
            self.step();
        }
        let end = self.now + REST;
        while self.now < end && (self.unrest().is_some() || !self.happenings.is_empty()) {
            self.step();
        }
        if let Some(unrest) = self.unrest() {
            return Err(unrest);
        }
        if let Some(fault) = self.members.iter().flat_map(|member| &member.faults).next() {
            return Err(fault.clone());
        }
        let offers: u32 = self.members.iter().map(|member| member.offers).sum();
        let most = (self.changes + 1) * if self.weather == Weather::Calm { CALM_OFFERS } else { OFFERS };
        if offers > most { Err(format!("{offers} offers for {} changes", self.changes)) } else { Ok(()) }
    }
}

fn brief(signal: &Signal) -> String {
    match signal {
        Signal::Description(description) => {
            let lines = description.sdp.lines().filter_map(|line| {
                let known = ["a=sendonly", "a=recvonly", "a=inactive"].contains(&line);
                known.then(|| &line[2..3]).or_else(|| line.strip_prefix("o=- ")).or_else(|| line.strip_prefix("a=ice-"))
            });
            format!("{} {}", description.kind, lines.collect::<Vec<_>>().join(" "))
        }
        _ => "a candidate".to_owned(),
    }
}

fn many(weather: Weather) {
    let number = |name, usual| std::env::var(name).map_or(usual, |text| text.parse::<u64>().expect(name));
    let first = number("CONFAB_SEED", 0);
    for seed in first..first + number("CONFAB_MODELS", INTERLEAVINGS) {
        let mut world = World::new(seed, weather);
        if let Err(found) = world.verdict() {
            panic!("CONFAB_SEED={seed} {weather:?}: {found}\n{}", world.log.join("\n"));
        }
    }
}

#[test]
fn calm() {
    many(Weather::Calm);
}

#[test]
fn lines_to_the_server_come_and_go() {
    many(Weather::Signaling);
}

#[test]
fn paths_come_and_go() {
    many(Weather::Network);
}

#[test]
fn everything_at_once() {
    many(Weather::Storm);
}

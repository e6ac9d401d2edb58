//! The signaling server of the model, and the lines to it. Each keeps its order; one that is cut loses what is on it, and both
//! its ends notice in their own time.

use super::{Happening, LATENCY_MS, Weather, World};
use confab_wire::signaling::Signal;
use rand::Rng;
use std::time::Duration;
use tokio::time::Instant;

/// The line of one side to the server.
#[derive(Default)]
pub(super) struct ServerLink {
    pub(super) cut: bool,
    /// Counts the lines.
    pub(super) number: u32,
    pub(super) seated: bool,
    pub(super) last: Option<Instant>,
    /// Answers that wait for the line to come back.
    pub(super) kept: Vec<Signal>,
}

impl World {
    pub(super) fn send(&mut self, from: usize, signal: Signal) {
        let is_answer = matches!(&signal, Signal::Description(description) if description.kind == "answer");
        if !self.members[from].signaling_up {
            if is_answer {
                self.lines[from].kept.push(signal);
            }
            return;
        }
        if self.lines[from].cut {
            return;
        }
        let to = 1 - from;
        let latency = Duration::from_millis(self.rng.random_range(2..LATENCY_MS));
        let is_offer = matches!(&signal, Signal::Description(description) if description.kind == "offer");
        let twice = self.weather == Weather::Storm && !is_offer && self.rng.random_bool(0.05);
        for _ in 0..if twice { 2 } else { 1 } {
            let at = self.lines[to].last.map_or(self.now, |last| last.max(self.now)).max(self.now + latency);
            self.lines[to].last = Some(at);
            let sent_on = self.lines[to].number;
            self.at(at, Happening::Arrives { to, signal: signal.clone(), sent_on });
        }
    }

    pub(super) fn cut(&mut self, side: usize) {
        if self.lines[side].cut {
            return;
        }
        self.lines[side].cut = true;
        self.after(0, 4_000, Happening::Notices { side });
        let line = self.lines[side].number;
        self.after(0, 9_000, Happening::Left { side, line });
    }

    pub(super) fn back(&mut self, side: usize) {
        let line = &mut self.lines[side];
        (line.cut, line.number) = (false, line.number + 1);
        let taken = std::mem::replace(&mut line.seated, true);
        let kept = std::mem::take(&mut line.kept);
        self.members[side].signaling(true, self.now);
        // What waited goes first.
        let said = std::mem::take(&mut self.members[side].said);
        self.members[side].said = kept.into_iter().chain(said).collect();
        if !taken && self.members[1 - side].signaling_up {
            self.members[1 - side].signaling(true, self.now);
        }
        if !self.members[side].is_connected() {
            self.soon(Happening::Asks { side: 1 - side });
        }
    }
}

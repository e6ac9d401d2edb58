//! A connection on paper: its descriptions are what RFC 9429 asks for, and nothing else of it exists. Where the library
//! goes its own way, so does this: m-lines that were rolled back give their numbers back, and what the other side offers as
//! inactive is forgotten.

use super::super::{Jsep, Refused};
use crate::send::assignment::{Assignment, MediaLine, WantedTrack, assign};
use confab_wire::{media::Codec, signaling::Candidate};
use std::cell::Cell;
use std::collections::HashSet;
use std::fmt::Write;
use std::rc::Rc;

/// Numbers that are given once.
pub(super) type Numbers = Rc<Cell<u64>>;

fn number(numbers: &Numbers) -> u64 {
    numbers.set(numbers.get() + 1);
    numbers.get()
}

/// A track that is to be sent: stream and name.
pub(super) type Track = (String, String);

/// An m-line and who sends on it.
#[derive(Debug, Clone, Copy)]
enum MLine {
    Ours(usize),
    Theirs { sends: bool },
}

/// A transceiver of ours.
#[derive(Debug)]
struct Slot {
    stream: String,
    track: Option<String>,
    /// Direction.
    sends: bool,
    /// Negotiated direction.
    agreed: Option<bool>,
    line: Option<usize>,
    label: u64,
}

/// Our offer that waits for its answer, and what it hides.
#[derive(Debug)]
struct Pending {
    sdp: String,
    lines: usize,
    generation: u64,
}

/// ICE and DTLS of one side: session and generation.
pub(super) type Identity = (u64, u64);

#[derive(Debug)]
pub(super) struct Paper {
    numbers: Numbers,
    session: u64,
    generation: u64,
    lines: Vec<MLine>,
    slots: Vec<Slot>,
    pending: Option<Pending>,
    current: Option<String>,
    remote: Option<Identity>,
    /// Generations of the other side of which a candidate came.
    reachable: HashSet<u64>,
    pub(super) rollbacks: u32,
}

impl Paper {
    pub(super) fn new(numbers: &Numbers) -> Self {
        Self {
            numbers: Rc::clone(numbers),
            session: number(numbers),
            generation: number(numbers),
            lines: Vec::new(),
            slots: Vec::new(),
            pending: None,
            current: None,
            remote: None,
            reachable: HashSet::new(),
            rollbacks: 0,
        }
    }

    pub(super) fn identity(&self) -> Identity {
        (self.session, self.generation)
    }

    /// True if it may send to the other side, which is `identity`.
    pub(super) fn knows(&self, identity: Identity) -> bool {
        self.remote == Some(identity)
    }

    pub(super) fn reaches(&self, (_, generation): Identity) -> bool {
        self.reachable.contains(&generation)
    }

    pub(super) fn is_stable(&self) -> bool {
        self.pending.is_none()
    }

    /// The candidate of this generation.
    pub(super) fn candidate(&self) -> Candidate {
        let candidate = format!("candidate:1 1 udp 1 192.0.2.1 9 typ host ufrag {}", self.generation);
        Candidate { candidate, sdp_mid: None, sdp_m_line_index: Some(0), username_fragment: None }
    }

    /// As [`crate::send::outbound::Outbound::reconcile`], by the same assignment.
    pub(super) fn reconcile(&mut self, tracks: &[Track]) -> bool {
        let places: Vec<MediaLine<'_>> = self.slots.iter().map(Slot::place).collect();
        let wishes: Vec<WantedTrack<'_>> =
            tracks.iter().map(|(msid, track)| WantedTrack { msid, codec: Codec::Vp8, track }).collect();
        let mut negotiate = false;
        for step in assign(&places, &wishes) {
            match step {
                Assignment::Swap(slot, wish) | Assignment::Revive(slot, wish) => {
                    self.slots[slot].track = Some(tracks[wish].1.clone());
                }
                Assignment::Take(slot, wish) => {
                    let (stream, track) = tracks[wish].clone();
                    let (line, agreed) = (self.slots[slot].line, self.slots[slot].agreed);
                    let label = number(&self.numbers);
                    self.slots[slot] = Slot { stream, track: Some(track), sends: true, agreed, line, label };
                    negotiate = true;
                }
                Assignment::Idle(slot) => self.slots[slot].track = None,
                Assignment::Add(wish) => {
                    let (stream, track) = tracks[wish].clone();
                    let label = number(&self.numbers);
                    self.slots.push(Slot { stream, track: Some(track), sends: true, agreed: None, line: None, label });
                    negotiate = true;
                }
            }
        }
        for slot in &mut self.slots {
            negotiate |= std::mem::replace(&mut slot.sends, slot.track.is_some()) != slot.track.is_some();
        }
        negotiate
    }

    fn write(&self, direction: impl Fn(usize, MLine) -> &'static str) -> String {
        let mut sdp = format!(
            "v=0\r\no=- {} {} IN IP4 0.0.0.0\r\na=fingerprint:sha-256 {}\r\na=ice-ufrag:{}\r\nm=application 9 x\r\na=mid:0\r\n",
            self.session,
            number(&self.numbers),
            self.session,
            self.generation
        );
        for (index, line) in self.lines.iter().enumerate() {
            write!(sdp, "m=video 9 x\r\na=mid:{}\r\na={}\r\n", index + 1, direction(index, *line)).unwrap();
            if let MLine::Ours(slot) = line {
                let Slot { stream, label, .. } = &self.slots[*slot];
                write!(sdp, "a=msid:{stream} {label}\r\n").unwrap();
            }
        }
        sdp
    }

    /// The directions of the m-lines, and who wrote them.
    fn read(sdp: &str) -> Result<(Identity, Vec<&str>), Refused> {
        let value = |prefix| sdp.lines().find_map(|line| line.strip_prefix(prefix)).and_then(|text| text.parse().ok());
        let (Some(session), Some(generation)) = (value("a=fingerprint:sha-256 "), value("a=ice-ufrag:")) else {
            return Err(Refused::Remote("no identity".to_owned()));
        };
        let ways = ["sendonly", "recvonly", "inactive"];
        let way = |line: &'_ str| ways.contains(&line);
        let lines = sdp.lines().filter_map(|line| line.strip_prefix("a=")).filter(|line| way(line)).collect();
        Ok(((session, generation), lines))
    }
}

impl Slot {
    fn place(&self) -> MediaLine<'_> {
        let free = self.track.is_none() && self.agreed == Some(false);
        MediaLine { msid: &self.stream, codec: Codec::Vp8, track: self.track.as_deref(), free }
    }
}

fn refused<T>(what: &str) -> Result<T, Refused> {
    Err(Refused::Remote(what.to_owned()))
}

impl Jsep for Paper {
    async fn offer(&mut self, ice_restart: bool) -> Result<String, String> {
        if self.pending.is_some() {
            return Err("an offer waits already".to_owned());
        }
        let (lines, generation) = (self.lines.len(), self.generation);
        for (index, slot) in self.slots.iter_mut().enumerate() {
            if slot.line.is_none() {
                slot.line = Some(self.lines.len());
                self.lines.push(MLine::Ours(index));
            }
        }
        if ice_restart {
            self.generation = number(&self.numbers);
        }
        let sdp = self.write(|_, line| match line {
            MLine::Ours(slot) if self.slots[slot].sends => "sendonly",
            MLine::Theirs { sends: true } => "recvonly",
            _ => "inactive",
        });
        self.pending = Some(Pending { sdp: sdp.clone(), lines, generation });
        Ok(sdp)
    }

    async fn take_offer(&mut self, sdp: &str) -> Result<String, Refused> {
        let (identity, ways) = Self::read(sdp)?;
        if self.pending.is_some() {
            return refused("an offer of ours waits");
        }
        if ways.len() < self.lines.len() {
            return refused("m-lines are missing");
        }
        for (index, way) in ways.iter().enumerate() {
            match (self.lines.get_mut(index), *way) {
                (Some(MLine::Ours(_)), "recvonly") => {}
                (Some(MLine::Ours(slot)), "inactive") => self.slots[*slot].sends = false,
                (Some(MLine::Theirs { sends }), way) => *sends = way == "sendonly",
                (None, way) => self.lines.push(MLine::Theirs { sends: way == "sendonly" }),
                _ => return refused("it sends on a line of ours"),
            }
        }
        if self.remote.is_some_and(|known| known != identity) {
            self.generation = number(&self.numbers);
        }
        self.remote = Some(identity);
        let answer = self.write(|index, line| match line {
            MLine::Ours(slot) if self.slots[slot].sends && ways[index] == "recvonly" => "sendonly",
            MLine::Theirs { sends: true } => "recvonly",
            _ => "inactive",
        });
        for (index, line) in self.lines.iter().enumerate() {
            if let MLine::Ours(slot) = line {
                let slot = &mut self.slots[*slot];
                slot.agreed = Some(slot.sends && ways[index] == "recvonly");
            }
        }
        self.current = Some(answer.clone());
        Ok(answer)
    }

    async fn take_answer(&mut self, sdp: &str) -> Result<(), Refused> {
        let (identity, ways) = Self::read(sdp)?;
        if ways.len() != self.lines.len() {
            return refused("other m-lines than were offered");
        }
        let Some(pending) = self.pending.take() else { return refused("no offer waits") };
        for (line, way) in self.lines.iter_mut().zip(ways) {
            match line {
                MLine::Ours(slot) => self.slots[*slot].agreed = Some(way == "recvonly"),
                MLine::Theirs { sends } => *sends = way == "sendonly",
            }
        }
        self.remote = Some(identity);
        self.current = Some(pending.sdp);
        Ok(())
    }

    async fn roll_back(&mut self) -> Result<(), String> {
        let Pending { lines, generation, .. } = self.pending.take().ok_or("no offer waits")?;
        self.lines.truncate(lines);
        self.generation = generation;
        for slot in &mut self.slots {
            slot.line = slot.line.filter(|line| *line < lines);
        }
        self.rollbacks += 1;
        Ok(())
    }

    async fn roll_back_remote(&mut self) -> Result<(), String> {
        Ok(())
    }

    async fn add_candidate(&mut self, candidate: Candidate) -> Result<(), String> {
        if self.remote.is_none() {
            return Err("a candidate before any description".to_owned());
        }
        let generation = candidate.candidate.rsplit(' ').next().and_then(|text| text.parse().ok());
        self.reachable.insert(generation.ok_or("no generation")?);
        Ok(())
    }

    async fn pending(&self) -> Option<String> {
        let Pending { sdp, .. } = self.pending.as_ref()?;
        Some(format!("{sdp}a={}\r\n", self.candidate().candidate))
    }

    async fn current(&self) -> Option<String> {
        self.current.clone()
    }
}

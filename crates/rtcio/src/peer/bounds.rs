//! How many signals of one peer are obeyed. A signaling server need not bound what it relays, and each signal costs more
//! here than there: a description makes transceivers, a candidate makes checks, a question makes an answer.

use super::sdp;
use confab_wire::{limits, signaling::Signal};
use std::time::Duration;
use tokio::time::Instant;

/// Descriptions of one peer in a second. Quick changes on both sides, over and over, make a few.
const DESCRIPTIONS: u32 = 50;
/// Questions about streams in a second: all streams of a peer, twice.
const QUESTIONS: u32 = 2 * limits::STREAMS_PER_PEER as u32;
/// Answers to such questions.
const ANSWERS: u32 = 2 * limits::STREAMS_PER_PEER as u32;

/// At most so many in each second.
#[derive(Debug)]
struct Rate {
    most: u32,
    since: Option<Instant>,
    count: u32,
}

impl Rate {
    fn new(most: u32) -> Self {
        Self { most, since: None, count: 0 }
    }

    fn admit(&mut self, now: Instant) -> bool {
        if self.since.is_none_or(|since| now.saturating_duration_since(since) >= Duration::from_secs(1)) {
            (self.since, self.count) = (Some(now), 0);
        }
        self.count = self.count.saturating_add(1);
        self.count <= self.most
    }
}

/// What one connection has taken from its peer.
#[derive(Debug)]
pub(crate) struct Bounds {
    descriptions: Rate,
    questions: Rate,
    answers: Rate,
    /// Candidates of the ICE generation with this user name fragment.
    candidates: usize,
    generation: Option<String>,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            descriptions: Rate::new(DESCRIPTIONS),
            questions: Rate::new(QUESTIONS),
            answers: Rate::new(ANSWERS),
            candidates: 0,
            generation: None,
        }
    }
}

impl Bounds {
    /// Counts a signal. An error says why it is to be dropped.
    pub(crate) fn admit(&mut self, signal: &Signal, now: Instant) -> Result<(), &'static str> {
        match signal {
            Signal::Description(description) => {
                if !self.descriptions.admit(now) {
                    return Err("it describes itself too often");
                }
                let (lines, candidates) = sdp::size(&description.sdp);
                if lines > limits::MEDIA_LINES {
                    return Err("its description has too many m-lines");
                }
                if candidates > limits::PENDING_CANDIDATES {
                    return Err("its description has too many candidates");
                }
                let generation = sdp::generation(&description.sdp);
                if self.generation.as_deref() != generation {
                    // Restarting ICE forgets the candidates of before (RFC 8445 section 9).
                    self.generation = generation.map(str::to_owned);
                    self.candidates = 0;
                }
                Ok(())
            }
            Signal::Candidate(_) => {
                self.candidates += 1;
                if self.candidates > limits::PENDING_CANDIDATES { Err("it has too many candidates") } else { Ok(()) }
            }
            Signal::StreamQuery { .. } if !self.questions.admit(now) => Err("it asks for streams too often"),
            Signal::StreamEvents { .. } if !self.answers.admit(now) => Err("it tells of its streams too often"),
            Signal::StreamQuery { .. } | Signal::StreamEvents { .. } => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use confab_wire::signaling::{Candidate, Description};
    use serde_json::Map;

    fn candidate() -> Signal {
        Signal::Candidate(Candidate {
            candidate: "candidate:1 1 udp 1 192.0.2.1 9 typ host".to_owned(),
            sdp_mid: None,
            sdp_m_line_index: Some(0),
            username_fragment: None,
        })
    }

    fn offer(sdp: String) -> Signal {
        Signal::Description(Description { kind: "offer".to_owned(), sdp })
    }

    #[test]
    fn candidates_are_counted_within_one_generation() {
        let (mut bounds, now) = (Bounds::default(), Instant::now());
        let taken = |bounds: &mut Bounds| (0..1_000).filter(|_| bounds.admit(&candidate(), now).is_ok()).count();
        assert_eq!(taken(&mut bounds), limits::PENDING_CANDIDATES);
        bounds.admit(&offer("v=0\r\na=ice-ufrag:one\r\n".to_owned()), now).unwrap();
        assert_eq!(taken(&mut bounds), limits::PENDING_CANDIDATES);
        bounds.admit(&offer("v=0\r\na=ice-ufrag:one\r\n".to_owned()), now).unwrap();
        assert_eq!(taken(&mut bounds), 0);
        bounds.admit(&offer("v=0\r\na=ice-ufrag:two\r\n".to_owned()), now).unwrap();
        assert_eq!(taken(&mut bounds), limits::PENDING_CANDIDATES);
    }

    #[test]
    fn a_description_has_its_size() {
        let (mut bounds, now) = (Bounds::default(), Instant::now());
        let lines = |count| offer("v=0\r\n".to_owned() + &"m=audio 9 x\r\na=mid:1\r\n".repeat(count));
        assert!(bounds.admit(&lines(limits::MEDIA_LINES), now).is_ok());
        assert!(bounds.admit(&lines(limits::MEDIA_LINES + 1), now).is_err());
        let candidates = "a=candidate:1 1 udp 1 192.0.2.1 9 typ host\n".repeat(limits::PENDING_CANDIDATES + 1);
        assert!(bounds.admit(&offer("v=0\n".to_owned() + &candidates), now).is_err());
    }

    #[test]
    fn what_comes_too_often_is_dropped_for_its_second() {
        let (mut bounds, now) = (Bounds::default(), Instant::now());
        let question = Signal::StreamQuery { mid: "s".to_owned() };
        let answer = Signal::StreamEvents { mid: "s".to_owned(), events: Map::new() };
        for (signal, most) in [(question, QUESTIONS), (answer, ANSWERS), (offer("v=0".to_owned()), DESCRIPTIONS)] {
            let admitted = (0..10_000).filter(|_| bounds.admit(&signal, now).is_ok()).count();
            assert_eq!(admitted, most as usize);
            assert!(bounds.admit(&signal, now + Duration::from_secs(1)).is_ok());
        }
    }
}

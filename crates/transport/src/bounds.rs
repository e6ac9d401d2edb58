//! How many signals of one remote are obeyed. A signaling server need not bound what it relays, and each signal costs more
//! here than there: a description makes transceivers, a candidate makes checks.

use crate::sdp;
use confab_wire::{limits, rate_limit::RateLimiter, signaling::Description};
use tokio::time::Instant;

/// Descriptions of one remote in a second. Quick changes on both sides, over and over, make a few.
const DESCRIPTIONS: u32 = 50;

/// What one connection has taken from its remote.
#[derive(Debug)]
pub(crate) struct SignalBounds {
    descriptions: RateLimiter,
    /// Candidates of the ICE generation with this user name fragment.
    candidates: usize,
    generation: Option<String>,
}

impl Default for SignalBounds {
    fn default() -> Self {
        Self { descriptions: RateLimiter::per_second(DESCRIPTIONS, DESCRIPTIONS), candidates: 0, generation: None }
    }
}

impl SignalBounds {
    /// Counts a description. An error says why it is to be dropped.
    pub(crate) fn admit_description(&mut self, description: &Description, now: Instant) -> Result<(), &'static str> {
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

    /// Counts a candidate. An error says why it is to be dropped.
    pub(crate) fn admit_candidate(&mut self) -> Result<(), &'static str> {
        self.candidates += 1;
        if self.candidates > limits::PENDING_CANDIDATES { Err("it has too many candidates") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn offer(sdp: String) -> Description {
        Description { kind: "offer".to_owned(), sdp }
    }

    #[test]
    fn candidates_are_counted_within_one_generation() {
        let (mut bounds, now) = (SignalBounds::default(), Instant::now());
        let taken = |bounds: &mut SignalBounds| (0..1_000).filter(|_| bounds.admit_candidate().is_ok()).count();
        assert_eq!(taken(&mut bounds), limits::PENDING_CANDIDATES);
        bounds.admit_description(&offer("v=0\r\na=ice-ufrag:one\r\n".to_owned()), now).unwrap();
        assert_eq!(taken(&mut bounds), limits::PENDING_CANDIDATES);
        bounds.admit_description(&offer("v=0\r\na=ice-ufrag:one\r\n".to_owned()), now).unwrap();
        assert_eq!(taken(&mut bounds), 0);
        bounds.admit_description(&offer("v=0\r\na=ice-ufrag:two\r\n".to_owned()), now).unwrap();
        assert_eq!(taken(&mut bounds), limits::PENDING_CANDIDATES);
    }

    #[test]
    fn a_description_has_its_size() {
        let (mut bounds, now) = (SignalBounds::default(), Instant::now());
        let lines = |count| offer("v=0\r\n".to_owned() + &"m=audio 9 x\r\na=mid:1\r\n".repeat(count));
        assert!(bounds.admit_description(&lines(limits::MEDIA_LINES), now).is_ok());
        assert!(bounds.admit_description(&lines(limits::MEDIA_LINES + 1), now).is_err());
        let candidates = "a=candidate:1 1 udp 1 192.0.2.1 9 typ host\n".repeat(limits::PENDING_CANDIDATES + 1);
        assert!(bounds.admit_description(&offer("v=0\n".to_owned() + &candidates), now).is_err());
    }

    #[test]
    fn what_comes_too_often_is_dropped_for_its_second() {
        let (mut bounds, now) = (SignalBounds::default(), Instant::now());
        let admit = |bounds: &mut SignalBounds, now| bounds.admit_description(&offer("v=0".to_owned()), now).is_ok();
        assert_eq!((0..10_000).filter(|_| admit(&mut bounds, now)).count(), DESCRIPTIONS as usize);
        assert!(admit(&mut bounds, now + Duration::from_secs(1)));
    }
}

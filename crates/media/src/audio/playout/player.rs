//! One peer's sound: jitter buffer, decoder, concealment, delay control, level.

use std::collections::VecDeque;
use std::time::Duration;

use confab_wire::media::{AUDIO_CLOCK_HZ, AudioPacket};

use crate::audio::dsp::drift::DriftControl;
use crate::audio::dsp::fade::{self, Fade};
use crate::audio::dsp::time_stretch;
use crate::audio::playout::jitter_buffer::{JitterBuffer, JitterStats, Playout};
use crate::format::BLOCK;

/// What Opus invents is a multiple of this, in samples: 2.5 ms.
const SMALLEST: usize = AUDIO_CLOCK_HZ as usize / 400;
/// Longest Opus packet in samples (RFC 6716 section 2.1.4).
const MAX_PACKET: usize = AUDIO_CLOCK_HZ as usize * 120 / 1000;
/// Delay over the target before sound is shortened, in samples: 15 ms.
const SLACK: i64 = AUDIO_CLOCK_HZ as i64 * 15 / 1000;
/// Delay under the target before sound is lengthened, in samples: 5 ms. Less slack, since too little is heard.
const SHORTAGE: i64 = AUDIO_CLOCK_HZ as i64 * 5 / 1000;
/// Delay over the target that is shortened even where it is heard, in samples: 150 ms.
const FAR_BEHIND: i64 = AUDIO_CLOCK_HZ as i64 * 150 / 1000;
/// Delay over the target that is cut short at once, in samples: 400 ms. A click is better than talking past each other.
const HOPELESS: i64 = AUDIO_CLOCK_HZ as i64 * 400 / 1000;
/// Decoded packets between two splices: at most a sixth faster or slower.
const SPLICE_EVERY: u32 = 4;

/// Decodes and plays one stream. Time comes from outside.
pub struct PeerPlayer {
    jitter: JitterBuffer,
    // Opened by the first packet: a peer without sound costs nothing.
    decoder: Option<opus::Decoder>,
    ready: VecDeque<f32>,
    chunk: Vec<f32>,
    drift: DriftControl,
    since_splice: u32,
    splices: u64,
    fade: Fade,
}

impl std::fmt::Debug for PeerPlayer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PeerPlayer").field("jitter", &self.jitter).finish_non_exhaustive()
    }
}

impl Default for PeerPlayer {
    fn default() -> Self {
        Self {
            jitter: JitterBuffer::default(),
            decoder: None,
            ready: VecDeque::with_capacity(2 * MAX_PACKET),
            chunk: Vec::with_capacity(2 * MAX_PACKET),
            drift: DriftControl::default(),
            since_splice: 0,
            splices: 0,
            fade: Fade::default(),
        }
    }
}

impl PeerPlayer {
    /// Takes a packet that arrived at `now`.
    pub fn push(&mut self, packet: AudioPacket, now: Duration) {
        self.jitter.insert(packet, now);
    }

    /// Fills one block with what is heard at `now`.
    pub fn pull(&mut self, now: Duration, block: &mut [f32; BLOCK]) {
        // First, for it changes how many samples are needed.
        self.drift.measure(self.excess(now));
        while self.ready.len() < self.drift.needed() {
            if !self.decode_next(now) {
                break;
            }
        }
        let (ready, fade) = (&mut self.ready, &mut self.fade);
        self.drift.fill(block, || fade.next(ready.pop_front()));
    }

    /// Plays so much later than the network needs, at most half a second.
    pub fn set_extra_delay(&mut self, extra: Duration) {
        self.jitter.set_extra(extra);
    }

    /// The timestamp of what is to be heard at `now`; `None` while nothing plays.
    pub fn due(&self, now: Duration) -> Option<u32> {
        self.jitter.due(now)
    }

    /// Counters of the stream.
    pub fn stats(&self) -> JitterStats {
        JitterStats { spliced: self.splices, ..self.jitter.stats() }
    }

    /// Delay over the target at the beginning of a block, in samples; `None` while nothing plays.
    pub(crate) fn excess(&self, now: Duration) -> Option<i64> {
        self.jitter.delay(now, self.ready.len()).map(|(delay, target)| delay - target)
    }

    /// Decodes or invents the next stretch into `ready`; false if there is silence.
    fn decode_next(&mut self, now: Duration) -> bool {
        if self.excess(now).is_some_and(|excess| excess > HOPELESS) {
            self.jitter.catch_up(now, self.ready.len());
            self.drift.measure(None);
        }
        let playout = self.jitter.next(now);
        let real = matches!(playout, Playout::Packet(_));
        let (decoded, length) = match &playout {
            Playout::Silence => return false,
            Playout::Packet(data) => (self.decode(data, MAX_PACKET, false), 2 * BLOCK),
            Playout::Recover(data, length) => (self.recover(data, *length), *length),
            Playout::Conceal(length) | Playout::Comfort(length) => (self.invent(*length), *length),
        };
        if let Err(error) = decoded {
            // A damaged packet is a lost one.
            tracing::debug!(%error, "opus packet not decoded");
            if self.invent(length).is_err() {
                self.chunk.clear();
                self.chunk.resize(length, 0.0);
            }
        }
        if real {
            self.splice();
        }
        self.ready.extend(self.chunk.drain(..));
        true
    }

    /// So many samples of what is likely to come.
    fn invent(&mut self, length: usize) -> Result<(), opus::Error> {
        self.decode(&[], length.next_multiple_of(SMALLEST), false)?;
        self.chunk.truncate(length);
        Ok(())
    }

    /// What a packet says again of the one before it, and of that the last `length` samples.
    fn recover(&mut self, data: &[u8], length: usize) -> Result<(), opus::Error> {
        // More than what the first frame says again would be invented before it.
        let whole = opus::packet::get_samples_per_frame(data, AUDIO_CLOCK_HZ)?;
        self.decode(data, whole, true)?;
        self.chunk.drain(..self.chunk.len().saturating_sub(length));
        if length < whole {
            let before = self.ready.back().copied().unwrap_or(self.fade.last());
            fade::join(before, &mut self.chunk);
        }
        Ok(())
    }

    fn decode(&mut self, data: &[u8], length: usize, fec: bool) -> Result<(), opus::Error> {
        self.chunk.clear();
        self.chunk.resize(length.min(MAX_PACKET), 0.0);
        let decoder = match &mut self.decoder {
            Some(decoder) => decoder,
            none => none.insert(opus::Decoder::new(AUDIO_CLOCK_HZ, opus::Channels::Mono)?),
        };
        let written = decoder.decode_float(data, &mut self.chunk, fec)?;
        self.chunk.truncate(written);
        Ok(())
    }

    /// Brings the delay to what the network needs, one period of sound at a time, where it is further off than the
    /// correction of drift would soon make good.
    fn splice(&mut self) {
        self.since_splice = self.since_splice.saturating_add(1);
        if self.since_splice < SPLICE_EVERY || self.chunk.len() < time_stretch::MIN_CHUNK {
            return;
        }
        let before = self.chunk.len() as i64;
        if let Some(excess) = self.drift.steady().filter(|excess| *excess > SLACK) {
            time_stretch::shorten(&mut self.chunk, excess > FAR_BEHIND);
        } else if self.drift.least().is_some_and(|excess| excess < -SHORTAGE) {
            time_stretch::lengthen(&mut self.chunk);
        }
        let by = self.chunk.len() as i64 - before;
        if by != 0 {
            self.since_splice = 0;
            self.splices += 1;
            self.drift.jumped(by);
        }
    }
}

#[cfg(test)]
#[path = "player_tests.rs"]
mod tests;

//! Playout of one peer: jitter buffer, Opus decoder, concealment, and control of the playout delay by drift compensation and
//! time stretching.

use std::collections::VecDeque;
use std::time::Duration;

use confab_wire::media::{AUDIO_CLOCK_HZ, AudioPacket};

use crate::audio::dsp::drift::DriftCompensator;
use crate::audio::dsp::fade::{self, Fade};
use crate::audio::dsp::time_stretch;
use crate::audio::playout::jitter_buffer::{JitterBuffer, JitterStats, Operation};
use crate::audio::playout::payload::SpentPayloads;
use crate::format::BLOCK;

/// Opus conceals multiples of this, in samples: 2.5 ms.
const SMALLEST: usize = AUDIO_CLOCK_HZ as usize / 400;
/// Longest Opus packet in samples (RFC 6716 section 2.1.4).
const MAX_PACKET: usize = AUDIO_CLOCK_HZ as usize * 120 / 1000;
/// Delay over the target before sound is shortened, in samples: 15 ms.
const SLACK: i64 = AUDIO_CLOCK_HZ as i64 * 15 / 1000;
/// Delay under the target before sound is lengthened, in samples: 5 ms. Less slack, since an underrun is audible.
const SHORTAGE: i64 = AUDIO_CLOCK_HZ as i64 * 5 / 1000;
/// Delay over the target that is shortened even where that is audible, in samples: 150 ms.
const FAR_BEHIND: i64 = AUDIO_CLOCK_HZ as i64 * 150 / 1000;
/// Delay over the target that is cut short at once, in samples: 400 ms. A click is better than talking past each other.
const HOPELESS: i64 = AUDIO_CLOCK_HZ as i64 * 400 / 1000;
/// Decoded packets between two stretches: at most a sixth faster or slower.
const STRETCH_EVERY: u32 = 4;

/// Decodes and plays one stream. The caller gives the time.
pub struct PeerPlayout {
    jitter: JitterBuffer,
    // Opened at once, since the mix does not allocate; `None` if that failed.
    decoder: Option<opus::Decoder>,
    ready: VecDeque<f32>,
    chunk: Vec<f32>,
    drift: DriftCompensator,
    since_stretch: u32,
    stretches: u64,
    fade: Fade,
}

impl std::fmt::Debug for PeerPlayout {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PeerPlayout").field("jitter", &self.jitter).finish_non_exhaustive()
    }
}

impl Default for PeerPlayout {
    fn default() -> Self {
        Self {
            jitter: JitterBuffer::default(),
            decoder: new_decoder().ok(),
            ready: VecDeque::with_capacity(2 * MAX_PACKET),
            chunk: Vec::with_capacity(2 * MAX_PACKET),
            drift: DriftCompensator::default(),
            since_stretch: 0,
            stretches: 0,
            fade: Fade::default(),
        }
    }
}

fn new_decoder() -> Result<opus::Decoder, opus::Error> {
    opus::Decoder::new(AUDIO_CLOCK_HZ, opus::Channels::Mono)
}

impl PeerPlayout {
    /// One that frees no payloads but puts them into this queue.
    pub(crate) fn with_spent(spent: SpentPayloads) -> Self {
        Self { jitter: JitterBuffer::with_spent(spent), ..Self::default() }
    }

    /// Takes a packet that arrived at `now`.
    pub fn push(&mut self, packet: AudioPacket, now: Duration) {
        self.jitter.insert(packet, now);
    }

    /// Fills the block that is played at `now`.
    pub fn pull(&mut self, now: Duration, block: &mut [f32; BLOCK]) {
        // First, for it changes how many samples are needed.
        self.drift.measure(self.excess(now));
        while self.ready.len() < self.drift.samples_needed() {
            if !self.decode_next(now) {
                break;
            }
        }
        let (ready, fade) = (&mut self.ready, &mut self.fade);
        self.drift.fill(block, || fade.next(ready.pop_front()));
    }

    /// Plays so much later than the network needs, at most half a second.
    pub fn set_extra_delay(&mut self, extra: Duration) {
        self.jitter.set_extra_delay(extra);
    }

    /// The timestamp that is to be played at `now`; `None` while nothing plays.
    pub fn due(&self, now: Duration) -> Option<u32> {
        self.jitter.due(now)
    }

    /// Counters of the stream.
    pub fn stats(&self) -> JitterStats {
        JitterStats { spliced: self.stretches, ..self.jitter.stats() }
    }

    /// Delay over the target at the beginning of a block, in samples; `None` while nothing plays.
    pub(crate) fn excess(&self, now: Duration) -> Option<i64> {
        self.jitter.delay(now, self.ready.len()).map(|(delay, target)| delay - target)
    }

    /// Decodes or conceals the next samples into `ready`; false if there is silence.
    fn decode_next(&mut self, now: Duration) -> bool {
        if self.excess(now).is_some_and(|excess| excess > HOPELESS) {
            self.jitter.catch_up(now, self.ready.len());
            self.drift.measure(None);
        }
        let operation = self.jitter.next(now);
        let real = matches!(operation, Operation::Decode(_));
        let (decoded, length) = match &operation {
            Operation::Silence => return false,
            Operation::Decode(data) => (self.decode(data, MAX_PACKET, false), 2 * BLOCK),
            Operation::DecodeFec(data, length) => (self.decode_fec(data, *length), *length),
            Operation::Conceal(length) | Operation::ComfortNoise(length) => (self.conceal(*length), *length),
        };
        // A damaged packet is a lost one.
        if decoded.is_err() && self.conceal(length).is_err() {
            self.chunk.clear();
            self.chunk.resize(length, 0.0);
        }
        if real {
            self.stretch_time();
        }
        self.ready.extend(self.chunk.drain(..));
        true
    }

    /// Packet loss concealment by the decoder: so many samples.
    fn conceal(&mut self, length: usize) -> Result<(), opus::Error> {
        self.decode(&[], length.next_multiple_of(SMALLEST), false)?;
        self.chunk.truncate(length);
        Ok(())
    }

    /// The last `length` samples of the packet before `data`, out of the in-band FEC in it.
    fn decode_fec(&mut self, data: &[u8], length: usize) -> Result<(), opus::Error> {
        // A longer request would be concealed before what the FEC of the first frame holds.
        let whole = opus::packet::get_samples_per_frame(data, AUDIO_CLOCK_HZ)?;
        self.decode(data, whole, true)?;
        self.chunk.drain(..self.chunk.len().saturating_sub(length));
        if length < whole {
            let before = self.ready.back().copied().unwrap_or(self.fade.last());
            fade::crossfade_from(before, &mut self.chunk);
        }
        Ok(())
    }

    fn decode(&mut self, data: &[u8], length: usize, fec: bool) -> Result<(), opus::Error> {
        self.chunk.clear();
        self.chunk.resize(length.min(MAX_PACKET), 0.0);
        let decoder = match &mut self.decoder {
            Some(decoder) => decoder,
            none => none.insert(new_decoder()?),
        };
        let written = decoder.decode_float(data, &mut self.chunk, fec)?;
        self.chunk.truncate(written);
        Ok(())
    }

    /// Brings the delay to its target, one pitch period at a time, where it is further off than drift compensation would soon
    /// correct.
    fn stretch_time(&mut self) {
        self.since_stretch = self.since_stretch.saturating_add(1);
        if self.since_stretch < STRETCH_EVERY || self.chunk.len() < time_stretch::MIN_CHUNK {
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
            self.since_stretch = 0;
            self.stretches += 1;
            self.drift.shift(by);
        }
    }
}

#[cfg(test)]
#[path = "peer_tests.rs"]
mod tests;

//! The jitter buffer of one peer's sound: order, wait as long as the network needs, say what is lost. No clock of its own.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use bytes::Bytes;
use confab_wire::media::{AUDIO_CLOCK_HZ, AudioPacket};

use crate::audio::playout::fec;
use crate::format::BLOCK;
use crate::format::DTX_BYTES;

/// Least and most that is waited for, as target.
pub const MIN_TARGET: Duration = Duration::from_millis(20);
/// See [`MIN_TARGET`].
pub const MAX_TARGET: Duration = Duration::from_millis(200);
/// Most that is waited for something else than the network.
pub const MAX_EXTRA: Duration = Duration::from_millis(500);
/// Packets held; more are a burst that is too old to be heard, the oldest go first.
const CAPACITY: usize = 60;
/// Largest Opus packet: 120 ms at 510 kbit/s (RFC 6716 section 3.2.1 allows 1275 per frame).
const PACKET_BYTES: usize = 1275 * 6;
/// A timestamp this far off, in samples, starts the stream anew (a sender that restarted, or was muted).
const RESTART_SAMPLES: i64 = 2 * AUDIO_CLOCK_HZ as i64;
/// Packets in a row that are too late before they are taken for a stream that restarted with smaller timestamps.
const LATE_RESTART: u32 = 8;
/// Packets whose transit times make the estimate: about eight seconds.
const WINDOW: usize = 400;
/// Share of packets that should be in time.
const QUANTILE: f64 = 0.98;
/// Concealment in a row before there is silence, in samples: 100 ms.
const CONCEAL_SAMPLES: i64 = AUDIO_CLOCK_HZ as i64 / 10;
/// So many losses that can be mended in so much time, about one packet of a hundred, and there is waited a packet longer, so
/// that the next one can mend what is missed. Fewer are not worth the wait of all others.
const LOSSES: usize = 5;
/// It ends when there were less than these, so that the wait does not come and go.
const FEW_LOSSES: usize = 2;
/// See [`LOSSES`].
const LOSSY: Duration = Duration::from_secs(10);
/// What is waited on top of what the network needs, since playout takes a block at once.
const MARGIN: i64 = BLOCK as i64;
/// The same where the next packet has to be there, too. Half of the time it comes too late for the first block of the one that
/// it mends, which is invented.
const LOSSY_MARGIN: i64 = DEFAULT_SAMPLES + MARGIN / 2;
/// A pause after which what was measured before it says nothing any more: clocks 200 ppm apart are 2 ms off by then.
const LONG_PAUSE: Duration = Duration::from_secs(10);
/// How long a pause (DTX) is filled with noise. The sender sends some of it every 400 ms; one that does not is gone.
const PAUSE: Duration = Duration::from_secs(1);
/// Length of a packet while none has been seen, in samples: 20 ms.
const DEFAULT_SAMPLES: i64 = AUDIO_CLOCK_HZ as i64 / 50;

/// What to play next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Playout {
    /// Decode this packet.
    Packet(Bytes),
    /// A packet is lost: decode it from the redundancy (in-band FEC) in the packet after it, and play its last so many
    /// samples; the others were invented already.
    Recover(Bytes, usize),
    /// Lost or late: invent this many samples.
    Conceal(usize),
    /// The sender is in a pause (DTX) and sends nothing: so many samples of the noise behind its voice.
    Comfort(usize),
    /// Nothing is being said.
    Silence,
}

/// What happened to the packets of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct JitterStats {
    /// Packets pushed.
    pub received: u64,
    /// Thrown away: they came after their time.
    pub late: u64,
    /// Thrown away: had been there already.
    pub duplicate: u64,
    /// Thrown away: no Opus packet, or the buffer was full.
    pub refused: u64,
    /// Recovered from redundancy.
    pub recovered: u64,
    /// Stretches of at most 20 ms that were invented.
    pub concealed: u64,
    /// Thrown away: sound had fallen too far behind.
    pub skipped: u64,
    /// Made shorter or longer by a period of its sound, to change the delay.
    pub spliced: u64,
    /// Starts of the stream: the first one, after silence, after a jump.
    pub starts: u64,
}

#[derive(Debug)]
struct Held {
    data: Bytes,
    sequence: u16,
    samples: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Idle,
    Filling { since: Duration },
    Playing,
}

/// See the module.
#[derive(Debug)]
pub struct JitterBuffer {
    packets: BTreeMap<i64, Held>,
    state: State,
    // Newest timestamp seen, unwrapped, to unwrap the next one by.
    newest: Option<i64>,
    // Timestamp that is played next; all before it is over.
    next: i64,
    last_sequence: u16,
    // Since when the sender is in a pause, by the clock of `next`.
    pause: Option<Duration>,
    // Samples invented while nothing was there; they stand for what turns out lost.
    ahead: i64,
    concealed: i64,
    late_in_row: u32,
    transits: VecDeque<i64>,
    sorted: Vec<i64>,
    target: i64,
    // Of the target, what is waited for something else than the network.
    extra: i64,
    // When there was something to mend, the last times.
    losses: VecDeque<Duration>,
    // The packet that mends what was counted last.
    counted: Option<u16>,
    lossy: bool,
    last_arrival: Duration,
    stats: JitterStats,
}

fn samples(time: Duration) -> i64 {
    (time.as_nanos() * u128::from(AUDIO_CLOCK_HZ) / 1_000_000_000) as i64
}

impl Default for JitterBuffer {
    fn default() -> Self {
        Self {
            packets: BTreeMap::new(),
            state: State::Idle,
            newest: None,
            next: 0,
            last_sequence: 0,
            pause: None,
            ahead: 0,
            concealed: 0,
            late_in_row: 0,
            transits: VecDeque::with_capacity(WINDOW),
            sorted: Vec::with_capacity(WINDOW),
            target: samples(MIN_TARGET),
            extra: 0,
            losses: VecDeque::with_capacity(LOSSES),
            counted: None,
            lossy: false,
            last_arrival: Duration::ZERO,
            stats: JitterStats::default(),
        }
    }
}

impl JitterBuffer {
    /// Takes a packet that arrived at `now`, by the clock of [`Self::next`], which may have been asked since.
    pub fn insert(&mut self, packet: AudioPacket, now: Duration) {
        self.stats.received += 1;
        let length = match opus::packet::get_nb_samples(&packet.data, AUDIO_CLOCK_HZ) {
            Ok(length) if length > 0 && packet.data.len() <= PACKET_BYTES => length as i64,
            _ => {
                self.stats.refused += 1;
                return;
            }
        };
        let timestamp = match self.newest {
            None => i64::from(packet.timestamp),
            Some(newest) => newest + i64::from(packet.timestamp.wrapping_sub(newest as u32) as i32),
        };
        if self.newest.is_some_and(|newest| (timestamp - newest).abs() > RESTART_SAMPLES) {
            self.restart();
        }
        if self.state == State::Playing && timestamp < self.next {
            self.stats.late += 1;
            self.late_in_row += 1;
            self.measure(timestamp, now);
            if self.late_in_row < LATE_RESTART {
                return;
            }
            self.restart();
        }
        self.late_in_row = 0;
        if self.packets.contains_key(&timestamp) {
            self.stats.duplicate += 1;
            return;
        }
        self.newest = Some(self.newest.map_or(timestamp, |newest| newest.max(timestamp)));
        self.measure(timestamp, now);
        if self.state == State::Idle {
            // After a short pause the network is likely as it was; after a long one the clocks have drifted apart.
            if now.saturating_sub(self.last_arrival) > LONG_PAUSE {
                self.transits.clear();
                self.measure(timestamp, now);
            }
            self.state = State::Filling { since: now };
            self.stats.starts += 1;
        }
        self.last_arrival = now;
        let held = Held { data: packet.data, sequence: packet.sequence, samples: length };
        self.packets.insert(timestamp, held);
        while self.packets.len() > CAPACITY {
            self.packets.pop_first();
            self.stats.refused += 1;
        }
    }

    /// Decides what comes next at `now` (any clock that does not go back).
    pub fn next(&mut self, now: Duration) -> Playout {
        if let State::Filling { since } = self.state {
            let first = self.packets.first_key_value().map_or(self.next, |(first, _)| *first);
            // A burst brings its delay along: what is first in it is late already.
            if self.delay_of(first, now) < self.target && samples(now.saturating_sub(since)) < self.target {
                return self.quiet(now);
            }
            self.state = State::Playing;
            self.next = first;
            self.ahead = 0;
        }
        if self.state == State::Idle {
            return self.quiet(now);
        }
        self.settle_gap(now);
        let Some((&first, held)) = self.packets.first_key_value() else {
            return self.conceal_while_empty(now);
        };
        let gap = first - self.next;
        if gap > 0 {
            self.ahead = 0;
            // Of several lost ones the last is recovered, and that whole.
            let mended = self.mended(held);
            if gap <= mended {
                self.next = first;
                self.concealed = 0;
                self.stats.recovered += 1;
                return Playout::Recover(held.data.clone(), gap as usize);
            }
            let length = (gap - mended).min(DEFAULT_SAMPLES);
            self.next += length;
            if self.pause.is_some() && self.follows(held) {
                return Playout::Comfort(length as usize);
            }
            return self.conceal(length);
        }
        // The entry was just seen, so it is there.
        let Some((first, held)) = self.packets.pop_first() else { return Playout::Silence };
        self.next = first + held.samples;
        self.last_sequence = held.sequence;
        self.pause = (held.data.len() <= DTX_BYTES).then_some(now);
        self.ahead = 0;
        self.concealed = 0;
        self.counted = None;
        Playout::Packet(held.data)
    }

    /// How long sound waits here beyond the fastest packet's way, and how long it should, both in samples. `undelivered`
    /// are samples handed out and not yet heard. `None` while nothing plays.
    pub fn delay(&self, now: Duration, undelivered: usize) -> Option<(i64, i64)> {
        let position = self.next - undelivered as i64;
        (self.state == State::Playing).then(|| (self.delay_of(position, now), self.target))
    }

    /// How long what has this timestamp has waited here beyond the fastest packet's way, in samples.
    fn delay_of(&self, timestamp: i64, now: Duration) -> i64 {
        samples(now) - timestamp - self.sorted.first().copied().unwrap_or_default()
    }

    /// Waits so much longer than the network needs.
    pub fn set_extra(&mut self, extra: Duration) {
        let extra = samples(extra.min(MAX_EXTRA));
        self.target += extra - self.extra;
        self.extra = extra;
    }

    /// The timestamp of what is to be heard at `now`, whatever is still off the target; `None` while nothing plays.
    pub fn due(&self, now: Duration) -> Option<u32> {
        (self.state == State::Playing).then(|| (self.delay_of(0, now) - self.target) as u32)
    }

    /// What is waited for now.
    #[cfg(test)]
    pub fn target(&self) -> Duration {
        Duration::from_micros((self.target * 1_000_000 / i64::from(AUDIO_CLOCK_HZ)) as u64)
    }

    /// Throws away packets until what is left waits no longer than the target and a little: for when sound was not played
    /// for a while. Returns how many.
    pub fn catch_up(&mut self, now: Duration, undelivered: usize) -> usize {
        let mut skipped = 0;
        while let Some((delay, target)) = self.delay(now, undelivered)
            && delay > target + DEFAULT_SAMPLES
            && self.packets.len() > 1
            && let Some((first, held)) = self.packets.pop_first()
        {
            self.next = first + held.samples;
            self.last_sequence = held.sequence;
            self.stats.skipped += 1;
            skipped += 1;
        }
        skipped
    }

    /// Counters since the start.
    pub fn stats(&self) -> JitterStats {
        self.stats
    }

    fn restart(&mut self) {
        self.packets.clear();
        self.transits.clear();
        self.newest = None;
        self.state = State::Idle;
        self.pause = None;
        self.ahead = 0;
        self.concealed = 0;
        self.late_in_row = 0;
    }

    /// What was invented while the buffer was empty covers the start of a gap that shows up afterwards; a long gap is a
    /// pause and is not played at all.
    fn settle_gap(&mut self, now: Duration) {
        let Some((&first, held)) = self.packets.first_key_value() else { return };
        let gap = first - self.next;
        // Once for each gap, however many packets are in it and however often it is looked at: one of them can be mended.
        let sequence = Some(held.sequence);
        if gap > 0 && self.counted != sequence && self.mended(held) > 0 {
            self.counted = sequence;
            self.lost(now);
        }
        if gap > CONCEAL_SAMPLES {
            self.next = first;
            self.ahead = 0;
        } else if gap > 0 {
            let covered = gap.min(self.ahead);
            self.next += covered;
            self.ahead -= covered;
        }
    }

    /// What is heard while nothing is played: the noise of a pause, as long as the sender keeps it up.
    fn quiet(&mut self, now: Duration) -> Playout {
        self.pause = self.pause.filter(|since| now.saturating_sub(*since) < PAUSE);
        self.pause.map_or(Playout::Silence, |_| Playout::Comfort(BLOCK))
    }

    fn conceal_while_empty(&mut self, now: Duration) -> Playout {
        if self.pause.is_some() {
            // Nothing is lost: nothing was sent.
            self.state = State::Idle;
            return self.quiet(now);
        }
        let left = CONCEAL_SAMPLES - self.concealed;
        if left <= 0 {
            self.state = State::Idle;
            return Playout::Silence;
        }
        // At first a block, so that what comes meanwhile does not wait; then more, since the decoder fades what it invents
        // the faster the more often it is asked.
        let length = if self.concealed == 0 { BLOCK as i64 } else { DEFAULT_SAMPLES.min(left) };
        self.ahead += length;
        self.conceal(length)
    }

    fn conceal(&mut self, length: i64) -> Playout {
        self.concealed += length;
        if self.concealed > CONCEAL_SAMPLES {
            return Playout::Silence;
        }
        self.stats.concealed += 1;
        Playout::Conceal(length as usize)
    }

    /// Whether nothing is lost between this packet and the one that was played last.
    fn follows(&self, held: &Held) -> bool {
        held.sequence.wrapping_sub(self.last_sequence) == 1
    }

    /// The lost samples before it that a packet says again.
    fn mended(&self, held: &Held) -> i64 {
        let lost = !self.follows(held);
        lost.then(|| fec::samples_before(&held.data)).flatten().unwrap_or_default() as i64
    }

    fn lost(&mut self, now: Duration) {
        if self.losses.len() == LOSSES {
            self.losses.pop_front();
        }
        self.losses.push_back(now);
    }

    fn is_lossy(&mut self, now: Duration) -> bool {
        let enough = if self.lossy { FEW_LOSSES } else { LOSSES };
        let oldest = self.losses.len().checked_sub(enough).and_then(|index| self.losses.get(index));
        self.lossy = oldest.is_some_and(|oldest| now.saturating_sub(*oldest) < LOSSY);
        self.lossy
    }

    fn measure(&mut self, timestamp: i64, now: Duration) {
        if self.transits.len() == WINDOW {
            self.transits.pop_front();
        }
        self.transits.push_back(samples(now) - timestamp);
        self.sorted.clear();
        self.sorted.extend(&self.transits);
        self.sorted.sort_unstable();
        let rank = ((self.sorted.len() - 1) as f64 * QUANTILE).ceil() as usize;
        let spread = self.sorted[rank] - self.sorted[0];
        let margin = if self.is_lossy(now) { LOSSY_MARGIN } else { MARGIN };
        let needed = (spread + margin).clamp(samples(MIN_TARGET), samples(MAX_TARGET));
        self.target = needed + self.extra;
    }
}

#[cfg(test)]
#[path = "jitter_buffer_tests.rs"]
mod tests;

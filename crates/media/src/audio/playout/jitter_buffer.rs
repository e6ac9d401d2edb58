//! The jitter buffer of one peer's sound: it orders packets, delays playout as long as the network's jitter needs, and decides
//! what is decoded, concealed or recovered next. The caller gives the time.

use std::collections::VecDeque;
use std::time::Duration;

use confab_wire::media::{AUDIO_CLOCK_HZ, AudioPacket};

use crate::audio::playout::fec;
use crate::audio::playout::payload::{Payload, SpentPayloads};
use crate::format::BLOCK;
use crate::format::DTX_BYTES;

/// Least and greatest target delay.
pub const MIN_TARGET: Duration = Duration::from_millis(20);
/// See [`MIN_TARGET`].
pub const MAX_TARGET: Duration = Duration::from_millis(200);
/// Greatest extra delay.
pub const MAX_EXTRA: Duration = Duration::from_millis(500);
/// Packets buffered; beyond it the oldest go: they are too old to be played.
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
/// With so many recoverable losses within [`LOSSY`], about one packet of a hundred, the target grows by a packet, so that the
/// in-band FEC of the next packet arrives in time. Fewer are not worth the delay.
const LOSSES: usize = 5;
/// The target shrinks again below this number: hysteresis.
const FEW_LOSSES: usize = 2;
/// See [`LOSSES`].
const LOSSY: Duration = Duration::from_secs(10);
/// Delay on top of the jitter, since playout takes a block at once.
const HEADROOM: i64 = BLOCK as i64;
/// The same where the next packet has to be there, too, for its FEC. Half of the time it comes too late for the first block of
/// the lost one, which is concealed.
const LOSSY_HEADROOM: i64 = DEFAULT_SAMPLES + HEADROOM / 2;
/// A pause after which the transit times measured before it are void: clocks 200 ppm apart are 2 ms off by then.
const LONG_PAUSE: Duration = Duration::from_secs(10);
/// How long a pause (DTX) is filled with comfort noise. The sender refreshes it every 400 ms; one that does not is gone.
const PAUSE: Duration = Duration::from_secs(1);
/// Length of a packet while none has come, in samples: 20 ms.
const DEFAULT_SAMPLES: i64 = AUDIO_CLOCK_HZ as i64 / 50;

/// What the decoder does next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operation {
    /// Decode this packet.
    Decode(Payload),
    /// A packet is lost: decode it from the in-band FEC in the packet after it, and play its last so many samples; the others
    /// were concealed already.
    DecodeFec(Payload, usize),
    /// Lost or late: conceal this many samples.
    Conceal(usize),
    /// The sender is in a pause (DTX) and sends nothing: so many samples of comfort noise.
    ComfortNoise(usize),
    /// Nothing is played.
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
    /// Decoded from in-band FEC.
    pub recovered: u64,
    /// Stretches of at most 20 ms that were concealed.
    pub concealed: u64,
    /// Thrown away: sound had fallen too far behind.
    pub skipped: u64,
    /// Made shorter or longer by a period of its sound, to change the delay.
    pub spliced: u64,
    /// Starts of the stream: the first one, after silence, after a jump.
    pub starts: u64,
}

#[derive(Debug)]
struct QueuedPacket {
    data: Payload,
    sequence: u16,
    samples: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PlayoutState {
    Idle,
    Filling { since: Duration },
    Playing,
}

/// See the module.
#[derive(Debug)]
pub struct JitterBuffer {
    // In the order of their timestamps, unwrapped; room for one more than is kept.
    packets: VecDeque<(i64, QueuedPacket)>,
    spent: Option<SpentPayloads>,
    state: PlayoutState,
    // Newest timestamp, unwrapped, to unwrap the next one by.
    newest: Option<i64>,
    // Timestamp that is played next; all before it is over.
    next: i64,
    last_sequence: u16,
    // Since when the sender is in a pause, by the clock of `next`.
    pause: Option<Duration>,
    // Samples concealed while the buffer was empty; they stand for what turns out lost.
    concealed_ahead: i64,
    concealed: i64,
    late_in_row: u32,
    transits: VecDeque<i64>,
    sorted: Vec<i64>,
    target: i64,
    // Part of the target that is not for the network: synchronization with pictures.
    extra: i64,
    // When recoverable losses were found, the last ones.
    losses: VecDeque<Duration>,
    // The packet whose FEC covers the loss that was counted last.
    loss_counted: Option<u16>,
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
            packets: VecDeque::with_capacity(CAPACITY + 1),
            spent: None,
            state: PlayoutState::Idle,
            newest: None,
            next: 0,
            last_sequence: 0,
            pause: None,
            concealed_ahead: 0,
            concealed: 0,
            late_in_row: 0,
            transits: VecDeque::with_capacity(WINDOW),
            sorted: Vec::with_capacity(WINDOW),
            target: samples(MIN_TARGET),
            extra: 0,
            losses: VecDeque::with_capacity(LOSSES),
            loss_counted: None,
            lossy: false,
            last_arrival: Duration::ZERO,
            stats: JitterStats::default(),
        }
    }
}

impl JitterBuffer {
    /// One that frees no payloads but puts them into this queue.
    pub fn with_spent(spent: SpentPayloads) -> Self {
        Self { spent: Some(spent), ..Self::default() }
    }

    /// Takes a packet that arrived at `now`, by the clock of [`Self::next`], which may have been asked since.
    pub fn insert(&mut self, packet: AudioPacket, now: Duration) {
        self.stats.received += 1;
        let AudioPacket { data, timestamp, sequence, .. } = packet;
        let data = Payload::new(data, self.spent.clone());
        let length = match opus::packet::get_nb_samples(&data, AUDIO_CLOCK_HZ) {
            Ok(length) if length > 0 && data.len() <= PACKET_BYTES => length as i64,
            _ => {
                self.stats.refused += 1;
                return;
            }
        };
        let timestamp = match self.newest {
            None => i64::from(timestamp),
            Some(newest) => newest + i64::from(timestamp.wrapping_sub(newest as u32) as i32),
        };
        if self.newest.is_some_and(|newest| (timestamp - newest).abs() > RESTART_SAMPLES) {
            self.restart();
        }
        if self.state == PlayoutState::Playing && timestamp < self.next {
            self.stats.late += 1;
            self.late_in_row += 1;
            self.measure(timestamp, now);
            if self.late_in_row < LATE_RESTART {
                return;
            }
            self.restart();
        }
        self.late_in_row = 0;
        let Err(place) = self.packets.binary_search_by_key(&timestamp, |(timestamp, _)| *timestamp) else {
            self.stats.duplicate += 1;
            return;
        };
        self.newest = Some(self.newest.map_or(timestamp, |newest| newest.max(timestamp)));
        self.measure(timestamp, now);
        if self.state == PlayoutState::Idle {
            // After a long pause the clocks have drifted apart.
            if now.saturating_sub(self.last_arrival) > LONG_PAUSE {
                self.transits.clear();
                self.measure(timestamp, now);
            }
            self.state = PlayoutState::Filling { since: now };
            self.stats.starts += 1;
        }
        self.last_arrival = now;
        self.packets.insert(place, (timestamp, QueuedPacket { data, sequence, samples: length }));
        while self.packets.len() > CAPACITY {
            self.packets.pop_front();
            self.stats.refused += 1;
        }
    }

    /// Decides what comes next at `now` (any clock that does not go back).
    pub fn next(&mut self, now: Duration) -> Operation {
        if let PlayoutState::Filling { since } = self.state {
            let first = self.packets.front().map_or(self.next, |(first, _)| *first);
            // The first packets of a burst are late already.
            if self.delay_of(first, now) < self.target && samples(now.saturating_sub(since)) < self.target {
                return self.silence_or_comfort_noise(now);
            }
            self.state = PlayoutState::Playing;
            self.next = first;
            self.concealed_ahead = 0;
        }
        if self.state == PlayoutState::Idle {
            return self.silence_or_comfort_noise(now);
        }
        self.settle_gap(now);
        let Some(&(first, ref packet)) = self.packets.front() else {
            return self.conceal_while_empty(now);
        };
        let gap = first - self.next;
        if gap > 0 {
            self.concealed_ahead = 0;
            // Of several lost packets only the last is recoverable, and that whole.
            let recoverable = self.fec_samples(packet);
            if gap <= recoverable {
                self.next = first;
                self.concealed = 0;
                self.stats.recovered += 1;
                return Operation::DecodeFec(packet.data.clone(), gap as usize);
            }
            let length = (gap - recoverable).min(DEFAULT_SAMPLES);
            self.next += length;
            if self.pause.is_some() && self.follows(packet) {
                return Operation::ComfortNoise(length as usize);
            }
            return self.conceal(length);
        }
        // There is one: see above.
        let Some((first, packet)) = self.packets.pop_front() else { return Operation::Silence };
        self.next = first + packet.samples;
        self.last_sequence = packet.sequence;
        self.pause = (packet.data.len() <= DTX_BYTES).then_some(now);
        self.concealed_ahead = 0;
        self.concealed = 0;
        self.loss_counted = None;
        Operation::Decode(packet.data)
    }

    /// The present delay beyond the fastest packet's transit, and the target delay, both in samples. `undelivered` are samples
    /// handed out and not played yet. `None` while nothing plays.
    pub fn delay(&self, now: Duration, undelivered: usize) -> Option<(i64, i64)> {
        let position = self.next - undelivered as i64;
        (self.state == PlayoutState::Playing).then(|| (self.delay_of(position, now), self.target))
    }

    /// Delay of this timestamp beyond the fastest packet's transit, in samples.
    fn delay_of(&self, timestamp: i64, now: Duration) -> i64 {
        samples(now) - timestamp - self.sorted.first().copied().unwrap_or_default()
    }

    /// Delays playout by so much more than the network needs.
    pub fn set_extra_delay(&mut self, extra: Duration) {
        let extra = samples(extra.min(MAX_EXTRA));
        self.target += extra - self.extra;
        self.extra = extra;
    }

    /// The timestamp to be played at `now` if the delay were at its target; `None` while nothing plays.
    pub fn due(&self, now: Duration) -> Option<u32> {
        (self.state == PlayoutState::Playing).then(|| (self.delay_of(0, now) - self.target) as u32)
    }

    /// The target delay now.
    #[cfg(test)]
    pub fn target(&self) -> Duration {
        Duration::from_micros((self.target * 1_000_000 / i64::from(AUDIO_CLOCK_HZ)) as u64)
    }

    /// Discards packets until the delay is about the target, after playout stood still. Returns how many.
    pub fn catch_up(&mut self, now: Duration, undelivered: usize) -> usize {
        let mut skipped = 0;
        while let Some((delay, target)) = self.delay(now, undelivered)
            && delay > target + DEFAULT_SAMPLES
            && self.packets.len() > 1
            && let Some((first, packet)) = self.packets.pop_front()
        {
            self.next = first + packet.samples;
            self.last_sequence = packet.sequence;
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
        self.state = PlayoutState::Idle;
        self.pause = None;
        self.concealed_ahead = 0;
        self.concealed = 0;
        self.late_in_row = 0;
    }

    /// Samples concealed while the buffer was empty cover the start of a gap that shows up afterwards; a long gap is a pause and
    /// is not played at all.
    fn settle_gap(&mut self, now: Duration) {
        let Some(&(first, ref packet)) = self.packets.front() else { return };
        let gap = first - self.next;
        // Counted once per gap, however many packets it has: one of them is recoverable.
        let sequence = Some(packet.sequence);
        if gap > 0 && self.loss_counted != sequence && self.fec_samples(packet) > 0 {
            self.loss_counted = sequence;
            self.count_loss(now);
        }
        if gap > CONCEAL_SAMPLES {
            self.next = first;
            self.concealed_ahead = 0;
        } else if gap > 0 {
            let covered = gap.min(self.concealed_ahead);
            self.next += covered;
            self.concealed_ahead -= covered;
        }
    }

    /// Comfort noise as long as the sender refreshes it, else silence.
    fn silence_or_comfort_noise(&mut self, now: Duration) -> Operation {
        self.pause = self.pause.filter(|since| now.saturating_sub(*since) < PAUSE);
        self.pause.map_or(Operation::Silence, |_| Operation::ComfortNoise(BLOCK))
    }

    fn conceal_while_empty(&mut self, now: Duration) -> Operation {
        if self.pause.is_some() {
            // Nothing is lost: nothing was sent.
            self.state = PlayoutState::Idle;
            return self.silence_or_comfort_noise(now);
        }
        let left = CONCEAL_SAMPLES - self.concealed;
        if left <= 0 {
            self.state = PlayoutState::Idle;
            return Operation::Silence;
        }
        // At first one block, so that a packet that comes meanwhile does not wait; then more, since the decoder fades
        // concealment the faster the more often it is called.
        let length = if self.concealed == 0 { BLOCK as i64 } else { DEFAULT_SAMPLES.min(left) };
        self.concealed_ahead += length;
        self.conceal(length)
    }

    fn conceal(&mut self, length: i64) -> Operation {
        self.concealed += length;
        if self.concealed > CONCEAL_SAMPLES {
            return Operation::Silence;
        }
        self.stats.concealed += 1;
        Operation::Conceal(length as usize)
    }

    /// Whether nothing is lost between this packet and the one that was played last.
    fn follows(&self, packet: &QueuedPacket) -> bool {
        packet.sequence.wrapping_sub(self.last_sequence) == 1
    }

    /// The lost samples before this packet that its in-band FEC holds.
    fn fec_samples(&self, packet: &QueuedPacket) -> i64 {
        let lost = !self.follows(packet);
        lost.then(|| fec::samples_before(&packet.data)).flatten().unwrap_or_default() as i64
    }

    fn count_loss(&mut self, now: Duration) {
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
        let headroom = if self.is_lossy(now) { LOSSY_HEADROOM } else { HEADROOM };
        let needed = (spread + headroom).clamp(samples(MIN_TARGET), samples(MAX_TARGET));
        self.target = needed + self.extra;
    }
}

#[cfg(test)]
#[path = "jitter_buffer_tests.rs"]
mod tests;

//! What the handle of a peer and the mix share: atomics and lock-free queues, so that neither waits for the other.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use confab_wire::media::AudioPacket;
use crossbeam_queue::ArrayQueue;

use crate::audio::dsp::level::Level;
use crate::audio::playout::jitter_buffer::JitterStats;
use crate::audio::playout::payload::SpentPayloads;
use crate::recording::sound::RecordingTap;

/// Packets of one peer that wait for the mixer (over a second of 20 ms packets). Full: the newest is dropped.
pub(super) const PACKET_QUEUE: usize = 64;
/// Payloads that wait to be freed: as many as a jitter buffer and the queue before it hold.
const SPENT: usize = 128;

/// A packet and when it came.
pub(super) type Arrival = (AudioPacket, Duration);

/// See the module.
#[derive(Debug)]
pub(super) struct PeerShared {
    pub(super) level: Level,
    pub(super) gain: Level,
    pub(super) extra_delay_ms: AtomicU32,
    pub(super) due: DueTime,
    /// The handle is dropped: the peer leaves the mix.
    pub(super) gone: AtomicBool,
    /// Packets that found no room.
    pub(super) overflow: AtomicU64,
    pub(super) stats: SharedStats,
    pub(super) packets: ArrayQueue<Arrival>,
    /// Payloads that the mix is done with.
    pub(super) spent: SpentPayloads,
    /// The newest recording, until the mix takes it.
    pub(super) taps: ArrayQueue<RecordingTap>,
}

impl Default for PeerShared {
    fn default() -> Self {
        let gain = Level::default();
        gain.set(1.0);
        Self {
            level: Level::default(),
            gain,
            extra_delay_ms: AtomicU32::new(0),
            due: DueTime::default(),
            gone: AtomicBool::new(false),
            overflow: AtomicU64::new(0),
            stats: SharedStats::default(),
            packets: ArrayQueue::new(PACKET_QUEUE),
            spent: Arc::new(ArrayQueue::new(SPENT)),
            taps: ArrayQueue::new(1),
        }
    }
}

/// An RTP timestamp and when it is played.
#[derive(Debug)]
pub(super) struct DueTime(AtomicU64);

/// Nothing plays.
const NOTHING: u64 = u64::MAX;

impl Default for DueTime {
    fn default() -> Self {
        Self(AtomicU64::new(NOTHING))
    }
}

impl DueTime {
    /// Timestamp and time in one word: of the time, the lower 32 bits in microseconds.
    pub(super) fn set(&self, due: Option<(u32, Duration)>) {
        let word = due.map_or(NOTHING, |(timestamp, at)| u64::from(timestamp) << 32 | u64::from(at.as_micros() as u32));
        self.0.store(word, Ordering::Relaxed);
    }

    /// What was set last, which was within half an hour of `now`.
    pub(super) fn get(&self, now: Duration) -> Option<(u32, Duration)> {
        let word = self.0.load(Ordering::Relaxed);
        if word == NOTHING {
            return None;
        }
        let off = i64::from((word as u32).wrapping_sub(now.as_micros() as u32) as i32);
        let at = (now.as_micros() as u64).saturating_add_signed(off);
        Some(((word >> 32) as u32, Duration::from_micros(at)))
    }
}

/// [`JitterStats`] that one thread writes and others read. A reading may be between two blocks of the mix.
#[derive(Debug, Default)]
pub(super) struct SharedStats([AtomicU64; 9]);

impl SharedStats {
    pub(super) fn set(&self, stats: JitterStats) {
        let JitterStats { received, late, duplicate, refused, recovered, concealed, skipped, spliced, starts } = stats;
        let values = [received, late, duplicate, refused, recovered, concealed, skipped, spliced, starts];
        self.0.iter().zip(values).for_each(|(shared, value)| shared.store(value, Ordering::Relaxed));
    }

    pub(super) fn get(&self) -> JitterStats {
        let values = self.0.each_ref().map(|value| value.load(Ordering::Relaxed));
        let [received, late, duplicate, refused, recovered, concealed, skipped, spliced, starts] = values;
        JitterStats { received, late, duplicate, refused, recovered, concealed, skipped, spliced, starts }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_read_back_whenever_it_is_asked_for() {
        let due = DueTime::default();
        assert_eq!(due.get(Duration::ZERO), None);
        for seconds in [0, 1, 4_294, 4_295, 100_000] {
            let at = Duration::from_secs(seconds) + Duration::from_micros(7);
            due.set(Some((u32::MAX - 1, at)));
            for now in [at, at + Duration::from_secs(1_000), at.saturating_sub(Duration::from_secs(1_000))] {
                assert_eq!(due.get(now), Some((u32::MAX - 1, at)), "at {now:?}");
            }
        }
        due.set(None);
        assert_eq!(due.get(Duration::ZERO), None);
    }

    #[test]
    fn counters_are_read_as_they_were_written() {
        let stats = JitterStats {
            received: 1,
            late: 2,
            duplicate: 3,
            refused: 4,
            recovered: 5,
            concealed: 6,
            skipped: 7,
            spliced: 8,
            starts: 9,
        };
        let shared = SharedStats::default();
        shared.set(stats);
        assert_eq!(shared.get(), stats);
    }
}

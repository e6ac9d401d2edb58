//! Retransmissions: which of those that are asked for are worth sending.
//!
//! The receivers of `rtc` ask for everything that they miss, again and again, and its responder answers each time. A path
//! that is full and therefore loses packets would be filled with what it lost.

use crate::packetization::PACKET_HISTORY;
use rtc::interceptor::Pacer as LeakyBucket;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Retransmissions get this part of the estimate.
const SHARE: f64 = 0.5;
const BURST: Duration = Duration::from_millis(200);
/// Over so much time is counted how much they are.
const WINDOW: Duration = Duration::from_millis(200);
/// A packet is not retransmitted again sooner, on the shortest path: the receiver asks at its own pace.
const SOONEST: Duration = Duration::from_millis(30);
/// A receiver that misses a packet for longer, beyond the round trip, has given it up.
const WORTHWHILE: Duration = Duration::from_millis(500);
/// How often one packet is sent again to fill a probe.
const MOST_REPEATED: usize = 3;

/// SSRC of the retransmission (RFC 4588; without such a stream, of the original), and the sequence number of the original.
pub(crate) type Original = (u32, u16);

/// A packet that was sent.
#[derive(Debug, Clone, Copy)]
struct SentPacket {
    ssrc: u32,
    original: Original,
    bytes: usize,
    at: Instant,
    /// When it was retransmitted last.
    retransmitted: Option<Instant>,
}

/// The packets that were sent lately, and the budget for sending them again.
#[derive(Debug)]
pub(crate) struct Retransmissions {
    recent: VecDeque<SentPacket>,
    bucket: LeakyBucket,
    /// Bits since they were last counted, and when that was.
    bits: f64,
    counted: Option<Instant>,
}

impl Retransmissions {
    /// Where the estimate is `rate` bit/s.
    pub(crate) fn new(rate: f64) -> Self {
        let bucket = bucket(&LeakyBucket::new(rate * SHARE), rate * SHARE, BURST);
        Self { recent: VecDeque::new(), bucket, bits: 0.0, counted: None }
    }

    pub(crate) fn set_rate(&mut self, rate: f64, now: Instant) {
        self.bucket.refill(now);
        self.bucket = bucket(&self.bucket, rate * SHARE, BURST);
    }

    /// A packet of pictures is sent.
    pub(crate) fn remember(&mut self, ssrc: u32, original: Original, bytes: usize, at: Instant) {
        if self.recent.len() >= usize::from(PACKET_HISTORY) {
            self.recent.pop_front();
        }
        self.recent.push_back(SentPacket { ssrc, original, bytes, at, retransmitted: None });
    }

    pub(crate) fn forget(&mut self, ssrc: u32) {
        self.recent.retain(|packet| packet.ssrc != ssrc);
    }

    /// A retransmission of so many bits is of use, and there is room for it. The far end asks again for what it still lacks.
    pub(crate) fn admit(&mut self, original: Original, bits: f64, now: Instant, round_trip: Duration) -> bool {
        let soonest = round_trip.max(SOONEST);
        let passed = |at: Instant| now.saturating_duration_since(at);
        let Some(packet) = self.recent.iter_mut().rev().find(|packet| packet.original == original) else {
            return false;
        };
        self.bucket.refill(now);
        let useful =
            passed(packet.at) <= soonest + WORTHWHILE && packet.retransmitted.is_none_or(|at| passed(at) >= soonest);
        if !useful || !self.bucket.can_release(bits) {
            return false;
        }
        self.bucket.consume(bits);
        packet.retransmitted = Some(now);
        self.bits += bits;
        true
    }

    /// Bitrate of the retransmissions since the last count, in bit/s, if it is time for a new count.
    pub(crate) fn count(&mut self, now: Instant) -> Option<f64> {
        let passed = now.saturating_duration_since(*self.counted.get_or_insert(now));
        (passed >= WINDOW).then(|| {
            self.counted = Some(now);
            std::mem::take(&mut self.bits) / passed.as_secs_f64()
        })
    }

    /// The latest packets, of so many bytes at least and so many of them: if there are few, several times.
    pub(crate) fn latest(&self, mut bytes: f64, mut packets: usize) -> Vec<(u32, Original)> {
        let mut chosen = Vec::new();
        for _ in 0..MOST_REPEATED {
            // A packet of the same stream with the same number would be dropped as one that came twice (RFC 3711 section 3.3.2).
            for packet in self.recent.iter().rev().filter(|packet| packet.original.0 != packet.ssrc) {
                if bytes <= 0.0 && packets == 0 {
                    return chosen;
                }
                bytes -= packet.bytes as f64;
                packets = packets.saturating_sub(1);
                chosen.push((packet.ssrc, packet.original));
            }
        }
        chosen
    }
}

/// The budget of `before` at another rate, of which so much may be used at once.
pub(crate) fn bucket(before: &LeakyBucket, rate: f64, burst: Duration) -> LeakyBucket {
    let mut bucket = before.clone().with_burst_bits(rate * burst.as_secs_f64());
    bucket.set_target_bitrate(rate);
    bucket
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT: Duration = Duration::from_millis(10);

    fn sent(count: u16, start: Instant) -> Retransmissions {
        let mut retransmissions = Retransmissions::new(1_000_000.0);
        for n in 0..count {
            retransmissions.remember(1, (2, n), 1_000, start);
        }
        retransmissions
    }

    #[test]
    fn a_packet_is_sent_again_once_in_a_round_trip_and_not_when_it_is_too_late() {
        let start = Instant::now();
        let mut retransmissions = sent(10, start);
        let ms = |ms| start + Duration::from_millis(ms);
        let round_trip = Duration::from_millis(100);
        assert!(retransmissions.admit((2, 3), 8_000.0, ms(50), round_trip));
        assert!(!retransmissions.admit((2, 3), 8_000.0, ms(90), round_trip));
        assert!(retransmissions.admit((2, 3), 8_000.0, ms(160), round_trip));
        assert!(!retransmissions.admit((2, 4), 8_000.0, ms(700), round_trip), "the receiver has given it up");
        assert!(!retransmissions.admit((2, 99), 8_000.0, ms(50), round_trip), "it was never sent");
    }

    #[test]
    fn they_take_half_of_the_estimate_at_most() {
        let start = Instant::now();
        let mut retransmissions = sent(400, start);
        let admitted = (0..400).filter(|n| retransmissions.admit((2, *n), 8_000.0, start + SHORT, SHORT)).count();
        // At first a tenth of a second of 500 kbit/s at once.
        assert_eq!(admitted, 6);
        assert_eq!(retransmissions.count(start), None);
        assert_eq!(retransmissions.count(start + WINDOW), Some(6.0 * 8_000.0 / WINDOW.as_secs_f64()));
    }

    #[test]
    fn a_probe_is_filled_with_the_latest() {
        let retransmissions = sent(4, Instant::now());
        assert_eq!(retransmissions.latest(1_500.0, 1), [(1, (2, 3)), (1, (2, 2))]);
        assert_eq!(retransmissions.latest(0.0, 6).len(), 6);
        assert_eq!(retransmissions.latest(1e9, 1).len(), 12);
    }
}

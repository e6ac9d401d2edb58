//! One direction of a network path, as a state machine without clocks or I/O of its own: packets go in with a time, and
//! come out when they are due, or never.

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::{Duration, Instant};

/// Losses that come in bursts: the two-state model of Gilbert and Elliott (E. O. Elliott, "Estimates of error rates for
/// codes on burst-noise channels", 1963), one step a packet.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bursts {
    /// Probability of entering a burst.
    pub begin: f64,
    /// Probability of leaving it.
    pub end: f64,
    /// Share of packets lost within one.
    pub loss: f64,
}

/// What does not pass at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Blocked {
    /// Everything passes.
    #[default]
    Nothing,
    /// UDP does not, as behind some firewalls.
    Udp,
    /// Nothing passes: the cable is out.
    Everything,
}

/// How one direction of a path behaves. Probabilities are shares of 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Conditions {
    /// Packets lost independently of each other.
    pub loss: f64,
    /// Packets lost in bursts.
    pub bursts: Option<Bursts>,
    /// Time every packet takes.
    pub delay: Duration,
    /// Longest time that is added to it, evenly distributed. Packets keep their order.
    pub jitter: Duration,
    /// Time that pictures take on top of it, by the payload types of RTP: as if they took another path than sound.
    pub picture_delay: Duration,
    /// Packets that overtake those before them by skipping delay and jitter.
    pub reorder: f64,
    /// Packets that come twice.
    pub duplicate: f64,
    /// Bits per second, IP headers included.
    pub rate: Option<u64>,
    /// Longest wait for the rate; what would wait longer is dropped at the tail.
    pub queue: Duration,
    /// What does not pass.
    pub blocked: Blocked,
}

impl Conditions {
    /// A wire: nothing happens to anything.
    pub const fn wire() -> Self {
        Self {
            loss: 0.0,
            bursts: None,
            delay: Duration::ZERO,
            jitter: Duration::ZERO,
            picture_delay: Duration::ZERO,
            reorder: 0.0,
            duplicate: 0.0,
            rate: None,
            queue: Duration::from_millis(200),
            blocked: Blocked::Nothing,
        }
    }
}

impl Default for Conditions {
    fn default() -> Self {
        Self::wire()
    }
}

/// What happened on a link so far, in packets where nothing else is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Went in.
    pub offered: u64,
    /// Came out, duplicates included.
    pub delivered: u64,
    /// Bytes of them, IP headers included.
    pub delivered_bytes: u64,
    /// Lost by chance or blocked.
    pub lost: u64,
    /// Dropped because the queue was full.
    pub overflowed: u64,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Waiting {
    due: Instant,
    /// Keeps the order of packets that are due at once.
    number: u64,
    packet: Vec<u8>,
}

/// One direction of a path.
#[derive(Debug)]
pub struct Link {
    conditions: Conditions,
    rng: StdRng,
    in_burst: bool,
    waiting: BinaryHeap<Reverse<Waiting>>,
    number: u64,
    /// When the last packet will have left the rate limiter.
    sent: Option<Instant>,
    /// When the last packet in order will come out, of pictures and of everything else.
    last_due: [Option<Instant>; 2],
    counts: Counts,
}

impl Link {
    /// A link whose chances are those of `seed`.
    pub fn new(conditions: Conditions, seed: u64) -> Self {
        Self {
            conditions,
            rng: StdRng::seed_from_u64(seed),
            in_burst: false,
            waiting: BinaryHeap::new(),
            number: 0,
            sent: None,
            last_due: [None; 2],
            counts: Counts::default(),
        }
    }

    /// Other conditions, for packets that go in from now on.
    pub fn set(&mut self, conditions: Conditions) {
        self.conditions = conditions;
    }

    /// The conditions of now.
    pub fn conditions(&self) -> Conditions {
        self.conditions
    }

    /// What happened so far.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// How long a packet that goes in now waits for the rate.
    pub fn queued(&self, now: Instant) -> Duration {
        self.sent.map_or(Duration::ZERO, |sent| sent.saturating_duration_since(now))
    }

    /// An IPv4 packet goes in.
    pub fn push(&mut self, now: Instant, packet: Vec<u8>) {
        self.counts.offered += 1;
        if self.is_lost(&packet) {
            self.counts.lost += 1;
            return;
        }
        let Some(left) = self.serialize(now, packet.len()) else {
            self.counts.overflowed += 1;
            return;
        };
        let c = self.conditions;
        if self.happens(c.duplicate) {
            self.deliver(left, packet.clone());
        }
        self.deliver(left, packet);
    }

    fn is_lost(&mut self, packet: &[u8]) -> bool {
        let c = self.conditions;
        match c.blocked {
            Blocked::Everything => return true,
            Blocked::Udp if is_udp(packet) => return true,
            _ => {}
        }
        if let Some(bursts) = c.bursts {
            let turns = if self.in_burst { bursts.end } else { bursts.begin };
            if self.happens(turns) {
                self.in_burst = !self.in_burst;
            }
            if self.in_burst && self.happens(bursts.loss) {
                return true;
            }
        }
        self.happens(c.loss)
    }

    /// When the packet has left the rate limiter; `None` if it finds no place before it.
    fn serialize(&mut self, now: Instant, bytes: usize) -> Option<Instant> {
        let Some(rate) = self.conditions.rate else { return Some(now) };
        let begin = self.sent.map_or(now, |sent| sent.max(now));
        if begin - now > self.conditions.queue {
            return None;
        }
        let left = begin + Duration::from_secs_f64(bytes as f64 * 8.0 / rate.max(1) as f64);
        self.sent = Some(left);
        Some(left)
    }

    fn deliver(&mut self, left: Instant, packet: Vec<u8>) {
        let c = self.conditions;
        let due = if self.happens(c.reorder) {
            left
        } else {
            let picture = c.picture_delay > Duration::ZERO && is_picture(&packet);
            let extra = if picture { c.picture_delay } else { Duration::ZERO };
            let due = left + c.delay + extra + c.jitter.mul_f64(self.rng.random::<f64>());
            let last = &mut self.last_due[usize::from(picture)];
            *last.insert(last.map_or(due, |last| due.max(last)))
        };
        self.number += 1;
        self.waiting.push(Reverse(Waiting { due, number: self.number, packet }));
    }

    fn happens(&mut self, probability: f64) -> bool {
        probability > 0.0 && self.rng.random::<f64>() < probability
    }

    /// The next packet that is due.
    pub fn pop(&mut self, now: Instant) -> Option<Vec<u8>> {
        if self.waiting.peek()?.0.due > now {
            return None;
        }
        let Reverse(Waiting { packet, .. }) = self.waiting.pop()?;
        self.counts.delivered += 1;
        self.counts.delivered_bytes += packet.len() as u64;
        Some(packet)
    }

    /// When the next packet is due.
    pub fn next_due(&self) -> Option<Instant> {
        self.waiting.peek().map(|Reverse(waiting)| waiting.due)
    }
}

/// True for RTP (RFC 3550 section 5.1) over UDP of a dynamic payload type that is not Opus's, by the numbers that browsers and
/// ours give them.
fn is_picture(packet: &[u8]) -> bool {
    const OPUS: u8 = 111;
    let header = usize::from(packet.first().copied().unwrap_or_default() & 0x0f) * 4 + 8;
    let Some([first, second, ..]) = packet.get(header..) else { return false };
    is_udp(packet) && first >> 6 == 2 && (96..128).contains(&(second & 0x7f)) && second & 0x7f != OPUS
}

/// IPv4 with protocol 17 (RFC 791, RFC 768).
fn is_udp(packet: &[u8]) -> bool {
    packet.get(9) == Some(&17)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn packet(number: u32, bytes: usize) -> Vec<u8> {
        let mut packet = vec![0; bytes.max(24)];
        packet[9] = 17;
        packet[20..24].copy_from_slice(&number.to_be_bytes());
        packet
    }

    fn number(packet: &[u8]) -> u32 {
        u32::from_be_bytes(packet[20..24].try_into().unwrap())
    }

    /// One packet each `step`; what comes out, and when.
    fn run(conditions: Conditions, count: u32, step: Duration, bytes: usize) -> (Vec<(Duration, u32)>, Counts) {
        let (start, mut link) = (Instant::now(), Link::new(conditions, 7));
        let mut out = Vec::new();
        for n in 0..count {
            link.push(start + step * n, packet(n, bytes));
        }
        while let Some(due) = link.next_due() {
            let packet = link.pop(due).unwrap();
            out.push((due - start, number(&packet)));
        }
        (out, link.counts())
    }

    #[test]
    fn a_wire_changes_nothing() {
        let (out, counts) = run(Conditions::default(), 100, MS, 100);
        assert_eq!(out, (0..100).map(|n| (MS * n, n)).collect::<Vec<_>>());
        assert_eq!(counts, Counts { offered: 100, delivered: 100, delivered_bytes: 10_000, ..Counts::default() });
    }

    #[test]
    fn losses_are_as_many_as_asked_for() {
        let (_, counts) = run(Conditions { loss: 0.05, ..Conditions::default() }, 20_000, MS, 100);
        let share = counts.lost as f64 / counts.offered as f64;
        assert!((0.045..0.055).contains(&share), "{share}");
    }

    #[test]
    fn bursts_lose_neighbours() {
        let bursts = Some(Bursts { begin: 0.01, end: 0.2, loss: 1.0 });
        let (out, counts) = run(Conditions { bursts, ..Conditions::default() }, 20_000, MS, 100);
        let share = counts.lost as f64 / counts.offered as f64;
        assert!((0.03..0.07).contains(&share), "{share}: begin / (begin + end) is 0.048");
        let gaps = out.windows(2).filter(|pair| pair[1].1 > pair[0].1 + 1).count();
        let mean = counts.lost as f64 / gaps as f64;
        assert!((4.0..6.5).contains(&mean), "a burst of {mean} packets: 1 / end is 5");
    }

    #[test]
    fn jitter_keeps_the_order_and_reordering_does_not() {
        let late = Conditions { delay: 20 * MS, jitter: 30 * MS, ..Conditions::default() };
        let (out, _) = run(late, 1_000, MS, 100);
        assert!(out.is_sorted_by_key(|(_, number)| *number));
        assert!(out.iter().all(|(due, number)| *due >= MS * *number + 20 * MS));
        let (out, _) = run(Conditions { reorder: 0.1, ..late }, 1_000, MS, 100);
        assert!(!out.is_sorted_by_key(|(_, number)| *number));
        assert_eq!(out.len(), 1_000);
    }

    #[test]
    fn a_narrow_link_spaces_packets_and_drops_at_the_tail() {
        // 1250 bytes at 1 Mbit/s take 10 ms; they come each millisecond.
        let narrow = Conditions { rate: Some(1_000_000), queue: 100 * MS, ..Conditions::default() };
        let (out, counts) = run(narrow, 1_000, MS, 1250);
        assert!(out.windows(2).all(|pair| pair[1].0 - pair[0].0 >= 10 * MS));
        assert!(
            (100..=112).contains(&counts.delivered),
            "{counts:?}: one second at 100 packets a second, and the queue"
        );
        assert_eq!(counts.delivered + counts.overflowed, 1_000);
    }

    #[test]
    fn the_queue_is_the_wait_for_the_rate() {
        // 1250 bytes at 1 Mbit/s take 10 ms.
        let narrow = Conditions { rate: Some(1_000_000), delay: 50 * MS, ..Conditions::default() };
        let (now, mut link) = (Instant::now(), Link::new(narrow, 1));
        assert_eq!(link.queued(now), Duration::ZERO);
        for n in 0..3 {
            link.push(now, packet(n, 1250));
        }
        assert_eq!([0, 10, 40].map(|ms| link.queued(now + ms * MS)), [30 * MS, 20 * MS, Duration::ZERO]);
    }

    #[test]
    fn what_is_blocked_does_not_pass() {
        let (out, _) = run(Conditions { blocked: Blocked::Udp, ..Conditions::default() }, 10, MS, 100);
        assert!(out.is_empty());
        let mut link = Link::new(Conditions { blocked: Blocked::Udp, ..Conditions::default() }, 1);
        let now = Instant::now();
        let mut tcp = packet(1, 100);
        tcp[9] = 6;
        link.push(now, tcp);
        assert!(link.pop(now).is_some());
        link.set(Conditions { blocked: Blocked::Everything, ..Conditions::default() });
        link.push(now, packet(2, 100));
        assert!(link.pop(now).is_none());
    }

    #[test]
    fn duplicates_come_twice() {
        let (out, counts) = run(Conditions { duplicate: 0.5, ..Conditions::default() }, 1_000, MS, 100);
        assert!((1_400..1_600).contains(&out.len()), "{}", out.len());
        assert_eq!(counts.offered, 1_000);
    }

    #[test]
    fn one_seed_is_one_history() {
        let rough = Conditions { loss: 0.2, jitter: 50 * MS, reorder: 0.1, ..Conditions::default() };
        assert_eq!(run(rough, 500, MS, 100), run(rough, 500, MS, 100));
    }
}

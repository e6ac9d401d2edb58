//! The sending side of a channel, without its transport: what waits above the high mark, what is under way, and how much
//! of that the library gets at once.
//!
//! SCTP (rtc-sctp 0.21.1) doubles its congestion window until packets are lost. On a fast and short path what loses them
//! is the receive buffer of the peer's socket (Chromium's takes about 56 packets), and what ends there is repaired one
//! packet at a time, or after a second of silence. So the library gets no more than the path holds: the rest is under way
//! here, in order, and counts as buffered all the same.

use super::{ChannelData, DataChannelOptions};
use std::collections::VecDeque;
use std::time::Duration;
use tokio::time::Instant;

/// Least bytes that the library may have: what every receiver holds.
const LEAST_FLIGHT: usize = 64 << 10;
/// The fastest path that a window is made for, in bytes per second: 400 Mbit/s.
const FASTEST: f64 = 50e6;

/// Where a channel is (`RTCDataChannelState`, W3C webrtc-pc section 6.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ReadyState {
    /// Messages wait for the connection.
    #[default]
    Connecting,
    /// Messages go.
    Open,
    /// This side closes it: what is under way still goes.
    Closing,
    /// Over.
    Closed,
}

/// What becomes of a message.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Admission {
    /// It is under way.
    Accepted,
    /// It waits for the channel to open, or for the peer to take what it has.
    Queued,
    /// It does not fit into the queue.
    OverBudget,
    /// The channel is over.
    Closed,
    /// The bytes that the peer has not taken must be counted first.
    Count(ChannelData),
}

/// What the reader, which alone hands messages to the library, does next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Hands this over.
    Transmit(ChannelData),
    /// Counts the bytes that the peer has not taken, and asks again.
    Count,
    /// Nothing, until the peer has taken more.
    Rest,
}

/// State of the sending side. Bytes are those of the messages, without headers.
#[derive(Debug)]
pub(super) struct Sending {
    pub(super) state: ReadyState,
    options: DataChannelOptions,
    /// Messages above the high mark, or from before the channel was open.
    queue: VecDeque<ChannelData>,
    /// What the queue takes of the budget.
    weight: usize,
    /// Messages under way that the library does not have yet, and since when.
    ahead: VecDeque<(Instant, ChannelData)>,
    ahead_bytes: usize,
    /// Bytes that the library has and the peer has not yet taken, or more: they are counted when it matters.
    outstanding: usize,
    /// What the library may have.
    flight: usize,
    /// More than the low mark was under way since `drain` was last told.
    high: bool,
}

impl Sending {
    pub(super) fn new(options: DataChannelOptions) -> Self {
        Self {
            state: ReadyState::default(),
            options,
            queue: VecDeque::new(),
            weight: 0,
            ahead: VecDeque::new(),
            ahead_bytes: 0,
            outstanding: 0,
            flight: LEAST_FLIGHT,
            high: false,
        }
    }

    /// Bytes under way: `bufferedAmount`.
    pub(super) fn buffered(&self) -> usize {
        self.ahead_bytes + self.outstanding
    }

    /// True if nothing waits above the high mark.
    pub(super) fn is_drained(&self) -> bool {
        self.queue.is_empty()
    }

    /// True if the library has everything, and the peer has taken it.
    pub(super) fn is_delivered(&self) -> bool {
        self.queue.is_empty() && self.buffered() == 0
    }

    /// Takes a message, or says what is in its way. `counted`: the outstanding bytes are those of this moment.
    pub(super) fn admit(&mut self, data: ChannelData, counted: bool, now: Instant) -> Admission {
        if matches!(self.state, ReadyState::Closing | ReadyState::Closed) {
            return Admission::Closed;
        }
        if self.state == ReadyState::Open && self.queue.is_empty() {
            if self.buffered() < self.options.high_watermark {
                self.accept(data, now);
                return Admission::Accepted;
            }
            if !counted {
                return Admission::Count(data);
            }
        }
        let weight = data.weight();
        if self.weight + weight > self.options.queue_budget {
            return Admission::OverBudget;
        }
        self.weight += weight;
        self.queue.push_back(data);
        Admission::Queued
    }

    fn accept(&mut self, data: ChannelData, now: Instant) {
        self.ahead_bytes += data.len();
        self.ahead.push_back((now, data));
        self.high |= self.buffered() > self.options.low_watermark;
    }

    /// The outstanding bytes of this moment.
    pub(super) fn count(&mut self, outstanding: usize) {
        self.outstanding = outstanding;
    }

    /// What is to be done next. `counted`: the outstanding bytes are those of this moment.
    pub(super) fn step(&mut self, counted: bool, now: Instant) -> Step {
        if !matches!(self.state, ReadyState::Open | ReadyState::Closing) {
            return Step::Rest;
        }
        while self.buffered() < self.options.high_watermark
            && let Some(data) = self.queue.pop_front()
        {
            self.weight -= data.weight();
            self.accept(data, now);
        }
        self.expire(now);
        if self.outstanding < self.flight
            && let Some((_, data)) = self.ahead.pop_front()
        {
            self.ahead_bytes -= data.len();
            self.outstanding += data.len();
            return Step::Transmit(data);
        }
        let blocked = !(self.ahead.is_empty() && self.queue.is_empty());
        if blocked && !counted { Step::Count } else { Step::Rest }
    }

    /// Drops what waited longer than it may live (RFC 3758): the library's clock has not begun for it.
    fn expire(&mut self, now: Instant) {
        let Some(life) = self.options.max_packet_life_time else { return };
        let life = Duration::from_millis(life.into());
        while self.ahead.front().is_some_and(|(since, _)| now.saturating_duration_since(*since) > life) {
            self.ahead_bytes -= self.ahead.pop_front().map_or(0, |(_, data)| data.len());
        }
    }

    /// The library refused `bytes`.
    pub(super) fn refused(&mut self, bytes: usize) {
        self.outstanding = self.outstanding.saturating_sub(bytes);
    }

    /// True once after each time that more than the low mark was under way and no more is: `drain`.
    pub(super) fn take_drain(&mut self) -> bool {
        self.high && self.buffered() <= self.options.low_watermark && std::mem::take(&mut self.high)
    }

    /// How long the path is: the library may have what fits on it.
    pub(super) fn set_round_trip(&mut self, round_trip: Duration) {
        self.flight = LEAST_FLIGHT.max((round_trip.as_secs_f64() * FASTEST) as usize);
    }

    /// The library has to tell when it has no more than this: early enough that it never stands still while there is
    /// more, and at the low mark at last.
    pub(super) fn threshold(&self) -> usize {
        let half = self.flight / 2;
        if self.ahead.is_empty() { half.min(self.options.low_watermark) } else { half }
    }

    /// This side closes: what waits is dropped, what is under way goes.
    pub(super) fn close(&mut self) {
        self.state = ReadyState::Closing;
        self.queue.clear();
        self.weight = 0;
    }

    /// Nothing goes any more.
    pub(super) fn end(&mut self) {
        self.close();
        self.state = ReadyState::Closed;
        self.ahead.clear();
        self.ahead_bytes = 0;
        self.outstanding = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIB: usize = 1 << 10;

    fn sending(options: DataChannelOptions) -> Sending {
        Sending { state: ReadyState::Open, ..Sending::new(options) }
    }

    fn message(bytes: usize) -> ChannelData {
        vec![7; bytes].into()
    }

    /// What is handed over until nothing more goes, while the peer takes nothing.
    fn pump(sending: &mut Sending, now: Instant) -> usize {
        let (mut bytes, mut counted) = (0, false);
        loop {
            match sending.step(counted, now) {
                Step::Transmit(data) => (bytes, counted) = (bytes + data.len(), false),
                Step::Count => counted = true,
                Step::Rest => return bytes,
            }
        }
    }

    #[test]
    fn the_library_gets_what_the_path_holds_and_the_rest_counts_as_buffered() {
        let now = Instant::now();
        let mut sending = sending(DataChannelOptions::default());
        for _ in 0..64 {
            assert_eq!(sending.admit(message(16 * KIB), false, now), Admission::Accepted);
        }
        assert_eq!(pump(&mut sending, now), LEAST_FLIGHT);
        assert_eq!(sending.buffered(), 64 * 16 * KIB);
        assert_eq!(sending.threshold(), LEAST_FLIGHT / 2);
        sending.set_round_trip(Duration::from_millis(10));
        assert_eq!(pump(&mut sending, now), 31 * 16 * KIB - LEAST_FLIGHT, "500 kB in all, in whole messages");
        sending.count(0);
        assert_eq!(pump(&mut sending, now), 31 * 16 * KIB);
        sending.count(0);
        assert_eq!(pump(&mut sending, now), 2 * 16 * KIB);
        sending.count(0);
        assert!(sending.is_delivered());
    }

    #[test]
    fn above_the_high_mark_messages_wait_and_drain_is_told_once_at_the_low_one() {
        let now = Instant::now();
        let options = DataChannelOptions { high_watermark: 96 * KIB, low_watermark: 32 * KIB, ..Default::default() };
        let mut sending = sending(options);
        for _ in 0..6 {
            assert_eq!(sending.admit(message(16 * KIB), true, now), Admission::Accepted);
        }
        assert!(matches!(sending.admit(message(1), false, now), Admission::Count(_)));
        assert_eq!(sending.admit(message(16 * KIB), true, now), Admission::Queued);
        assert_eq!(pump(&mut sending, now), 64 * KIB);
        assert!(!sending.take_drain() && !sending.is_drained());
        sending.count(0);
        assert!(sending.take_drain(), "32 KiB are under way, and the seventh message waits");
        assert_eq!(pump(&mut sending, now), 3 * 16 * KIB);
        assert_eq!(sending.threshold(), 32 * KIB);
        assert!(sending.is_drained());
        assert!(!sending.take_drain());
        sending.count(16 * KIB);
        assert!(sending.take_drain());
        assert!(!sending.take_drain());
    }

    #[test]
    fn what_waits_too_long_is_not_sent() {
        let now = Instant::now();
        let mut sending = sending(DataChannelOptions { max_packet_life_time: Some(100), ..Default::default() });
        for _ in 0..8 {
            sending.admit(message(16 * KIB), false, now);
        }
        assert_eq!(pump(&mut sending, now), 64 * KIB);
        sending.count(0);
        let later = now + Duration::from_millis(101);
        sending.admit(message(5), false, later);
        assert_eq!(pump(&mut sending, later), 5);
    }

    #[test]
    fn closing_drops_what_waits_and_sends_what_is_under_way() {
        let now = Instant::now();
        let options = DataChannelOptions { high_watermark: 16 * KIB, low_watermark: 0, ..Default::default() };
        let mut sending = sending(options);
        sending.admit(message(16 * KIB), false, now);
        assert_eq!(sending.admit(message(1), true, now), Admission::Queued);
        sending.close();
        assert_eq!(sending.admit(message(1), true, now), Admission::Closed);
        assert_eq!(sending.threshold(), LEAST_FLIGHT / 2, "there is something to hand over");
        assert_eq!(pump(&mut sending, now), 16 * KIB);
        assert_eq!(sending.threshold(), 0, "only the low mark is left");
        assert!(!sending.is_delivered());
        sending.count(0);
        assert!(sending.is_delivered());
        sending.end();
        assert_eq!(pump(&mut sending, now), 0);
    }

    #[test]
    fn the_queue_has_a_budget_before_the_channel_is_open() {
        let now = Instant::now();
        let mut sending = Sending::new(DataChannelOptions { queue_budget: 10, ..Default::default() });
        assert_eq!(sending.admit(message(10), false, now), Admission::Queued);
        assert_eq!(sending.admit(message(1), false, now), Admission::OverBudget);
        assert_eq!(pump(&mut sending, now), 0);
        sending.state = ReadyState::Open;
        assert_eq!(pump(&mut sending, now), 10);
    }
}

//! Queuing delay: how long packets stand in a queue of the path.

use rtc::interceptor::PacketReport;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Over this much sending time the least delay is what stands; what is more is jitter.
const STANDING: Duration = Duration::from_millis(100);
/// But over so many packets at least.
const FEWEST: usize = 6;
/// The least delay in one to two of these is the path without a queue. Longer, and two clocks would drift apart; shorter, and
/// a queue of our own would be taken for the path.
const EPOCH: Duration = Duration::from_secs(10);

/// The delay of packets over the least that the path has shown: the queue that does not go away, as in CoDel (RFC 8289
/// section 3) and Copa. Jitter adds to single packets and leaves the least alone.
#[derive(Debug, Default)]
pub(crate) struct StandingQueue {
    /// The first departure and arrival, from which all are counted: two clocks.
    origin: Option<(Instant, Duration)>,
    /// Departure and one-way delay in ms, of an unknown origin.
    recent: VecDeque<(Instant, f64)>,
    /// Least delay in this epoch and in the one before.
    base: [Option<f64>; 2],
    epoch: Option<Instant>,
}

impl StandingQueue {
    /// Takes in a packet that arrived.
    pub(crate) fn push(&mut self, packet: &PacketReport) {
        let Some(arrival) = packet.arrival else { return };
        let departure = packet.departure;
        let (first_departure, first_arrival) = *self.origin.get_or_insert((departure, arrival));
        let delay = (arrival.as_secs_f64()
            - first_arrival.as_secs_f64()
            - departure.saturating_duration_since(first_departure).as_secs_f64()
            + first_departure.saturating_duration_since(departure).as_secs_f64())
            * 1_000.0;
        let begun = *self.epoch.get_or_insert(departure);
        if departure.saturating_duration_since(begun) >= EPOCH {
            self.base = [None, self.base[0]];
            self.epoch = Some(departure);
        }
        self.base[0] = Some(self.base[0].map_or(delay, |least| least.min(delay)));
        self.recent.push_back((departure, delay));
        while self.recent.len() > FEWEST
            && self.recent.front().is_some_and(|(at, _)| departure.saturating_duration_since(*at) > STANDING)
        {
            self.recent.pop_front();
        }
    }

    /// In ms; `None` before there are packets enough.
    pub(crate) fn standing(&self) -> Option<f64> {
        if self.recent.len() < FEWEST {
            return None;
        }
        let base = self.base.iter().flatten().copied().fold(f64::INFINITY, f64::min);
        Some(self.least() - base)
    }

    /// What stands is not ours, or the path became longer: from now on it counts as the path.
    pub(crate) fn accept(&mut self) {
        self.base = [Some(self.least()), None];
    }

    /// Another path may have taken over.
    pub(crate) fn forget(&mut self) {
        *self = Self::default();
    }

    fn least(&self) -> f64 {
        self.recent.iter().map(|(_, delay)| *delay).fold(f64::INFINITY, f64::min)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bandwidth::traffic::tests::report;

    /// Packets every 5 ms, the n-th of them with so many ms of delay.
    fn after(delays: impl Iterator<Item = u64>) -> StandingQueue {
        let (mut queue, start) = (StandingQueue::default(), Instant::now());
        for (n, delay) in (0u64..).zip(delays) {
            queue.push(&report(start, n * 5, Some(n * 5 + delay)));
        }
        queue
    }

    #[test]
    fn jitter_is_no_queue() {
        let queue = after((0..400).map(|n| 20 + (n * 7) % 31));
        assert!(queue.standing().unwrap() < 5.0, "{:?}", queue.standing());
    }

    #[test]
    fn what_all_packets_wait_is() {
        let queue = after((0..400).map(|n| 20 + if n < 200 { 0 } else { (n - 200).min(50) } + (n * 7) % 11));
        let standing = queue.standing().unwrap();
        assert!((48.0..56.0).contains(&standing), "{standing}");
    }

    #[test]
    fn a_longer_path_can_be_accepted() {
        let mut queue = after((0..400).map(|n| if n < 200 { 20 } else { 90 }));
        assert_eq!(queue.standing().map(f64::round), Some(70.0));
        queue.accept();
        assert_eq!(queue.standing(), Some(0.0));
    }

    #[test]
    fn a_clock_that_runs_apart_is_followed() {
        // 100 ppm over ten minutes is 60 ms.
        let queue = after((0..120_000).map(|n| 20 + n / 2_000));
        assert!(queue.standing().unwrap() < 3.0, "{:?}", queue.standing());
    }
}

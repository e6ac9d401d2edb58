//! Rates of sending and arrival, and the loss rate, over the last moments.

use rtc::interceptor::PacketReport;
use std::collections::VecDeque;
use std::time::Duration;

/// Rates are those of so much time: some frames, of which one may be large. At first of less, but not of an instant.
const RATE: Duration = Duration::from_millis(300);
const SHORTEST: Duration = Duration::from_millis(100);
/// What arrives while a queue stands is counted over this, too: the longer time may reach back to before the queue.
const FULL: Duration = Duration::from_millis(150);
/// Losses are counted over so much.
const LOSS: Duration = Duration::from_secs(1);
/// Losses of fewer packets say nothing.
const FEWEST: usize = 30;

/// Packets that were reported as arrived or lost, in the order in which they were sent.
#[derive(Debug, Default)]
pub(crate) struct Traffic {
    packets: VecDeque<PacketReport>,
}

impl Traffic {
    /// Takes in what is known of one more packet.
    pub(crate) fn push(&mut self, packet: &PacketReport) {
        self.packets.push_back(packet.clone());
        while self
            .packets
            .front()
            .is_some_and(|first| packet.departure.saturating_duration_since(first.departure) > LOSS)
        {
            self.packets.pop_front();
        }
    }

    /// Bit/s that left, arrived or not.
    pub(crate) fn sent(&self) -> f64 {
        let (Some(first), Some(last)) = (self.packets.front(), self.packets.back()) else { return 0.0 };
        let age = |packet: &PacketReport| last.departure.saturating_duration_since(packet.departure);
        rate(self.packets.iter().map(|packet| (age(packet), packet.size)), age(first))
    }

    /// Bit/s that arrived, by the far end's clock.
    pub(crate) fn arrived(&self) -> f64 {
        self.arrived_in(RATE)
    }

    /// Bit/s that arrived while a queue stood: what the path carries.
    pub(crate) fn carried(&self) -> f64 {
        self.arrived_in(RATE).max(self.arrived_in(FULL))
    }

    fn arrived_in(&self, longest: Duration) -> f64 {
        let arrivals = || self.packets.iter().filter_map(|packet| Some((packet.arrival?, packet.size)));
        let times = || arrivals().map(|(at, _)| at);
        let (Some(first), Some(last)) = (times().min(), times().max()) else { return 0.0 };
        rate(arrivals().map(|(at, size)| (last.saturating_sub(at), size)), last.saturating_sub(first).min(longest))
    }

    /// Share of the packets that were lost, from 0 to 1.
    pub(crate) fn lost(&self) -> f64 {
        if self.packets.len() < FEWEST {
            return 0.0;
        }
        let lost = self.packets.iter().filter(|packet| !packet.arrived).count();
        lost as f64 / self.packets.len() as f64
    }

    pub(crate) fn forget(&mut self) {
        self.packets.clear();
    }
}

/// Bit/s of packets of an age and a size each, of which the oldest is so old.
fn rate(packets: impl Iterator<Item = (Duration, usize)>, oldest: Duration) -> f64 {
    let time = oldest.clamp(SHORTEST, RATE);
    let bytes: usize = packets.filter(|(age, _)| *age < time).map(|(_, size)| size).sum();
    bytes as f64 * 8.0 / time.as_secs_f64()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use rtc::rtcp::transport_feedbacks::cc_feedback_report::Ecn;
    use std::time::Instant;

    /// A packet of 1200 bytes that left and arrived so many ms after `start`, each by its own clock.
    pub(crate) fn report(start: Instant, departure: u64, arrival: Option<u64>) -> PacketReport {
        PacketReport {
            ssrc: 1,
            id: departure,
            rtp_sequence_number: departure as u16,
            is_twcc: true,
            twcc_sequence_number: departure as u16,
            size: 1_200,
            arrived: arrival.is_some(),
            departure: start + Duration::from_millis(departure),
            arrival: arrival.map(|ms| Duration::from_millis(5_000 + ms)),
            ecn: Ecn::default(),
        }
    }

    #[test]
    fn what_arrives_at_half_the_speed_is_half_the_rate() {
        let (mut traffic, start) = (Traffic::default(), Instant::now());
        for n in 0..200 {
            traffic.push(&report(start, n * 5, Some(20 + n * 10)));
        }
        // A packet of 9.6 kbit every 5 ms, every 10 ms.
        assert!((1_880_000.0..1_960_000.0).contains(&traffic.sent()), "{}", traffic.sent());
        assert!((930_000.0..1_000_000.0).contains(&traffic.arrived()), "{}", traffic.arrived());
        assert_eq!(traffic.lost(), 0.0);
    }

    #[test]
    fn losses_are_those_of_the_last_second() {
        let (mut traffic, start) = (Traffic::default(), Instant::now());
        for n in 0..600 {
            let lost = n < 200 || n % 10 == 0;
            traffic.push(&report(start, n * 5, (!lost).then_some(n * 5)));
        }
        assert!((0.09..0.11).contains(&traffic.lost()), "{}", traffic.lost());
    }
}

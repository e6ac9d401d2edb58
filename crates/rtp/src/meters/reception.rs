//! Loss and jitter of one received track (RFC 3550 appendix A.3 and A.8), after retransmission.

use rtc::rtp;
use std::time::Instant;

/// Statistics of what is received on one track, retransmissions included. The source may change: the sequence numbers of another
/// SSRC begin anywhere.
#[derive(Debug)]
pub struct ReceiveStatistics {
    clock_hz: u32,
    ssrc: Option<u32>,
    /// Lost before the SSRC of now.
    lost_before: u64,
    first: Option<i64>,
    highest: i64,
    received: u64,
    /// When the first packet came.
    started: Option<Instant>,
    transit: Option<f64>,
    jitter: f64,
}

impl ReceiveStatistics {
    /// For a track with so many units of a timestamp in a second.
    pub fn new(clock_hz: u32) -> Self {
        Self {
            clock_hz,
            ssrc: None,
            lost_before: 0,
            first: None,
            highest: 0,
            received: 0,
            started: None,
            transit: None,
            jitter: 0.0,
        }
    }

    /// Counts a packet that came now.
    pub fn receive(&mut self, header: &rtp::Header, now: Instant) {
        if self.ssrc.replace(header.ssrc) != Some(header.ssrc) {
            self.lost_before = self.lost();
            (self.first, self.received, self.transit) = (None, 0, None);
        }
        let sequence = header.sequence_number;
        let extended = match self.first {
            None => {
                self.first = Some(i64::from(sequence));
                i64::from(sequence)
            }
            Some(_) => self.highest + i64::from(sequence.wrapping_sub(self.highest as u16) as i16),
        };
        if self.first == Some(extended) || extended > self.highest {
            self.highest = extended;
            self.measure_jitter(header.timestamp, now);
        }
        self.received += 1;
    }

    /// Packets that never came, by sequence number.
    pub fn lost(&self) -> u64 {
        let expected = self.first.map_or(0, |first| (self.highest - first + 1).max(0) as u64);
        self.lost_before + expected.saturating_sub(self.received)
    }

    /// Interarrival jitter in milliseconds.
    pub fn jitter_ms(&self) -> f64 {
        self.jitter
    }

    fn measure_jitter(&mut self, timestamp: u32, now: Instant) {
        let started = *self.started.get_or_insert(now);
        let arrival = now.saturating_duration_since(started).as_secs_f64() * 1_000.0;
        let transit = arrival - f64::from(timestamp) * 1_000.0 / f64::from(self.clock_hz);
        if let Some(last) = self.transit.replace(transit) {
            let difference = (transit - last).abs();
            // A step of minutes is a wrap or a new clock, not jitter.
            if difference < 60_000.0 {
                self.jitter += (difference - self.jitter) / 16.0;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_gap_is_lost_until_it_is_filled() {
        let (mut statistics, start) = (ReceiveStatistics::new(48_000), Instant::now());
        let mut receive = |sequence_number: u16, ms: u64| {
            let header =
                rtp::Header { sequence_number, timestamp: u32::from(sequence_number) * 960, ..rtp::Header::default() };
            statistics.receive(&header, start + Duration::from_millis(ms));
            (statistics.lost(), statistics.jitter_ms())
        };
        assert_eq!(receive(10, 0), (0, 0.0));
        assert_eq!(receive(11, 20), (0, 0.0));
        assert_eq!(receive(14, 80), (2, 0.0));
        assert_eq!(receive(12, 90), (1, 0.0), "what comes late says nothing about the jitter");
        assert_eq!(receive(15, 116), (1, 1.0), "a sixteenth of 16 ms");
    }

    #[test]
    fn another_ssrc_loses_nothing_and_shakes_nothing() {
        let (mut statistics, start) = (ReceiveStatistics::new(48_000), Instant::now());
        let mut receive = |ssrc: u32, sequence_number: u16, timestamp: u32, ms: u64| {
            let header = rtp::Header { ssrc, sequence_number, timestamp, ..rtp::Header::default() };
            statistics.receive(&header, start + Duration::from_millis(ms));
            (statistics.lost(), statistics.jitter_ms())
        };
        receive(1, 10, 0, 0);
        assert_eq!(receive(1, 12, 1_920, 40), (1, 0.0));
        assert_eq!(receive(2, 30_000, 777_000, 60), (1, 0.0));
        assert_eq!(receive(2, 30_002, 778_920, 100), (2, 0.0));
        assert_eq!(receive(1, 500, 40_000, 120), (2, 0.0));
    }
}

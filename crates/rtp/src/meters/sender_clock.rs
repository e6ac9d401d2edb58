//! RTCP sender reports: what the RTP timestamps of a peer's tracks are in the sender's wallclock time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What a sender report says of one track (RFC 3550 section 6.4.1): its RTP timestamp at a moment of the sender's clock. The
/// tracks of one peer share that clock; how far it is from any other's is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SenderClock {
    /// The moment, in seconds since 1900 as 32.32 bit fixed point (NTP).
    pub(crate) ntp: u64,
    /// The timestamp at that moment.
    pub(crate) timestamp: u32,
    /// Units of a timestamp in a second.
    pub(crate) clock_hz: u32,
}

impl SenderClock {
    /// The sender's time at an RTP timestamp, in microseconds since 1900.
    pub fn micros_at(&self, timestamp: u32) -> i64 {
        let reported = (u128::from(self.ntp) * 1_000_000) >> 32;
        let since = i64::from(timestamp.wrapping_sub(self.timestamp).cast_signed());
        // Fits until the era of NTP ends, in 2036, and long after.
        reported as i64 + since * 1_000_000 / i64::from(self.clock_hz.max(1))
    }
}

/// NTP time and RTP timestamp of the newest sender report of each RTP stream of a connection. A clone reads and writes the
/// same.
#[derive(Debug, Clone, Default)]
pub struct SenderReports(Arc<Mutex<HashMap<u32, (u64, u32)>>>);

impl SenderReports {
    /// A report about `ssrc`, a stream that is received: NTP time (32.32 bit fixed point) and RTP timestamp of one moment.
    pub fn set(&self, ssrc: u32, ntp: u64, timestamp: u32) {
        self.reports().insert(ssrc, (ntp, timestamp));
    }

    /// The clock of the stream `ssrc`, which has `clock_hz` units of a timestamp in a second.
    pub fn clock_of(&self, ssrc: u32, clock_hz: u32) -> SenderClockReader {
        SenderClockReader { all: self.clone(), ssrc, clock_hz }
    }

    fn reports(&self) -> MutexGuard<'_, HashMap<u32, (u64, u32)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The clock of one RTP stream, as its sender reports it.
#[derive(Debug, Clone)]
pub struct SenderClockReader {
    all: SenderReports,
    ssrc: u32,
    clock_hz: u32,
}

impl SenderClockReader {
    /// What the newest report says; `None` before the first.
    pub fn clock(&self) -> Option<SenderClock> {
        let (ntp, timestamp) = self.all.reports().get(&self.ssrc).copied()?;
        Some(SenderClock { ntp, timestamp, clock_hz: self.clock_hz })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tracks_of_different_rates_have_one_time() {
        let reports = SenderReports::default();
        assert_eq!(reports.clock_of(1, 48_000).clock(), None);
        // Sound and picture, reported half a second apart; one timestamp wraps meanwhile.
        reports.set(1, 3_000_000_000 << 32, u32::MAX - 11_999);
        reports.set(2, (3_000_000_000 << 32) + (1 << 31), 90_000);
        let (sound, picture) =
            (reports.clock_of(1, 48_000).clock().unwrap(), reports.clock_of(2, 90_000).clock().unwrap());
        assert_eq!(sound.micros_at(u32::MAX - 11_999), 3_000_000_000_000_000);
        assert_eq!(sound.micros_at(12_000), picture.micros_at(90_000));
        assert_eq!(picture.micros_at(45_000), 3_000_000_000_000_000, "before the report");
    }
}

//! When the pictures of a track come, and how long they are delayed before they are shown.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Share of a new picture in the mean delay: about a second of pictures counts.
const SMOOTHING: f64 = 1.0 / 16.0;
/// A picture that is older than this is none any more: its camera is off, or its screen stands still.
const SHOWN: Duration = Duration::from_secs(2);
/// A delay so far from the mean, in microseconds, is that of another clock.
const ANOTHER_CLOCK: f64 = 2_000_000.0;

/// Where the microseconds of [`micros`] begin.
static BEGINNING: LazyLock<Instant> = LazyLock::new(Instant::now);

/// The own time in microseconds; how far it is from a sender's is not known, but the same for all its tracks.
pub fn micros(at: Instant) -> i64 {
    let since = at.saturating_duration_since(*BEGINNING);
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

/// See the module.
#[derive(Debug, Default)]
pub struct VideoTiming {
    /// Mean time from the sender's clock to their arrival, in microseconds, and when the last one came.
    arrival: Mutex<Option<(f64, Instant)>>,
    playout_delay_ms: AtomicU32,
}

impl VideoTiming {
    /// A picture taken at `sender` (microseconds of the sender's clock) came.
    pub fn arrived(&self, sender: i64, at: Instant) {
        let now = (micros(at) - sender) as f64;
        let mut arrival = self.arrival.lock().unwrap_or_else(PoisonError::into_inner);
        let mean = match *arrival {
            Some((mean, _)) if (now - mean).abs() < ANOTHER_CLOCK => mean + (now - mean) * SMOOTHING,
            _ => now,
        };
        *arrival = Some((mean, at));
    }

    /// How long the next pictures wait before they are shown.
    pub fn playout_delay(&self) -> Duration {
        Duration::from_millis(self.playout_delay_ms.load(Ordering::Relaxed).into())
    }

    /// Changes how long the next pictures wait.
    pub fn set_playout_delay(&self, delay: Duration) {
        self.playout_delay_ms.store(u32::try_from(delay.as_millis()).unwrap_or(u32::MAX), Ordering::Relaxed);
    }

    /// The mean time from the sender's clock to the arrival, in microseconds; `None` while no pictures come.
    pub fn arrival_delay(&self, now: Instant) -> Option<i64> {
        let arrival = *self.arrival.lock().unwrap_or_else(PoisonError::into_inner);
        arrival.filter(|(_, last)| now.saturating_duration_since(*last) < SHOWN).map(|(mean, _)| mean as i64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_that_come_no_more_have_no_delay() {
        let timing = VideoTiming::default();
        let begun = Instant::now();
        assert_eq!(timing.arrival_delay(begun), None);
        let last = begun + Duration::from_secs(3);
        timing.arrived(micros(begun) - 80_000, begun);
        timing.arrived(micros(last) - 80_000, last);
        assert!((79_000..=81_000).contains(&timing.arrival_delay(last).unwrap_or_default()));
        assert!(timing.arrival_delay(last + SHOWN / 2).is_some());
        assert_eq!(timing.arrival_delay(last + SHOWN), None);
    }
}

//! The round-trip time of a connection, shared between those that measure it and those that read it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// The latest round-trip time of a connection. A clone reads and writes the same.
#[derive(Debug, Clone, Default)]
pub struct RoundTripTime(Arc<AtomicU32>);

impl RoundTripTime {
    /// The latest measurement; `None` before the first.
    pub fn get(&self) -> Option<Duration> {
        Some(self.0.load(Ordering::Relaxed))
            .filter(|micros| *micros > 0)
            .map(|micros| Duration::from_micros(micros.into()))
    }

    /// A new measurement, kept to the microsecond and at least one.
    pub fn set(&self, round_trip: Duration) {
        self.0.store(u32::try_from(round_trip.as_micros()).unwrap_or(u32::MAX).max(1), Ordering::Relaxed);
    }
}

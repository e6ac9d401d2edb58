//! How long a question to the far end takes, where many ask.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// The latest round-trip time of a connection. A clone reads and writes the same.
#[derive(Debug, Clone, Default)]
pub(crate) struct RoundTrip(Arc<AtomicU32>);

impl RoundTrip {
    /// `None` until measured.
    pub(crate) fn get(&self) -> Option<Duration> {
        Some(self.0.load(Ordering::Relaxed))
            .filter(|micros| *micros > 0)
            .map(|micros| Duration::from_micros(micros.into()))
    }

    /// To the microsecond, and at least one.
    pub(crate) fn set(&self, round_trip: Duration) {
        self.0.store(u32::try_from(round_trip.as_micros()).unwrap_or(u32::MAX).max(1), Ordering::Relaxed);
    }
}

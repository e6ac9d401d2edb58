//! The clock of all media of this process, so that timestamps of sound and pictures are comparable.

use std::sync::OnceLock;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use confab_wire::media::{AUDIO_CLOCK_HZ, VIDEO_CLOCK_HZ};

static EPOCH: OnceLock<Instant> = OnceLock::new();

/// Time between the first use of this clock and `at`.
pub fn since_epoch(at: Instant) -> Duration {
    at.saturating_duration_since(*EPOCH.get_or_init(|| at))
}

/// The moment `since` the first use of this clock.
pub(crate) fn instant(since: Duration) -> Instant {
    *EPOCH.get_or_init(Instant::now) + since
}

/// `at` in units of 1/90000 s, before wrapping to an RTP timestamp.
pub fn video_ticks(at: Instant) -> i64 {
    ticks(at, VIDEO_CLOCK_HZ)
}

/// `at` in units of 1/48000 s, before wrapping to an RTP timestamp.
pub fn audio_ticks(at: Instant) -> i64 {
    ticks(at, AUDIO_CLOCK_HZ)
}

fn ticks(at: Instant, hz: u32) -> i64 {
    // Fits for 3 million years.
    (since_epoch(at).as_nanos() * u128::from(hz) / 1_000_000_000) as i64
}

/// Milliseconds since 1970: the clock drawn into the test picture, comparable between programs on one machine.
pub fn unix_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}

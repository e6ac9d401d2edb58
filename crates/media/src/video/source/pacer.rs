//! The timer of sources that have no clock of their own.

use std::time::{Duration, Instant};

use crate::thread::stop::StopFlag;

/// A steady beat that does not drift; beats that were missed are skipped, not caught up.
#[derive(Debug)]
pub(crate) struct FramePacer {
    start: Instant,
    period: Duration,
    next: u32,
}

impl FramePacer {
    pub(crate) fn new(fps: f64) -> Self {
        Self { start: Instant::now(), period: Duration::from_secs_f64(1.0 / fps), next: 0 }
    }

    /// Sleeps until the next beat and returns its number; `None` if stopped.
    pub(crate) fn wait(&mut self, stop: &StopFlag) -> Option<u32> {
        let late = self.start.elapsed().as_nanos() / self.period.as_nanos().max(1);
        let late = u32::try_from(late).unwrap_or(u32::MAX);
        let beat = self.next.max(late);
        if stop.sleep_until(self.start + self.period * beat) {
            return None;
        }
        self.next = beat.saturating_add(1);
        Some(beat)
    }
}

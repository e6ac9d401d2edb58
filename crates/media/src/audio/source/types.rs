//! What all sources of sound have in common: the trait, and the timer of those without a clock of their own.

use std::time::{Duration, Instant};

use crate::error::Error;
use crate::format::FRAME;
use crate::thread::stop::StopFlag;

/// Time of one frame.
const FRAME_TIME: Duration = Duration::from_millis(20);
/// Frames a paced source catches up with after a pause of the machine.
const CATCH_UP: u32 = 10;

/// Something that yields 20 ms of sound at its own pace, on a thread of its own.
pub(crate) trait AudioFrameSource {
    /// Waits for the next frame. `false`: the wait ended without one (to check for a stop). An error is final.
    fn next(&mut self, frame: &mut [f32; FRAME], stop: &StopFlag) -> Result<bool, Error>;
}

/// A beat every 20 ms that does not drift.
#[derive(Debug)]
pub(crate) struct FrameTimer {
    next: Instant,
}

impl FrameTimer {
    /// The first beat is 20 ms from now.
    pub(crate) fn new() -> Self {
        Self { next: Instant::now() }
    }

    /// When the next beat is; in the past if it is late.
    pub(crate) fn beat(&mut self) -> Instant {
        self.next += FRAME_TIME;
        if self.next.elapsed() > FRAME_TIME * CATCH_UP {
            self.next = Instant::now();
        }
        self.next
    }

    /// Sleeps until the next beat; false if stopped.
    pub(crate) fn wait(&mut self, stop: &StopFlag) -> bool {
        !stop.sleep_until(self.beat())
    }
}

//! Output latency: how many frames wait for a speaker's callback. As few as the machine allows without underruns.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use confab_wire::media::AUDIO_CLOCK_HZ;

use crate::audio::device::callback::PlaybackCounters;
use crate::format::BLOCK;

/// Least and most that waits beyond what a callback takes, in samples at 48 kHz: 10 and 120 ms.
const LEAST: usize = BLOCK;
const MOST: usize = 12 * BLOCK;
/// What an underrun adds, and a calm minute takes away: 5 ms.
const STEP: usize = BLOCK / 2;
/// How long nothing may run dry before less is tried, and how long a greatest callback counts.
const CALM: Duration = Duration::from_secs(60);

/// Follows what the callbacks of one speaker ask for.
#[derive(Debug)]
pub(crate) struct OutputLatency {
    headroom: usize,
    underruns: u32,
    started: bool,
    /// Greatest callback of the last [`CALM`], in frames.
    period: u32,
    calm_since: Instant,
}

impl OutputLatency {
    pub(crate) fn new(now: Instant) -> Self {
        Self { headroom: LEAST, underruns: 0, started: false, period: 0, calm_since: now }
    }

    /// Frames that the ring of a device of `rate` should hold at `now`: a callback's worth, and headroom that grows with each
    /// underrun and shrinks when there was none for long.
    pub(crate) fn target_frames(&mut self, shared: &PlaybackCounters, rate: u32, now: Instant) -> usize {
        let underruns = shared.underruns.load(Ordering::Relaxed);
        if underruns != self.underruns {
            self.underruns = underruns;
            self.calm_since = now;
            // The first one is the start.
            if std::mem::replace(&mut self.started, true) {
                self.headroom = (self.headroom + STEP).min(MOST);
            }
        } else if now.saturating_duration_since(self.calm_since) >= CALM {
            self.calm_since = now;
            self.headroom = self.headroom.saturating_sub(STEP).max(LEAST);
            // Counted anew from here on; until then the one before holds.
            self.period = shared.period.swap(0, Ordering::Relaxed);
        }
        let period = self.period.max(shared.period.load(Ordering::Relaxed)) as usize;
        period + self.headroom * rate as usize / AUDIO_CLOCK_HZ as usize
    }

    /// Samples at 48 kHz that wait beyond what a callback takes.
    pub(crate) fn headroom(&self) -> usize {
        self.headroom
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(shared: &PlaybackCounters, frames: u32) {
        shared.period.fetch_max(frames, Ordering::Relaxed);
    }

    fn ran_dry(shared: &PlaybackCounters) {
        shared.underruns.fetch_add(1, Ordering::Relaxed);
    }

    #[test]
    fn each_underrun_but_the_first_makes_it_wait_longer_up_to_a_bound() {
        let (shared, now) = (PlaybackCounters::default(), Instant::now());
        let mut latency = OutputLatency::new(now);
        asked(&shared, 480);
        ran_dry(&shared);
        assert_eq!(
            latency.target_frames(&shared, 48_000, now),
            480 + LEAST,
            "before the first block there is nothing to play"
        );
        ran_dry(&shared);
        assert_eq!(latency.target_frames(&shared, 48_000, now), 480 + LEAST + STEP);
        assert_eq!(latency.target_frames(&shared, 24_000, now), 480 + (LEAST + STEP) / 2, "in frames of the device");
        for _ in 0..100 {
            ran_dry(&shared);
            latency.target_frames(&shared, 48_000, now);
        }
        assert_eq!(latency.target_frames(&shared, 48_000, now), 480 + MOST);
    }

    #[test]
    fn after_a_bad_moment_it_comes_back() {
        let (shared, mut now) = (PlaybackCounters::default(), Instant::now());
        let mut latency = OutputLatency::new(now);
        asked(&shared, 4_800);
        for _ in 0..4 {
            ran_dry(&shared);
            latency.target_frames(&shared, 48_000, now);
        }
        assert_eq!(latency.headroom(), LEAST + 3 * STEP);
        for minute in 1..=5 {
            now += CALM;
            asked(&shared, 480);
            let wanted = latency.target_frames(&shared, 48_000, now);
            asked(&shared, 480);
            assert_eq!(latency.headroom(), (LEAST + 3 * STEP).saturating_sub(minute * STEP).max(LEAST));
            let period = if minute == 1 { 4_800 } else { 480 };
            assert_eq!(wanted, period + latency.headroom(), "minute {minute}");
        }
        ran_dry(&shared);
        now += CALM;
        assert_eq!(latency.target_frames(&shared, 48_000, now), 480 + LEAST + STEP, "an underrun ends the calm");
    }
}

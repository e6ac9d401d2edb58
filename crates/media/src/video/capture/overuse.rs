//! CPU overuse detection: where encoding takes too large a part of the time, fewer layers and frames are encoded.

use confab_wire::{
    layers::{SpatialLayer, TOP_TEMPORAL, VideoSourceRestrictions},
    media::DegradationPreference,
};
use std::time::{Duration, Instant};

/// Time over which the load is measured.
const WINDOW: Duration = Duration::from_secs(2);
/// Over this part of the time the encoder is too slow: what is left is needed to take and pack pictures.
const TOO_MUCH: f64 = 0.85;
/// Under this part of the time there is room for a step back: a layer costs four times as much as the one under it.
const LITTLE: f64 = 0.2;
/// How long there has to be room before a step back; twice as long after each that was too early.
const PATIENCE: Duration = Duration::from_secs(10);
const LONGEST_PATIENCE: Duration = Duration::from_secs(160);

/// Fewer layers, then fewer frames.
const STEPS: [VideoSourceRestrictions; 4] = [
    VideoSourceRestrictions::NONE,
    VideoSourceRestrictions { top: SpatialLayer::Half, ..VideoSourceRestrictions::NONE },
    VideoSourceRestrictions { top: SpatialLayer::Quarter, ..VideoSourceRestrictions::NONE },
    VideoSourceRestrictions { top: SpatialLayer::Quarter, temporal: TOP_TEMPORAL - 1 },
];
/// Of a picture that keeps its size, only fewer frames.
const STEPS_OF_DETAIL: [VideoSourceRestrictions; 3] = [
    VideoSourceRestrictions::NONE,
    VideoSourceRestrictions { temporal: 1, ..VideoSourceRestrictions::NONE },
    VideoSourceRestrictions { temporal: 0, ..VideoSourceRestrictions::NONE },
];

/// Watches the load of one encoder thread.
#[derive(Debug, Default)]
pub struct OveruseDetector {
    window: Option<Instant>,
    spent: Duration,
    step: usize,
    /// Since when there is room for a step back.
    idle: Option<Instant>,
    /// Steps back that were too early.
    mistakes: u32,
    stepped_back: bool,
}

impl OveruseDetector {
    /// What is encoded at most, where this is given up first.
    pub fn restrictions(&self, degradation: DegradationPreference) -> VideoSourceRestrictions {
        let steps: &[VideoSourceRestrictions] = if degradation.keeps_resolution() { &STEPS_OF_DETAIL } else { &STEPS };
        steps[self.step.min(steps.len() - 1)]
    }

    /// A picture took `spent` until `now`.
    pub fn measured(&mut self, spent: Duration, now: Instant) {
        let begun = *self.window.get_or_insert(now - spent);
        self.spent += spent;
        let passed = now.saturating_duration_since(begun);
        if passed < WINDOW {
            return;
        }
        let load = self.spent.as_secs_f64() / passed.as_secs_f64();
        (self.window, self.spent) = (Some(now), Duration::ZERO);
        self.judge(load, now);
    }

    /// The encoder rested: the window of the measurement begins anew.
    pub fn rest(&mut self) {
        (self.window, self.spent, self.idle) = (None, Duration::ZERO, None);
    }

    fn judge(&mut self, load: f64, now: Instant) {
        if load > TOO_MUCH {
            self.idle = None;
            self.mistakes += u32::from(std::mem::take(&mut self.stepped_back));
            self.step = (self.step + 1).min(STEPS.len() - 1);
            return;
        }
        if load > LITTLE || self.step == 0 {
            self.idle = None;
            return;
        }
        let patience = PATIENCE.saturating_mul(1 << self.mistakes.min(4)).min(LONGEST_PATIENCE);
        if now.saturating_duration_since(*self.idle.get_or_insert(now)) < patience {
            return;
        }
        self.idle = None;
        self.step -= 1;
        self.stepped_back = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use DegradationPreference::{Balanced, MaintainFramerate, MaintainResolution};

    /// Feeds pictures at 30 fps for `seconds`, of which encoding takes this part of the time. Steps that were taken.
    fn feed(watch: &mut OveruseDetector, clock: &mut Instant, seconds: u32, load: f64) -> usize {
        let interval = Duration::from_secs(1) / 30;
        let changes = (0..seconds * 30).filter(|_| {
            *clock += interval;
            let before = watch.step;
            watch.measured(interval.mul_f64(load), *clock);
            watch.step != before
        });
        changes.count()
    }

    #[test]
    fn a_load_that_stays_costs_layers_then_frames() {
        let (mut watch, mut clock) = (OveruseDetector::default(), Instant::now());
        assert_eq!(feed(&mut watch, &mut clock, 20, 0.8), 0);
        assert_eq!(feed(&mut watch, &mut clock, 3, 0.95), 1);
        assert_eq!(watch.restrictions(Balanced), VideoSourceRestrictions { top: SpatialLayer::Half, temporal: 2 });
        assert_eq!(
            watch.restrictions(MaintainResolution),
            VideoSourceRestrictions { top: SpatialLayer::Full, temporal: 1 }
        );
        assert_eq!(feed(&mut watch, &mut clock, 20, 0.95), 2);
        assert_eq!(watch.restrictions(Balanced), VideoSourceRestrictions { top: SpatialLayer::Quarter, temporal: 1 });
        assert_eq!(
            watch.restrictions(MaintainFramerate),
            watch.restrictions(Balanced),
            "frames go when nothing else is left"
        );
        assert_eq!(
            watch.restrictions(MaintainResolution),
            VideoSourceRestrictions { top: SpatialLayer::Full, temporal: 0 }
        );
    }

    #[test]
    fn room_is_used_again_and_later_each_time_it_was_too_early() {
        let (mut watch, mut clock) = (OveruseDetector::default(), Instant::now());
        feed(&mut watch, &mut clock, 3, 1.0);
        assert_eq!(feed(&mut watch, &mut clock, 60, 0.5), 0, "half of the time is no room");
        assert_eq!(feed(&mut watch, &mut clock, 14, 0.1), 1);
        assert_eq!(watch.restrictions(Balanced), VideoSourceRestrictions::NONE);
        assert_eq!(feed(&mut watch, &mut clock, 3, 1.0), 1);
        assert_eq!(feed(&mut watch, &mut clock, 14, 0.1), 0);
        assert_eq!(feed(&mut watch, &mut clock, 14, 0.1), 1);
    }

    #[test]
    fn a_rest_is_no_room() {
        let (mut watch, mut clock) = (OveruseDetector::default(), Instant::now());
        feed(&mut watch, &mut clock, 3, 1.0);
        watch.rest();
        clock += Duration::from_secs(600);
        watch.measured(Duration::from_millis(1), clock);
        assert_eq!(feed(&mut watch, &mut clock, 3, 0.1), 0);
    }
}

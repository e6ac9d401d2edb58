//! Audio and video of one stream at the same time (lip sync): what is earlier is delayed. No clock and no track of its own.

use std::time::Duration;

/// Skew that nobody notices (ITU-R BT.1359-1 has 45 ms for sound that is early and 125 ms for sound that is late), and what is
/// left of it where measurements are not exact.
const NOTICEABLE: i64 = 30_000;
/// Largest change at once, in microseconds: a picture that stands still for longer is seen, and stretched sound is heard.
const STEP: i64 = 80_000;
/// The longest that either waits, in microseconds. What is further apart is not held together: talking gets too slow.
const MOST: i64 = 400_000;

/// By how much audio and video of a stream are delayed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AvSync {
    sound: i64,
    picture: i64,
}

impl AvSync {
    /// How long a picture waits before it is shown.
    pub fn video_delay(self) -> Duration {
        Duration::from_micros(self.picture.unsigned_abs())
    }

    /// How long sound waits at least beyond what the network takes.
    pub fn audio_delay(self) -> Duration {
        Duration::from_micros(self.sound.unsigned_abs())
    }

    /// Takes the measurement of another second, as in [`measured`](Self::measured); `None` is sound that is not heard, or a
    /// picture that is not shown. Sound alone is not delayed.
    pub fn update(&mut self, sound: Option<i64>, picture: Option<i64>) {
        match (sound, picture) {
            (Some(sound), Some(picture)) => self.measured(sound, picture),
            (_, None) => *self = Self::default(),
            // It pauses: its delay is right for what follows, too.
            (None, Some(_)) => {}
        }
    }

    /// Takes a measurement: from capture until it is heard or shown, in microseconds, for both by the same two clocks.
    /// `sound` includes what it waits because of the last measurement, `picture` does not.
    fn measured(&mut self, sound: i64, picture: i64) {
        let late = sound - (picture + self.picture);
        if late.abs() <= NOTICEABLE {
            return;
        }
        let change = late.clamp(-STEP, STEP);
        // What waits already waits less before the other waits more.
        if change > 0 {
            let back = change.min(self.sound);
            self.sound -= back;
            self.picture = (self.picture + change - back).min(MOST);
        } else {
            let back = (-change).min(self.picture);
            self.picture -= back;
            self.sound = (self.sound - change - back).min(MOST);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Skew in ms after ten measurements of a stream whose sound and picture take so many ms by themselves; negative if the
    /// sound is early.
    fn settle(sync: &mut AvSync, sound: i64, picture: i64) -> i64 {
        let now = |sync: &AvSync| {
            let heard = sound * 1000 + sync.audio_delay().as_micros() as i64;
            (heard, picture * 1000)
        };
        for _ in 0..10 {
            let (heard, shown) = now(sync);
            sync.measured(heard, shown);
        }
        let (heard, shown) = now(sync);
        (heard - shown - sync.video_delay().as_micros() as i64) / 1000
    }

    #[test]
    fn what_is_sooner_waits_for_the_other() {
        for (sound, picture) in [(60, 20), (40, 190), (300, 20), (20, 20), (-5_000, -4_900)] {
            let mut sync = AvSync::default();
            let skew = settle(&mut sync, sound, picture);
            assert!(skew.abs() <= 45, "sound {sound} ms, picture {picture} ms: {skew} ms, {sync:?}");
            let waits = [sync.audio_delay(), sync.video_delay()];
            assert!(waits.contains(&Duration::ZERO), "never both: {sync:?}");
        }
    }

    #[test]
    fn what_nobody_notices_costs_no_delay() {
        let mut sync = AvSync::default();
        settle(&mut sync, 60, 35);
        assert_eq!(sync, AvSync::default());
    }

    #[test]
    fn when_the_network_changes_nothing_waits_longer_than_it_has_to() {
        let mut sync = AvSync::default();
        settle(&mut sync, 40, 190);
        assert!(sync.audio_delay() > Duration::from_millis(100));
        settle(&mut sync, 200, 30);
        assert_eq!(sync.audio_delay(), Duration::ZERO);
        assert!(sync.video_delay() > Duration::from_millis(100));
    }

    #[test]
    fn audio_delays_for_no_picture_that_is_not_there() {
        let mut sync = AvSync::default();
        settle(&mut sync, 40, 190);
        let waited = sync.audio_delay();
        sync.update(None, Some(190_000));
        assert_eq!(sync.audio_delay(), waited, "in a pause it keeps what it has learnt");
        sync.update(Some(40_000 + waited.as_micros() as i64), None);
        assert_eq!(sync, AvSync::default());
    }

    #[test]
    fn what_is_too_far_apart_is_not_waited_for() {
        let mut sync = AvSync::default();
        settle(&mut sync, 5_000, 0);
        assert_eq!(sync.video_delay(), Duration::from_millis(400));
    }
}

//! Sound and picture of one stream at the same time: what is sooner waits. No clock and no track of its own.

use std::time::Duration;

/// Skew that nobody notices (ITU-R BT.1359-1 has 45 ms for sound that is early and 125 ms for sound that is late), and what is
/// left of it where measurements are not exact.
const NOTICEABLE: i64 = 30_000;
/// Largest change at once, in microseconds: a picture that stands still for longer is seen, and stretched sound is heard.
const STEP: i64 = 80_000;
/// The longest that either waits, in microseconds. What is further apart is not held together: talking gets too slow.
const MOST: i64 = 400_000;

/// How long sound and picture of a stream wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LipSync {
    sound: i64,
    picture: i64,
}

impl LipSync {
    /// How long a picture waits before it is shown.
    pub fn picture_wait(self) -> Duration {
        Duration::from_micros(self.picture.unsigned_abs())
    }

    /// How long sound waits at least beyond what the network takes.
    pub fn sound_wait(self) -> Duration {
        Duration::from_micros(self.sound.unsigned_abs())
    }

    /// Takes what is known a second later, as in [`measured`](Self::measured); `None` is sound that is not heard, or a picture
    /// that is not shown. Sound alone waits for nothing.
    pub fn look(&mut self, sound: Option<i64>, picture: Option<i64>) {
        match (sound, picture) {
            (Some(sound), Some(picture)) => self.measured(sound, picture),
            (_, None) => *self = Self::default(),
            // It pauses: what it has learnt to wait is right for its next word, too.
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
    fn settle(sync: &mut LipSync, sound: i64, picture: i64) -> i64 {
        let now = |sync: &LipSync| {
            let heard = sound * 1000 + sync.sound_wait().as_micros() as i64;
            (heard, picture * 1000)
        };
        for _ in 0..10 {
            let (heard, shown) = now(sync);
            sync.measured(heard, shown);
        }
        let (heard, shown) = now(sync);
        (heard - shown - sync.picture_wait().as_micros() as i64) / 1000
    }

    #[test]
    fn what_is_sooner_waits_for_the_other() {
        for (sound, picture) in [(60, 20), (40, 190), (300, 20), (20, 20), (-5_000, -4_900)] {
            let mut sync = LipSync::default();
            let skew = settle(&mut sync, sound, picture);
            assert!(skew.abs() <= 45, "sound {sound} ms, picture {picture} ms: {skew} ms, {sync:?}");
            let waits = [sync.sound_wait(), sync.picture_wait()];
            assert!(waits.contains(&Duration::ZERO), "never both: {sync:?}");
        }
    }

    #[test]
    fn what_nobody_notices_costs_no_delay() {
        let mut sync = LipSync::default();
        settle(&mut sync, 60, 35);
        assert_eq!(sync, LipSync::default());
    }

    #[test]
    fn when_the_network_changes_nothing_waits_longer_than_it_has_to() {
        let mut sync = LipSync::default();
        settle(&mut sync, 40, 190);
        assert!(sync.sound_wait() > Duration::from_millis(100));
        settle(&mut sync, 200, 30);
        assert_eq!(sync.sound_wait(), Duration::ZERO);
        assert!(sync.picture_wait() > Duration::from_millis(100));
    }

    #[test]
    fn sound_waits_for_no_picture_that_is_not_there() {
        let mut sync = LipSync::default();
        settle(&mut sync, 40, 190);
        let waited = sync.sound_wait();
        sync.look(None, Some(190_000));
        assert_eq!(sync.sound_wait(), waited, "in a pause it keeps what it has learnt");
        sync.look(Some(40_000 + waited.as_micros() as i64), None);
        assert_eq!(sync, LipSync::default());
    }

    #[test]
    fn what_is_too_far_apart_is_not_waited_for() {
        let mut sync = LipSync::default();
        settle(&mut sync, 5_000, 0);
        assert_eq!(sync.picture_wait(), Duration::from_millis(400));
    }
}

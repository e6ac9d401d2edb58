//! Holds the sound and the picture of each stream together, by the sender reports of both.

use crate::remote::track::Incoming;
use crate::task::Actor;
use confab_wire::media::MediaKind;
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
fn micros(at: Instant) -> i64 {
    let since = at.saturating_duration_since(*BEGINNING);
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

/// When the pictures of a track come, and how long they are to wait.
#[derive(Debug, Default)]
pub struct Timing {
    /// Mean time from the sender's clock to their coming, in microseconds, and when the last one came.
    delay: Mutex<Option<(f64, Instant)>>,
    wait_ms: AtomicU32,
}

impl Timing {
    /// A picture taken at `sender` (microseconds of the sender's clock) came.
    pub fn came(&self, sender: i64, at: Instant) {
        let now = (micros(at) - sender) as f64;
        let mut delay = self.delay.lock().unwrap_or_else(PoisonError::into_inner);
        let mean = match *delay {
            Some((mean, _)) if (now - mean).abs() < ANOTHER_CLOCK => mean + (now - mean) * SMOOTHING,
            _ => now,
        };
        *delay = Some((mean, at));
    }

    /// How long the next pictures wait before they are shown.
    pub fn picture_wait(&self) -> Duration {
        Duration::from_millis(self.wait_ms.load(Ordering::Relaxed).into())
    }

    /// The mean delay; `None` while no pictures come.
    fn delay(&self, now: Instant) -> Option<i64> {
        let delay = *self.delay.lock().unwrap_or_else(PoisonError::into_inner);
        delay.filter(|(_, last)| now.saturating_duration_since(*last) < SHOWN).map(|(mean, _)| mean as i64)
    }

    fn set_picture_wait(&self, wait: Duration) {
        self.wait_ms.store(u32::try_from(wait.as_millis()).unwrap_or(u32::MAX), Ordering::Relaxed);
    }
}

impl Incoming {
    /// Time from the sender's clock until it is heard, in microseconds; `None` while nothing is.
    fn sound_delay(&self) -> Option<i64> {
        let (timestamp, at) = self.audio.as_ref()?.due()?;
        Some(micros(at) - self.track.sender_clock()?.micros_at(timestamp))
    }

    /// How much later its sound is heard than it is shown, in milliseconds, with what either waits.
    pub(crate) fn skew_ms(&self, sound: &Incoming) -> Option<f32> {
        let skew = sound.sound_delay()?
            - self.meter.timing.delay(Instant::now())?
            - self.lips.picture_wait().as_micros() as i64;
        Some(skew as f32 / 1_000.0)
    }
}

impl Actor {
    /// The sound of the stream of a picture.
    pub(crate) fn sound_of(&self, picture: &Incoming) -> Option<&Incoming> {
        let belongs = |sound: &&Incoming| sound.peer == picture.peer && sound.view.stream == picture.view.stream;
        self.incoming.iter().filter(belongs).find(|sound| sound.audio.is_some())
    }

    /// Lets what is sooner wait for what belongs to it.
    pub(crate) fn sync_lips(&mut self) {
        let now = Instant::now();
        for index in 0..self.incoming.len() {
            let picture = &self.incoming[index];
            if picture.view.kind != MediaKind::Video {
                continue;
            }
            let Some(sound) = self.sound_of(picture) else { continue };
            let mut lips = picture.lips;
            lips.look(sound.sound_delay(), picture.meter.timing.delay(now));
            if let Some(audio) = &sound.audio {
                audio.set_extra_delay(lips.sound_wait());
            }
            picture.meter.timing.set_picture_wait(lips.picture_wait());
            self.incoming[index].lips = lips;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_that_come_no_more_have_no_delay() {
        let timing = Timing::default();
        let begun = Instant::now();
        assert_eq!(timing.delay(begun), None);
        let last = begun + Duration::from_secs(3);
        timing.came(micros(begun) - 80_000, begun);
        timing.came(micros(last) - 80_000, last);
        assert!((79_000..=81_000).contains(&timing.delay(last).unwrap_or_default()));
        assert!(timing.delay(last + SHOWN / 2).is_some());
        assert_eq!(timing.delay(last + SHOWN), None);
    }
}

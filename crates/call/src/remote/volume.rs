//! How loud one hears each participant, as one chose it in this call.

use confab_ipc::{FULL_VOLUME, MAX_VOLUME, Participant};
use confab_media::MAX_GAIN;
use std::collections::HashMap;

const _: () = assert!(MAX_GAIN == MAX_VOLUME as f32 / FULL_VOLUME as f32);

/// How loud one hears a participant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Volume {
    /// In percent of how they send it.
    pub percent: u16,
    /// Muted by oneself, for oneself.
    pub muted: bool,
}

impl Default for Volume {
    fn default() -> Self {
        Self { percent: FULL_VOLUME, muted: false }
    }
}

impl Volume {
    /// The factor for the samples.
    pub fn gain(self) -> f32 {
        if self.muted { 0.0 } else { f32::from(self.percent) / f32::from(FULL_VOLUME) }
    }
}

/// The volumes of all participants, also of those who are gone and may come back.
#[derive(Debug, Default)]
pub struct Volumes {
    /// Those that were changed.
    changed: HashMap<String, Volume>,
}

impl Volumes {
    /// The volume of a participant.
    pub fn get(&self, id: &str) -> Volume {
        self.changed.get(id).copied().unwrap_or_default()
    }

    /// Changes it; returns what it is now.
    pub fn change(&mut self, id: &str, change: impl FnOnce(&mut Volume)) -> Volume {
        let mut volume = self.get(id);
        change(&mut volume);
        if volume == Volume::default() {
            self.changed.remove(id);
        } else {
            self.changed.insert(id.to_owned(), volume);
        }
        volume
    }

    /// Puts it into what the window sees of a participant.
    pub fn describe(&self, participant: &mut Participant) {
        let volume = self.get(&participant.id);
        (participant.volume, participant.muted_for_me) = (volume.percent, volume.muted);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_comes_back_is_heard_as_before() {
        let mut volumes = Volumes::default();
        volumes.change("a", |volume| volume.percent = 250);
        volumes.change("a", |volume| volume.muted = true);
        let heard = ["a", "b"].map(|id| (volumes.get(id).percent, volumes.get(id).muted));
        assert_eq!(heard, [(250, true), (100, false)]);
        assert_eq!(volumes.get("a").gain(), 0.0);
        assert_eq!(volumes.change("a", |volume| volume.muted = false).gain(), 2.5);
        volumes.change("a", |volume| volume.percent = FULL_VOLUME);
        assert!(volumes.changed.is_empty(), "nothing is kept of someone as they are");
    }
}

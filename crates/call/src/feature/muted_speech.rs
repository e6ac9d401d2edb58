//! Speech into a muted microphone, of which the person is to know: no clock and no device of its own.

use crate::effect::Effects;
use crate::feature::hooks::{Feature, MicrophoneActivity};
use confab_ipc::UiEvent;
use std::time::Duration;

/// Speech after which it is reported. Less is a cough, or the end of what was said before the mute.
const SPOKEN: Duration = Duration::from_millis(500);
/// Silence after which speech begins anew.
const PAUSE: Duration = Duration::from_millis(300);
/// It is not reported again for so long: who goes on speaking has read it, and talks to somebody in the room.
const AGAIN: Duration = Duration::from_secs(30);

/// Listens to the own microphone.
#[derive(Debug, Default)]
pub struct MutedSpeech {
    spoken: Duration,
    silent: Duration,
    /// How long it is not reported any more.
    rests: Duration,
}

impl MutedSpeech {
    /// What was heard in the time `passed`: whether the microphone was muted, and whether there was a voice. True if it is to
    /// be reported now.
    fn hear(&mut self, muted: bool, voice: bool, passed: Duration) -> bool {
        if !muted {
            // Whoever mutes again may forget again.
            *self = Self::default();
            return false;
        }
        self.rests = self.rests.saturating_sub(passed);
        if voice {
            self.silent = Duration::ZERO;
            self.spoken += passed;
        } else {
            self.silent += passed;
            if self.silent >= PAUSE {
                self.spoken = Duration::ZERO;
            }
        }
        let reports = self.spoken >= SPOKEN && self.rests.is_zero();
        if reports {
            self.rests = AGAIN;
        }
        reports
    }
}

impl Feature for MutedSpeech {
    fn microphone(&mut self, activity: MicrophoneActivity, effects: &mut Effects) {
        if self.hear(activity.muted, activity.voice, activity.passed) {
            effects.event(UiEvent::SpeakingWhileMuted);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TICK: Duration = Duration::from_millis(100);

    /// How often it is reported in these tenths of a second.
    fn reported(muted: &mut MutedSpeech, voice: impl IntoIterator<Item = bool>) -> usize {
        voice.into_iter().filter(|voice| muted.hear(true, *voice, TICK)).count()
    }

    #[test]
    fn who_speaks_while_muted_is_told_once() {
        let mut muted = MutedSpeech::default();
        assert_eq!(reported(&mut muted, [true; 4]), 0);
        assert_eq!(reported(&mut muted, [true; 1]), 1);
        assert_eq!(reported(&mut muted, [true; 200]), 0);
        assert_eq!(reported(&mut muted, [true; 200]), 1, "after half a minute again");
    }

    #[test]
    fn short_sounds_are_not_speech() {
        let coughs = (0..300).map(|tenth| tenth % 10 < 3);
        assert_eq!(reported(&mut MutedSpeech::default(), coughs), 0);
        let sentence = (0..30).map(|tenth| tenth % 4 < 2);
        assert_eq!(reported(&mut MutedSpeech::default(), sentence), 1, "words with short pauses are");
    }

    #[test]
    fn who_is_heard_is_not_told() {
        let mut muted = MutedSpeech::default();
        assert!(!(0..100).any(|_| muted.hear(false, true, TICK)));
        assert_eq!(reported(&mut muted, [true; 4]), 0, "the end of what was said aloud");
        muted.hear(false, false, TICK);
        assert_eq!(reported(&mut muted, [true; 5]), 1);
        muted.hear(false, false, TICK);
        assert_eq!(reported(&mut muted, [true; 5]), 1, "a new mute is forgotten anew");
    }
}

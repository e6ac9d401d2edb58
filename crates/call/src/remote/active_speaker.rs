//! Who speaks, by how loud everyone is heard: no clock and no call of its own.

use std::time::Duration;

/// Quietest and loudest speech, in dBFS (root mean square); what is under it counts nothing, what is over it no more.
const QUIET_DB: f32 = -50.0;
/// See [`QUIET_DB`].
const LOUD_DB: f32 = -20.0;
/// How far back is looked: what was said this long ago counts a third. A cough or a "yes" is over before it counts enough.
const MEMORY: Duration = Duration::from_millis(1200);
/// Activity that makes a speaker of someone: speech of middle loudness for 0.6 s, loud speech for 0.35 s.
const SPEAKING: f32 = 0.25;
/// How many times as active as who spoke last someone has to be to take over. Two who talk at once do not alternate.
const OVER_ACTIVE: f32 = 1.5;
/// Activity of somebody who is forgotten.
const NOTHING: f32 = 0.01;

#[derive(Debug)]
struct Talker {
    id: String,
    /// Loudness over the last seconds: 0 silent, 1 loud all the time.
    activity: f32,
}

/// Follows who speaks. In silence it is who spoke last.
#[derive(Debug, Default)]
pub struct ActiveSpeaker {
    talkers: Vec<Talker>,
    active: Option<String>,
}

impl ActiveSpeaker {
    /// Who speaks, or spoke last.
    pub fn id(&self) -> Option<&str> {
        self.active.as_deref()
    }

    /// Everyone's level (RMS, 0 to 1) over the time `passed`; who is not among them is silent. True if someone else speaks.
    pub fn hear(&mut self, levels: &[(String, f32)], passed: Duration) -> bool {
        for (id, _) in levels {
            if !self.talkers.iter().any(|talker| talker.id == *id) {
                self.talkers.push(Talker { id: id.clone(), activity: 0.0 });
            }
        }
        let weight = 1.0 - (-passed.as_secs_f32() / MEMORY.as_secs_f32()).exp();
        for talker in &mut self.talkers {
            let level = levels.iter().find(|(id, _)| *id == talker.id).map_or(0.0, |(_, level)| *level);
            talker.activity += (loudness(level) - talker.activity) * weight;
        }
        let active = self.active.as_deref();
        self.talkers.retain(|talker| talker.activity > NOTHING || Some(talker.id.as_str()) == active);
        let Some(loudest) = self.talkers.iter().max_by(|a, b| a.activity.total_cmp(&b.activity)) else { return false };
        let current = self.talkers.iter().find(|talker| Some(talker.id.as_str()) == active);
        let bar = current.map_or(SPEAKING, |current| SPEAKING.max(current.activity * OVER_ACTIVE));
        let changes = loudest.activity > bar && Some(loudest.id.as_str()) != active;
        if changes {
            self.active = Some(loudest.id.clone());
        }
        changes
    }

    /// Someone is gone. True if it was who spoke last.
    pub fn leave(&mut self, id: &str) -> bool {
        self.talkers.retain(|talker| talker.id != id);
        self.active.take_if(|active| active == id).is_some()
    }
}

/// 0 for what is no speech, 1 for loud speech, and what is between by its level in dB.
fn loudness(level: f32) -> f32 {
    let decibels = 20.0 * level.max(f32::MIN_POSITIVE).log10();
    ((decibels - QUIET_DB) / (LOUD_DB - QUIET_DB)).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TICK: Duration = Duration::from_millis(100);
    /// Speech of middle loudness: -32 dBFS.
    const SPEECH: f32 = 0.025;
    const SHOUT: f32 = 0.3;

    /// Lets these be heard for `tenths` of a second; after how many someone else spoke.
    fn listen(speaker: &mut ActiveSpeaker, tenths: u32, levels: &[(&str, f32)]) -> Option<u32> {
        let levels: Vec<_> = levels.iter().map(|(id, level)| ((*id).to_owned(), *level)).collect();
        (1..=tenths).fold(None, |changed, tenth| {
            let changes = speaker.hear(&levels, TICK);
            changed.or(changes.then_some(tenth))
        })
    }

    fn ann_speaks() -> ActiveSpeaker {
        let mut speaker = ActiveSpeaker::default();
        listen(&mut speaker, 30, &[("ann", SPEECH)]);
        assert_eq!(speaker.id(), Some("ann"));
        speaker
    }

    #[test]
    fn the_first_to_speak_is_known_within_a_second() {
        let mut speaker = ActiveSpeaker::default();
        assert_eq!(listen(&mut speaker, 20, &[("ann", 0.0), ("ben", 0.001)]), None, "nobody speaks");
        let after = listen(&mut speaker, 10, &[("ann", SPEECH)]);
        assert!((4..=9).contains(&after.unwrap()), "after {after:?} tenths");
    }

    #[test]
    fn neither_a_cough_nor_a_yes_takes_over() {
        let mut speaker = ann_speaks();
        assert_eq!(listen(&mut speaker, 3, &[("ann", SPEECH), ("ben", SHOUT)]), None, "a cough over speech");
        assert_eq!(listen(&mut speaker, 20, &[("ann", SPEECH)]), None);
        assert_eq!(listen(&mut speaker, 20, &[]), None, "silence keeps who spoke last");
        assert_eq!(listen(&mut speaker, 3, &[("ben", SPEECH)]), None, "a yes in a pause");
        assert_eq!(listen(&mut speaker, 600, &[]), None);
        assert_eq!(speaker.id(), Some("ann"), "a minute later, too");
    }

    #[test]
    fn who_goes_on_speaking_takes_over() {
        let mut speaker = ann_speaks();
        let after = listen(&mut speaker, 30, &[("ben", SPEECH)]).unwrap();
        assert!((6..=15).contains(&after), "after {after} tenths of a second");
        assert_eq!(speaker.id(), Some("ben"));
    }

    #[test]
    fn two_at_once_do_not_alternate_but_who_is_far_louder_is_heard() {
        let mut speaker = ann_speaks();
        for _ in 0..50 {
            assert_eq!(listen(&mut speaker, 2, &[("ann", SPEECH), ("ben", 0.7 * SPEECH)]), None);
            assert_eq!(listen(&mut speaker, 2, &[("ann", 0.7 * SPEECH), ("ben", SPEECH)]), None);
        }
        assert!(listen(&mut speaker, 40, &[("ann", 0.2 * SPEECH), ("ben", SHOUT)]).is_some());
    }

    #[test]
    fn who_leaves_is_dropped() {
        let mut speaker = ann_speaks();
        listen(&mut speaker, 5, &[("ben", SPEECH)]);
        assert!(!speaker.leave("ben"));
        assert!(speaker.leave("ann"));
        assert_eq!(speaker.id(), None);
        assert!(listen(&mut speaker, 20, &[("cat", SPEECH)]).is_some());
    }
}

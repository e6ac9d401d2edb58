//! The call's task: how one hears the others, who speaks, and whether one is heard oneself.

use crate::remote::track::Incoming;
use crate::report::reports::LEVELS;
use crate::task::Actor;
use confab_ipc::{DeviceState, ErrorCode, FULL_VOLUME, MAX_VOLUME, Participant, UiEvent, UserError};
use confab_media::MAX_GAIN;
use confab_wire::call as names;

/// Own id among the levels that the window is told.
const OWN: &str = "self";
/// RMS level under which someone counts as silent and is not told.
const SILENCE: f32 = 0.001;

const _: () = assert!(MAX_GAIN == MAX_VOLUME as f32 / FULL_VOLUME as f32);

/// How loud one hears a participant.
pub fn gain(participant: &Participant) -> f32 {
    if participant.muted_for_me { 0.0 } else { f32::from(participant.volume) / f32::from(FULL_VOLUME) }
}

impl Actor {
    pub(crate) async fn set_peer_volume(&mut self, id: &str, volume: u16) -> Result<(), UserError> {
        if volume > MAX_VOLUME {
            return Err(ErrorCode::BadVolume.into());
        }
        self.change_hearing(id, |participant| participant.volume = volume).await
    }

    pub(crate) async fn set_muted_for_me(&mut self, id: &str, muted: bool) -> Result<(), UserError> {
        self.change_hearing(id, |participant| participant.muted_for_me = muted).await
    }

    async fn change_hearing(&mut self, id: &str, change: impl FnOnce(&mut Participant)) -> Result<(), UserError> {
        let entry = self.roster.get_mut(id).ok_or(ErrorCode::ParticipantGone)?;
        change(&mut entry.view);
        let gain = gain(&entry.view);
        let audios = self.incoming.iter().filter(|incoming| incoming.peer == id).filter_map(|one| one.audio.as_ref());
        audios.for_each(|audio| audio.set_gain(gain));
        self.tell_participant(id, |participant| UiEvent::ParticipantChanged { participant }).await;
        Ok(())
    }

    /// Tells how loud everyone is, and what follows from it.
    pub(crate) async fn tell_levels(&mut self) {
        let own = Some((OWN.to_owned(), self.devices.mic_level())).filter(|(_, level)| *level > SILENCE);
        let mut heard = loudest(self.voices().map(|incoming| (incoming.peer.as_str(), incoming.level())));
        heard.extend(own.clone());
        // The next levels come soon.
        let _ = self.events.try_send(UiEvent::Levels { levels: heard });
        self.follow_speaker(own).await;
        let (muted, voice) = (self.devices.states().0 == DeviceState::Off, self.devices.hears_voice());
        if self.muted_speech.hear(muted, voice, LEVELS) {
            self.tell(UiEvent::SpeakingWhileMuted).await;
        }
    }

    /// The tracks in which people speak: the sound of a film that somebody shares is nobody's speech.
    fn voices(&self) -> impl Iterator<Item = &Incoming> {
        self.incoming.iter().filter(|incoming| incoming.view.event != names::SCREEN)
    }

    /// `own`: the level of the microphone, which the others hear unless it is muted.
    async fn follow_speaker(&mut self, own: Option<(String, f32)>) {
        let mut levels = loudest(self.voices().map(|incoming| (incoming.peer.as_str(), incoming.spoken_level())));
        levels.extend(own.filter(|_| self.devices.media_state().mic));
        if self.speakers.hear(&levels, LEVELS) {
            self.tell(UiEvent::ActiveSpeaker { id: self.active_speaker() }).await;
        }
    }

    /// Who of the others speaks or spoke last; `None` if it was oneself, or nobody yet.
    pub(crate) fn active_speaker(&self) -> Option<String> {
        self.speakers.id().filter(|id| *id != OWN).map(str::to_owned)
    }

    /// Someone is gone, who may have spoken last.
    pub(crate) async fn forget_speaker(&mut self, id: &str) {
        if self.speakers.leave(id) {
            self.tell(UiEvent::ActiveSpeaker { id: None }).await;
        }
    }
}

/// The loudest track of each peer that is not silent.
fn loudest<'a>(levels: impl Iterator<Item = (&'a str, f32)>) -> Vec<(String, f32)> {
    let mut loudest: Vec<(String, f32)> = Vec::new();
    for (peer, level) in levels.filter(|(_, level)| *level > SILENCE) {
        match loudest.iter_mut().find(|(id, _)| id == peer) {
            Some((_, most)) => *most = most.max(level),
            None => loudest.push((peer.to_owned(), level)),
        }
    }
    loudest
}

impl Incoming {
    /// Loudness of what is heard: RMS, 0 to 1.
    fn level(&self) -> f32 {
        self.audio.as_ref().map_or(0.0, |audio| audio.level())
    }

    /// Loudness of what is said since the last look: what is heard, or, if one made it silent for oneself, what the sender
    /// says of it.
    fn spoken_level(&self) -> f32 {
        let told = self.meter.take_told_level();
        let is_silenced = self.audio.as_ref().is_none_or(|audio| audio.gain() == 0.0);
        if is_silenced { told } else { self.level() }
    }
}

//! What comes from the others: their tracks, how loud each of them is heard, and who speaks.

use crate::config::recording_path;
use crate::effect::Effects;
use crate::errors::user_error;
use crate::remote::active_speaker::ActiveSpeaker;
use crate::remote::track::{ReceivedPictureStats, ReceivedTrack};
use crate::remote::video::VideoSinks;
use crate::remote::volume::{Volume, Volumes};
use crate::report::levels::{OWN_LEVEL, loudest};
use crate::track_frame::TrackFrame;
use confab_ipc::{ErrorCode, MAX_VOLUME, Participant, PeerStats, TrackView, UiEvent, UserError, frame::SELF_TRACK};
use confab_media::{PeerAudio, Recorder, RecordingFailures, recorder};
use confab_rtcio::{RemoteStream, RemoteTrack};
use confab_wire::{call::SCREEN, layers::RenderedSize, limits, media::MediaKind};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio::sync::broadcast;

/// Handles of remote tracks, unique within the life of the program: the media socket outlives a call.
static NEXT_HANDLE: AtomicU32 = AtomicU32::new(SELF_TRACK + 1);

/// What is done with what comes.
#[derive(Debug)]
pub struct ReceiverConfig {
    /// Where the window gets frames.
    pub window: broadcast::Sender<TrackFrame>,
    /// Folder into which each track is written.
    pub record: Option<PathBuf>,
    /// Decode video in the backend.
    pub decode: bool,
    /// Size of the test pattern that the others send, to compare what is decoded with it.
    pub compare: Option<(u32, u32)>,
}

/// See the module.
#[derive(Debug)]
pub struct RemoteTracks {
    config: ReceiverConfig,
    /// Starts recordings, if there are any.
    recorder: Option<Recorder>,
    /// What becomes of them.
    failures: Option<RecordingFailures>,
    /// In the order in which they came. A mesh is small: look-ups walk the list.
    tracks: Vec<ReceivedTrack>,
    /// (peer, stream) → event that carried it; it may be known before the stream's first track.
    stream_events: HashMap<(String, String), String>,
    volumes: Volumes,
    active_speaker: ActiveSpeaker,
}

impl RemoteTracks {
    /// Nothing comes yet.
    pub fn new(config: ReceiverConfig) -> Self {
        let (recorder, failures) = config.record.is_some().then(recorder).unzip();
        Self {
            config,
            recorder,
            failures,
            tracks: Vec::new(),
            stream_events: HashMap::new(),
            volumes: Volumes::default(),
            active_speaker: ActiveSpeaker::default(),
        }
    }

    /// A track comes. `mix` is a place in the mix for its sound. False if it can't be taken.
    pub fn added(
        &mut self,
        peer: &str,
        stream: &RemoteStream,
        track: RemoteTrack,
        mix: Option<PeerAudio>,
        effects: &mut Effects,
    ) -> bool {
        let view = TrackView {
            handle: NEXT_HANDLE.fetch_add(1, Ordering::Relaxed),
            kind: track.kind(),
            stream: stream.msid.clone(),
            event: self.stream_events.get(&(peer.to_owned(), stream.msid.clone())).cloned().unwrap_or_default(),
            refused: track.refused_codec(),
        };
        let dir = self.config.record.as_deref();
        let record =
            dir.zip(self.recorder.as_ref()).map(|(dir, recorder)| (recording_path(dir, peer, &view), recorder));
        let received = match (view.kind, mix) {
            (MediaKind::Video, _) => {
                let record = record.map(|(path, recorder)| recorder.record_pictures(path));
                let sinks = VideoSinks { window: self.config.window.clone(), record, decode: self.config.decode };
                ReceivedTrack::video(peer, view.clone(), track, sinks, self.config.compare)
            }
            (MediaKind::Audio, None) => None,
            (MediaKind::Audio, Some(audio)) => {
                if let Some((path, recorder)) = record {
                    audio.record(recorder.record_sound(path));
                }
                audio.set_gain(self.volumes.get(peer).gain());
                ReceivedTrack::audio(peer, view.clone(), track, audio)
            }
        };
        let Some(received) = received else { return false };
        self.tracks.push(received);
        effects.event(UiEvent::TrackAdded { id: peer.to_owned(), track: view });
        true
    }

    /// The event that carried a stream is known: its tracks are reported again under their handles.
    pub fn stream_named(&mut self, peer: &str, event: &str, stream: &RemoteStream, effects: &mut Effects) {
        self.remember(peer, &stream.msid, event);
        for track in self.tracks.iter_mut().filter(|track| track.peer() == peer && track.view().stream == stream.msid) {
            if track.set_event(event) {
                effects.event(UiEvent::TrackAdded { id: peer.to_owned(), track: track.view().clone() });
            }
        }
    }

    /// Keeps the event that carried a stream. A peer whose streams come and go has a bounded number: those without a track go first.
    fn remember(&mut self, peer: &str, msid: &str, event: &str) {
        let key = (peer.to_owned(), msid.to_owned());
        let of_peer = self.stream_events.keys().filter(|(of, _)| of == peer).count();
        if of_peer >= limits::STREAMS_PER_PEER && !self.stream_events.contains_key(&key) {
            let has_track =
                |msid: &str| self.tracks.iter().any(|track| track.peer() == peer && track.view().stream == msid);
            self.stream_events.retain(|(of, stream), _| of != peer || has_track(stream));
        }
        self.stream_events.insert(key, event.to_owned());
    }

    /// A track has ended.
    pub fn removed(&mut self, peer: &str, track: &RemoteTrack, effects: &mut Effects) {
        let Some(index) = self.tracks.iter().position(|known| known.peer() == peer && known.is(track)) else { return };
        let removed = self.tracks.remove(index);
        if !removed.is_audio()
            && let Some(sound) = self.sound_of(&removed)
        {
            // It waited for the picture.
            sound.set_extra_delay(Duration::ZERO);
        }
        effects.event(UiEvent::TrackRemoved { id: peer.to_owned(), handle: removed.view().handle });
    }

    /// A peer is gone, and everything that came from it.
    pub fn peer_went(&mut self, peer: &str, effects: &mut Effects) {
        self.tracks.retain(|track| track.peer() != peer);
        self.stream_events.retain(|(of, _), _| of != peer);
        if self.active_speaker.leave(peer) {
            effects.event(UiEvent::ActiveSpeaker { id: None });
        }
    }

    /// Why the next recording can't be written; pending if there is none. Safe to drop before it is done.
    pub async fn recording_failed(&mut self) -> UserError {
        let failure = match &mut self.failures {
            Some(failures) => failures.next().await,
            None => None,
        };
        match failure {
            Some(error) => user_error(error),
            None => std::future::pending().await,
        }
    }

    /// Everyone is gone, and all recordings end. Returns what becomes of them, if there are any.
    pub fn clear(&mut self) -> Option<RecordingFailures> {
        self.tracks.clear();
        self.recorder = None;
        self.failures.take()
    }

    /// True if a window gets frames.
    pub fn has_window(&self) -> bool {
        self.config.window.receiver_count() > 0
    }

    /// Puts tracks and volume into what the window sees of a participant.
    pub fn describe(&self, participant: &mut Participant) {
        let of = self.tracks.iter().filter(|track| track.peer() == participant.id);
        participant.tracks = of.map(|track| track.view().clone()).collect();
        self.volumes.describe(participant);
    }

    /// Asks for a key frame of the track with this handle.
    pub fn request_key_frame(&self, handle: u32) {
        if let Some(track) = self.with_handle(handle) {
            track.request_key_frame();
        }
    }

    /// Reports to the sender of the track with this handle at which size it is drawn.
    pub fn set_rendered_size(&self, handle: u32, size: RenderedSize) {
        if let Some(track) = self.with_handle(handle) {
            track.set_rendered_size(size);
        }
    }

    fn with_handle(&self, handle: u32) -> Option<&ReceivedTrack> {
        self.tracks.iter().find(|track| track.view().handle == handle)
    }

    /// Changes how loud one hears a participant, in percent. Fails with [`ErrorCode::BadVolume`].
    pub fn set_volume(&mut self, peer: &str, percent: u16) -> Result<(), UserError> {
        if percent > MAX_VOLUME {
            return Err(ErrorCode::BadVolume.into());
        }
        self.change_volume(peer, |volume| volume.percent = percent);
        Ok(())
    }

    /// Mutes a participant for oneself, or not any more.
    pub fn set_muted(&mut self, peer: &str, muted: bool) {
        self.change_volume(peer, |volume| volume.muted = muted);
    }

    fn change_volume(&mut self, peer: &str, change: impl FnOnce(&mut Volume)) {
        let gain = self.volumes.change(peer, change).gain();
        self.tracks.iter().filter(|track| track.peer() == peer).for_each(|track| track.set_gain(gain));
    }

    /// How loud each of the others is heard.
    pub fn levels(&self) -> Vec<(String, f32)> {
        loudest(self.voices().map(|track| (track.peer(), track.level())))
    }

    /// Follows who speaks over the time `passed`. `own`: the level of the microphone, if the others hear it.
    pub fn follow_speaker(&mut self, own: Option<(String, f32)>, passed: Duration, effects: &mut Effects) {
        let mut levels = loudest(self.voices().map(|track| (track.peer(), track.spoken_level())));
        levels.extend(own);
        if self.active_speaker.hear(&levels, passed) {
            effects.event(UiEvent::ActiveSpeaker { id: self.active_speaker() });
        }
    }

    /// Who of the others speaks or spoke last; `None` if it was oneself, or nobody yet.
    pub fn active_speaker(&self) -> Option<String> {
        self.active_speaker.id().filter(|id| *id != OWN_LEVEL).map(str::to_owned)
    }

    /// The tracks in which people speak: the sound of a film that somebody shares is nobody's speech.
    fn voices(&self) -> impl Iterator<Item = &ReceivedTrack> {
        self.tracks.iter().filter(|track| track.view().event != SCREEN)
    }

    /// Adds to the numbers about a peer what came from it in the `passed` time since the last call.
    pub fn add_readings(&mut self, stats: &mut PeerStats, passed: Duration) {
        for track in &mut self.tracks {
            if track.peer() == stats.id {
                track.add_reading(stats, passed);
            }
        }
    }

    /// What the decoders saw since the last reading.
    pub fn take_picture_stats(&self) -> Vec<ReceivedPictureStats> {
        let all = self.tracks.iter();
        all.map(|track| track.take_picture_stats(self.sound_of(track))).collect()
    }

    /// Delays what is earlier of the sound and the picture of each stream.
    pub fn synchronize(&mut self) {
        for index in 0..self.tracks.len() {
            let (before, rest) = self.tracks.split_at_mut(index);
            let Some((track, after)) = rest.split_first_mut() else { return };
            if track.view().kind != MediaKind::Video {
                continue;
            }
            if let Some(sound) = before.iter().chain(after.iter()).find(|sound| is_sound_of(sound, track)) {
                let sync = track.synchronize(sound);
                sound.set_extra_delay(sync.audio_delay());
            }
        }
    }

    /// The sound of the stream of a picture.
    fn sound_of(&self, picture: &ReceivedTrack) -> Option<&ReceivedTrack> {
        self.tracks.iter().find(|sound| is_sound_of(sound, picture))
    }
}

fn is_sound_of(sound: &ReceivedTrack, picture: &ReceivedTrack) -> bool {
    sound.is_audio() && sound.peer() == picture.peer() && sound.view().stream == picture.view().stream
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_whose_streams_come_and_go_is_remembered_in_bounds() {
        let config = ReceiverConfig { window: broadcast::Sender::new(1), record: None, decode: false, compare: None };
        let mut tracks = RemoteTracks::new(config);
        for peer in ["ann", "ben"] {
            for number in 0..1_000 {
                let stream = RemoteStream { id: None, msid: format!("stream {number}"), peer: peer.to_owned() };
                tracks.stream_named(peer, "screen", &stream, &mut Effects::default());
            }
        }
        assert!(tracks.stream_events.len() <= 2 * limits::STREAMS_PER_PEER, "{}", tracks.stream_events.len());
        assert!(tracks.stream_events.contains_key(&("ben".to_owned(), "stream 999".to_owned())));
    }
}

//! The sound of a share: beside its picture, for those who come later too, and nobody's voice. That of the computer comes
//! from real players at a private PulseAudio server.
#![cfg(target_os = "linux")]

use crate::common::{Participant, config, link, server};
use confab_call::{AudioSink, AudioSource, CallConfig, VideoSource, recording_path};
use confab_ipc::{ErrorCode, TrackView, UiEvent};
use confab_testkit::body::{self, Body};
use confab_testkit::clips;
use confab_testkit::pulse::Pulse;
use confab_testkit::sound::Sound;
use confab_wire::{media::MediaKind, room::RoomLink};

/// What the computer plays beside the call, and what the other participant says, in Hz.
const FILM: f32 = 880.0;
const VOICE: f32 = 1320.0;
/// RMS over which a tone is heard.
const AUDIBLE: f32 = 0.05;

/// Runs what the environment names. Not a test of its own.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "runs inside the other tests"]
async fn body() {
    tracing_subscriber::fmt().with_env_filter("warn,confab_media=debug,confab_call=debug,pulseaudio=off").init();
    match body::name().as_deref() {
        Some("film") => film().await,
        other => panic!("no such body: {other:?}"),
    }
}

/// Someone who only listens and looks.
fn viewer(link: &RoomLink, name: &str) -> CallConfig {
    CallConfig { audio: AudioSource::None, video: VideoSource::None, ..config(link, name) }
}

impl Participant {
    /// Waits for picture and sound of a share: two tracks of one stream.
    async fn share_of(&mut self, peer: &str) -> [TrackView; 2] {
        let mut found: Vec<TrackView> = Vec::new();
        let of_share = |event| match event {
            UiEvent::TrackAdded { id, track } if id == peer && track.event == "screen" => Some(track),
            _ => None,
        };
        self.wait("picture and sound of a share", |event| {
            found.extend(of_share(event));
            let of_kind = |kind| found.iter().find(|track| track.kind == kind).cloned();
            Some([of_kind(MediaKind::Video)?, of_kind(MediaKind::Audio)?])
        })
        .await
    }

    /// Waits until a peer is heard, or is not any more, in whatever it sends.
    async fn hears_of(&mut self, peer: &str, audible: bool) {
        self.wait(if audible { "sound" } else { "silence" }, |event| {
            let UiEvent::Stats { peers } = event else { return None };
            let stats = peers.into_iter().find(|stats| stats.id == peer)?;
            ((stats.audio_level > AUDIBLE) == audible).then_some(())
        })
        .await
    }

    /// Waits for the end of a peer's track.
    async fn loses(&mut self, peer: &str, track: &TrackView) {
        let removed = UiEvent::TrackRemoved { id: peer.to_owned(), handle: track.handle };
        self.wait("the end of a track", |event| (event == removed).then_some(())).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_goes_with_the_picture_to_all_and_is_nobodys_voice() {
    let server = server().await;
    let link = link(&server);
    let mut ann = Participant::join(viewer(&link, "Ann")).await;
    let mut ben = Participant::join(viewer(&link, "Ben")).await;
    let ann_id = ben.connected().await;
    ann.connected().await;
    ann.call.start_share(VideoSource::Pattern, AudioSource::Tone(FILM)).await.unwrap();
    assert!(ann.call.view().await.unwrap().me.share.unwrap().sound);
    let [picture, sound] = ben.share_of(&ann_id).await;
    assert_eq!(picture.stream, sound.stream);
    let mut voices = 0;
    ben.wait("sound", |event| match event {
        UiEvent::Stats { peers } => peers.iter().any(|peer| peer.audio_level > AUDIBLE).then_some(()),
        UiEvent::Levels { levels } => {
            voices += levels.iter().filter(|(id, _)| *id == ann_id).count();
            None
        }
        UiEvent::ActiveSpeaker { .. } => panic!("a film speaks"),
        _ => None,
    })
    .await;
    assert_eq!(voices, 0, "a film is no voice");
    // Who mutes someone mutes their film, too.
    ben.call.set_muted_for_me(ann_id.clone(), true).await.unwrap();
    ben.hears_of(&ann_id, false).await;
    ben.call.set_muted_for_me(ann_id.clone(), false).await.unwrap();
    ben.hears_of(&ann_id, true).await;

    let mut cat = Participant::join(viewer(&link, "Cat")).await;
    cat.share_of(&ann_id).await;
    cat.hears_of(&ann_id, true).await;

    // Another picture in its place, with sound and without: the sound's track goes on as long as there is any.
    ann.call.start_share(VideoSource::Pattern, AudioSource::Tone(VOICE)).await.unwrap();
    ben.hears_of(&ann_id, true).await;
    let tracks = ben.call.view().await.unwrap().participants[0].tracks.clone();
    assert_eq!(tracks.len(), 2, "{tracks:?}");
    assert!(tracks.contains(&sound), "the track is the same: {tracks:?}");
    ann.call.start_share(VideoSource::Pattern, AudioSource::None).await.unwrap();
    ben.loses(&ann_id, &sound).await;
    assert!(!ann.call.view().await.unwrap().me.share.unwrap().sound);
    ann.call.start_share(VideoSource::Pattern, AudioSource::Tone(FILM)).await.unwrap();
    ben.hears_of(&ann_id, true).await;

    ann.call.stop_share().await;
    for mut participant in [ben, cat] {
        while participant.call.view().await.unwrap().participants.iter().any(|other| !other.tracks.is_empty()) {
            let removed = |event| matches!(event, UiEvent::TrackRemoved { .. }).then_some(());
            participant.wait("the end of picture and sound", removed).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_without_the_sound_that_was_asked_for_says_why() {
    let server = server().await;
    let mut ann = Participant::join(viewer(&link(&server), "Ann")).await;
    let missing = AudioSource::Wav("missing.wav".into());
    ann.call.start_share(VideoSource::Pattern, missing).await.unwrap();
    ann.wait("the reason", |event| match event {
        UiEvent::Notice { notice } => (notice.error.code == ErrorCode::FileUnreadable).then_some(()),
        _ => None,
    })
    .await;
    assert!(!ann.call.view().await.unwrap().me.share.unwrap().sound);
}

/// Ann shares her computer's sound, on which a film plays and Ben speaks; then her sound server dies.
async fn film() {
    let dir = body::folder().unwrap();
    let server = server().await;
    let link = link(&server);
    let speaker = AudioSink::Speaker(Some("spk0".into()));
    let mut ann = Participant::join(CallConfig { speaker, ..viewer(&link, "Ann") }).await;
    let voice = AudioSource::Tone(VOICE);
    let mut ben =
        Participant::join(CallConfig { audio: voice, record: Some(dir.clone()), ..viewer(&link, "Ben") }).await;
    let ben_id = ann.connected().await;
    let ann_id = ben.connected().await;
    ann.hears_of(&ben_id, true).await;
    ann.call.start_share(VideoSource::Pattern, AudioSource::System).await.unwrap();
    let tracks = ben.share_of(&ann_id).await;
    ben.hears_of(&ann_id, true).await;
    body::tell(&dir, "heard").unwrap();
    ben.hears_of(&ann_id, false).await;
    body::tell(&dir, "over").unwrap();
    ann.wait("the end of the sound", |event| match event {
        UiEvent::Notice { notice } => (notice.error.code == ErrorCode::ShareSoundEnded).then_some(()),
        _ => None,
    })
    .await;
    assert!(!ann.call.view().await.unwrap().me.share.unwrap().sound);
    ben.loses(&ann_id, &tracks[1]).await;
    ben.sees(5).await;
    ann.call.stop_share().await;
    ben.loses(&ann_id, &tracks[0]).await;
    ben.call.leave().await;
    std::fs::rename(recording_path(&dir, &ann_id, &tracks[1]), dir.join("film.wav")).unwrap();
}

#[test]
fn what_the_computer_plays_is_heard_by_the_others_without_their_own_voices() {
    let mut pulse = Pulse::start().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let clip = dir.path().join("clip.wav");
    clips::tone_wav(&clip, &[FILM], 600.0).unwrap();
    let body = Body::start(module_path!(), "film", &pulse.server(), dir.path()).unwrap();
    let player = pulse.feed_sink("spk0", &clip).unwrap();
    body::wait_for(dir.path(), "heard").unwrap();
    drop(player);
    body::wait_for(dir.path(), "over").unwrap();
    pulse.kill().unwrap();
    body.finish().unwrap();
    let heard = Sound::read(&dir.path().join("film.wav")).unwrap();
    assert!((0.2..0.3).contains(&heard.tone(FILM)), "the film: {}", heard.tone(FILM));
    assert!(heard.tone(VOICE) < 0.01, "Ben's own voice: {}", heard.tone(VOICE));
}

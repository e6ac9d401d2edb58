//! The sound by which one finds out whether a speaker works, in a call whose microphone hears that speaker.
#![allow(clippy::unwrap_used)] // A test says what it expected by panicking.
#![cfg(target_os = "linux")]

mod common;

use common::{Participant, config, link, server};
use confab_call::{AudioSink, AudioSource, CallConfig, VideoSource, play_test_sound};
use confab_protocol::ErrorCode;
use confab_protocol::UserError;
use confab_protocol::ipc::UiEvent;
use confab_protocol::media::Processing;
use confab_testkit::body::{self, Body};
use confab_testkit::pulse::Pulse;
use std::pin::pin;

/// A busy machine makes the speaker stutter, and each stutter is a new way of the echo, to be learnt anew.
const TRIES: usize = 8;

/// Runs what the environment names. Not a test of its own.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "runs inside the other test"]
async fn body() {
    match body::name().as_deref() {
        Some("echo") => echo().await,
        other => panic!("no such body: {other:?}"),
    }
}

impl Participant {
    /// The greatest level of anybody else while `sound` plays.
    async fn loudest_during(&mut self, sound: impl Future<Output = Result<(), UserError>>) -> f32 {
        let mut sound = pin!(sound);
        let mut loudest = 0.0_f32;
        loop {
            tokio::select! {
                played = &mut sound => {
                    played.unwrap();
                    return loudest;
                }
                event = self.events.recv() => if let Some(UiEvent::Levels { levels }) = event {
                    let others = levels.iter().filter(|(id, _)| id != "self");
                    loudest = others.fold(loudest, |loudest, (_, level)| loudest.max(*level));
                }
            }
        }
    }
}

/// Ann's microphone hears her speaker; Ben hears what is sent of it.
async fn echo() {
    let server = server().await;
    let link = link(&server);
    let speaker = AudioSink::Speaker(Some("spk0".into()));
    let mut ann = Participant::join(CallConfig {
        video: VideoSource::None,
        audio: AudioSource::Mic(Some("echo".into())),
        speaker: speaker.clone(),
        processing: Processing { echo_cancellation: true, noise_suppression: false, gain_control: false },
        ..config(&link, "Ann")
    })
    .await;
    let listens = CallConfig { audio: AudioSource::None, video: VideoSource::None, ..config(&link, "Ben") };
    let mut ben = Participant::join(listens).await;
    ann.connected().await;
    ben.connected().await;
    ben.wait("Ann's sound", |event| match event {
        UiEvent::TrackAdded { .. } => Some(()),
        _ => None,
    })
    .await;
    let unknown = ben.loudest_during(play_test_sound(speaker)).await;
    assert!(unknown > 0.02, "a sound of another program is heard: {unknown}");
    let mut heard = Vec::new();
    while heard.len() < TRIES && heard.last().is_none_or(|last| *last > unknown / 5.0) {
        heard.push(ben.loudest_during(ann.call.play_test_sound()).await);
    }
    assert!(heard.last() < Some(&(unknown / 5.0)), "Ben hears {heard:?} of it, {unknown} without cancellation");
    ann.call.leave().await;
    ben.call.leave().await;
    assert_eq!(ann.call.play_test_sound().await.unwrap_err().code, ErrorCode::NotInCall);
}

#[test]
fn a_test_sound_in_a_call_is_no_sound_for_the_others() {
    let pulse = Pulse::start().unwrap();
    pulse.pactl(&["load-module", "module-remap-source", "source_name=echo", "master=spk0.monitor"]).unwrap();
    let dir = tempfile::tempdir().unwrap();
    Body::start("echo", &pulse.server(), dir.path()).unwrap().finish().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_speaker_the_error_is_the_speakers() {
    let server = server().await;
    let speaker = AudioSink::Speaker(Some("nobody's".into()));
    let ann = Participant::join(CallConfig { speaker, ..config(&link(&server), "Ann") }).await;
    let error = ann.call.play_test_sound().await.unwrap_err();
    assert!(matches!(error.code, ErrorCode::SpeakerMissing | ErrorCode::NoSoundServer), "{error}");
    ann.call.leave().await;
}

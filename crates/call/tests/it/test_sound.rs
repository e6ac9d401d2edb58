//! The sound by which one finds out whether a speaker works, in a call.
#![cfg(target_os = "linux")]

use crate::common::{Participant, config, link, server};
use confab_call::{AudioSink, AudioSource, CallConfig, VideoSource};
use confab_ipc::ErrorCode;
use confab_testkit::body::{self, Body};
use confab_testkit::pulse::Pulse;
use confab_testkit::sound::Sound;
use std::time::{Duration, Instant};

/// Its two notes, in Hz.
const NOTES: [f32; 2] = [659.26, 880.0];
/// It is listened to for so long: all of it at least once.
const LISTENED: Duration = Duration::from_secs(4);

/// Runs what the environment names. Not a test of its own.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "runs inside the other test"]
async fn body() {
    match body::name().as_deref() {
        Some("rings") => rings().await,
        other => panic!("no such body: {other:?}"),
    }
}

/// A call whose speaker is tried again and again.
async fn rings() {
    let server = server().await;
    let speaker = AudioSink::Speaker(Some("spk0".into()));
    let quiet = CallConfig { audio: AudioSource::None, video: VideoSource::None, ..config(&link(&server), "Ann") };
    let ann = Participant::join(CallConfig { speaker, ..quiet }).await;
    body::tell(&body::folder().unwrap(), "ready").unwrap();
    tokio::select! {
        () = body::told_to_end() => {}
        () = async {
            loop {
                ann.call.play_test_sound().await.unwrap();
            }
        } => {}
    }
    ann.call.leave().await;
    assert_eq!(ann.call.play_test_sound().await.unwrap_err().code, ErrorCode::NotInCall);
}

/// What is in the call's own stream is in the far end of its microphone. A stream beside it would be a sound that the echo
/// canceller knows nothing of.
#[test]
fn a_test_sound_is_part_of_what_the_call_plays() {
    let pulse = Pulse::start().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let body = Body::start(module_path!(), "rings", &pulse.server(), dir.path()).unwrap();
    body::wait_for(dir.path(), "ready").unwrap();
    let recorder = pulse.record(0, &dir.path().join("heard.wav")).unwrap();
    let since = Instant::now();
    while since.elapsed() < LISTENED {
        assert_eq!(pulse.count("sink-inputs").unwrap(), 1, "the call's own stream, and no other");
        std::thread::sleep(Duration::from_millis(50));
    }
    let heard = Sound::read(&recorder.finish().unwrap()).unwrap();
    body.finish().unwrap();
    let between = heard.tone(1000.0);
    for hz in NOTES {
        assert!(heard.tone(hz) > 3.0 * between.max(0.001), "{hz} Hz: {}, {between} at 1000 Hz", heard.tone(hz));
    }
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

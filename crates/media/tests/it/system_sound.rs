//! What other programs play, heard without what this one plays: real players at a private PulseAudio server.
//!
//! As in `pulse.rs`, each test runs its body in a process of its own.
#![cfg(target_os = "linux")]

use std::path::{Path, PathBuf};
use std::time::Duration;

use confab_media::{AudioCapture, AudioOutput, AudioSink, AudioSource, ErrorKind, can_share_sound};
use confab_testkit::body::{self, Body};
use confab_testkit::clips;
use confab_testkit::pulse::Pulse;
use confab_testkit::sound::Sound;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(20);
/// What the body's own call plays, in Hz.
const OWN: f32 = 1000.0;
/// The environment variable with the speaker on which it does.
const SPEAKER: &str = "CONFAB_TEST_SPEAKER";
/// File in the body's folder with what it heard.
const HEARD: &str = "heard.wav";
/// File in the body's folder that says that it listens, and that its call plays.
const LISTENS: &str = "listens";
/// File in the body's folder that says that something is heard.
const HEARS: &str = "hears";

/// Runs what the environment names. Not a test of its own.
#[tokio::test]
#[ignore = "runs inside the other tests"]
async fn body() {
    tracing_subscriber::fmt().with_env_filter("warn,confab_media=debug,pulseaudio=off").init();
    match body::name().as_deref() {
        Some("listen") => listen().await,
        Some("no-server") => no_server().await,
        Some("crash") => crash().await,
        other => panic!("no such body: {other:?}"),
    }
}

fn tell(name: &str) {
    body::tell(&body::folder().expect("a folder"), name).expect("is told");
}

/// Plays a tone as a call does, until dropped.
async fn own_call() -> AudioOutput {
    let output = AudioOutput::start(AudioSink::Speaker(std::env::var(SPEAKER).ok())).await.expect("opens");
    let peer = output.add_peer();
    let (tone, mut packets) = AudioCapture::start(AudioSource::Tone(OWN)).await.expect("starts");
    tokio::spawn(async move {
        let _tone = tone;
        while let Some(packet) = packets.recv().await {
            peer.push(packet);
        }
    });
    output
}

/// Writes what is heard of the system's sound into a file while an own call plays.
async fn listen() {
    let output = own_call().await;
    while output.level() < 0.1 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let (capture, mut packets) = AudioCapture::start(AudioSource::System).await.expect("opens");
    let file = body::folder().expect("a folder").join(HEARD);
    let format = hound::WavSpec {
        channels: 1,
        sample_rate: 48_000,
        bits_per_sample: 32,
        sample_format: hound::SampleFormat::Float,
    };
    let mut writer = hound::WavWriter::create(file, format).expect("writable");
    let mut decoder = opus::Decoder::new(48_000, opus::Channels::Mono).expect("a decoder");
    tell(LISTENS);
    let record = async {
        while let Some(packet) = packets.recv().await {
            let mut samples = [0.0f32; 960];
            let length = decoder.decode_float(&packet.data, &mut samples, false).expect("Opus");
            samples[..length].iter().for_each(|sample| writer.write_sample(*sample).expect("writes"));
            if capture.level() > 0.1 {
                tell(HEARS);
            }
        }
    };
    tokio::select! {
        () = body::told_to_end() => {}
        () = record => panic!("the sound ended: {:?}", capture.failed().borrow()),
    }
    writer.finalize().expect("a file");
    capture.stop().await;
    output.stop().await;
}

/// A tone of `hz` in a file of `dir`.
fn tone(dir: &Path, hz: f32, seconds: f32) -> PathBuf {
    let path = dir.join(format!("{hz}.wav"));
    clips::tone_wav(&path, &[hz], seconds).expect("writable");
    path
}

/// How long a tone is in a sound, in seconds.
fn seconds(sound: &Sound, hz: f32) -> f32 {
    sound.tone_share(hz, 0.15) * sound.samples.len() as f32 / sound.rate as f32
}

/// Ends the body and reads what it heard: never its own call.
fn heard(body: Body, dir: &Path) -> Sound {
    body.finish().expect("no failure");
    let sound = Sound::read(&dir.join(HEARD)).expect("a WAV file");
    assert!(sound.tone(OWN) < 0.01, "what this program plays is heard: {}", sound.tone(OWN));
    sound
}

#[test]
fn programs_that_begin_and_end_on_any_speaker_are_heard_and_the_own_call_is_not() {
    let pulse = Pulse::with_participants(2).expect("a sound server");
    let dir = tempfile::tempdir().expect("a temporary folder");
    let before = pulse.feed_sink("spk0", &tone(dir.path(), 440.0, 60.0)).expect("plays");
    pulse.wait_for("sink-inputs", 1).expect("a player");
    let body = Body::start(module_path!(), "listen", &pulse.server(), dir.path()).expect("starts");
    body::wait_for(dir.path(), HEARS).expect("is told");
    pulse.feed_sink("spk1", &tone(dir.path(), 660.0, 2.0)).expect("plays").wait().expect("plays to its end");
    drop(before);
    pulse.feed_sink("spk0", &tone(dir.path(), 880.0, 2.0)).expect("plays").wait().expect("plays to its end");
    let sound = heard(body, dir.path());
    for hz in [660.0, 880.0] {
        assert!(seconds(&sound, hz) > 1.5, "{hz} Hz for {:.1} s of 2", seconds(&sound, hz));
        assert!((0.2..0.3).contains(&sound.tone(hz)), "{hz} Hz as loud as it plays: {}", sound.tone(hz));
    }
    assert!(seconds(&sound, 440.0) > 1.5, "440 Hz for {:.1} s of two or more", seconds(&sound, 440.0));
}

#[test]
fn what_a_virtual_speaker_plays_is_heard_once_and_the_own_call_not_through_it_either() {
    let pulse = Pulse::start().expect("a sound server");
    pulse.plug_speaker("virtual", "Virtual", "spk0").expect("a virtual speaker");
    let dir = tempfile::tempdir().expect("a temporary folder");
    let body = Body::start_with(module_path!(), "listen", &pulse.server(), dir.path(), &[(SPEAKER, "virtual")])
        .expect("starts");
    body::wait_for(dir.path(), LISTENS).expect("is told");
    pulse.feed_sink("virtual", &tone(dir.path(), 440.0, 2.0)).expect("plays").wait().expect("plays to its end");
    let sound = heard(body, dir.path());
    assert!(seconds(&sound, 440.0) > 1.5, "440 Hz for {:.1} s of 2", seconds(&sound, 440.0));
    assert!(sound.tone(440.0) < 0.3, "heard twice: {}", sound.tone(440.0));
}

#[test]
fn a_program_that_moves_to_another_speaker_is_heard_on() {
    let pulse = Pulse::with_participants(2).expect("a sound server");
    let dir = tempfile::tempdir().expect("a temporary folder");
    let body = Body::start(module_path!(), "listen", &pulse.server(), dir.path()).expect("starts");
    body::wait_for(dir.path(), LISTENS).expect("is told");
    let player = pulse.feed_sink("spk0", &tone(dir.path(), 440.0, 6.0)).expect("plays");
    body::wait_for(dir.path(), HEARS).expect("is told");
    let last = pulse.newest("sink-inputs").expect("a player");
    for sink in ["spk1", "spk0", "spk1"] {
        pulse.pactl(&["move-sink-input", &last, sink]).expect("moves");
    }
    player.wait().expect("plays to its end");
    let sound = heard(body, dir.path());
    assert!(seconds(&sound, 440.0) > 4.0, "440 Hz for {:.1} s of 6", seconds(&sound, 440.0));
    // A move takes as long as a stream takes to open.
    assert!(sound.longest_gap(0.05) < 0.8, "a gap of {} s", sound.longest_gap(0.05));
}

async fn no_server() {
    assert!(!can_share_sound());
    let refused = AudioCapture::start(AudioSource::System).await.expect_err("no server");
    assert_eq!(*refused.kind(), ErrorKind::SystemSoundUnsupported, "{refused}");
}

#[test]
fn without_a_sound_server_it_cannot_be_had() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    Body::start(module_path!(), "no-server", &format!("unix:{}/none", dir.path().display()), dir.path())
        .expect("starts")
        .finish()
        .expect("no failure");
}

async fn crash() {
    assert!(can_share_sound());
    let (capture, mut packets) = AudioCapture::start(AudioSource::System).await.expect("opens");
    assert!(timeout(PATIENCE, packets.recv()).await.expect("in time").is_some(), "silence is sound, too");
    tell(LISTENS);
    let ended = async { while packets.recv().await.is_some() {} };
    timeout(PATIENCE, ended).await.expect("in time");
    let error = capture.failed().borrow().clone().expect("a reason");
    assert_eq!(*error.kind(), ErrorKind::SystemSoundEnded, "{error}");
}

#[test]
fn a_sound_server_that_dies_is_noticed() {
    let mut pulse = Pulse::start().expect("a sound server");
    let dir = tempfile::tempdir().expect("a temporary folder");
    let body = Body::start(module_path!(), "crash", &pulse.server(), dir.path()).expect("starts");
    body::wait_for(dir.path(), LISTENS).expect("is told");
    pulse.kill().expect("dies");
    body.finish().expect("no failure");
}

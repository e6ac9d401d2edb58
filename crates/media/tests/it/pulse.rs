//! Real microphones and speakers: those of a private PulseAudio server.
//!
//! The server is named by an environment variable, which belongs to a whole process. Each test therefore runs its body in
//! a process of its own: this program again, with the variable set and the name of the body.
#![cfg(target_os = "linux")]

use std::path::Path;
use std::time::Duration;

use confab_media::{
    AudioCapture, AudioOutput, AudioSink, AudioSource, ErrorKind, FarEnd, MicrophoneProcessing, can_share_sound,
};
use confab_testkit::body::{self, Body};
use confab_testkit::clips;
use confab_testkit::pulse::Pulse;
use confab_testkit::sound::Sound;
use confab_testkit::speech;
use confab_wire::media::{AudioPacket, Processing};
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(20);
/// File in the body's folder that says that its devices are open.
const OPEN: &str = "open";
/// Packets over which the power of an echo is measured: two seconds, longer than speech pauses.
const WINDOW: usize = 100;
/// Time for the echo to be cancelled by 20 dB, in windows.
const WINDOWS: usize = 30;
/// File in the body's folder with what is said to it.
const SPEECH: &str = "speech.wav";
/// Runs what the environment names. Not a test of its own.
#[tokio::test]
#[ignore = "runs inside the other tests"]
async fn body() {
    // The pulseaudio crate calls every end of a connection an error.
    tracing_subscriber::fmt().with_env_filter("warn,confab_media=debug,pulseaudio=off").init();
    match body::name().as_deref() {
        Some("bridge") => bridge().await,
        Some("no-server") => no_server().await,
        Some("names") => names().await,
        Some("no-devices") => no_devices().await,
        Some("crash") => crash().await,
        Some("leak") => leak().await,
        Some("echo") => echo().await,
        Some("no-cookie") => no_cookie(),
        other => panic!("no such body: {other:?}"),
    }
}

/// Microphone of participant 0, through Opus and mix, to the speaker of participant 1.
async fn bridge() {
    let (capture, mut packets) = AudioCapture::start(AudioSource::Mic(Some("mic0".into()))).await.expect("opens");
    let output = AudioOutput::start(AudioSink::Speaker(Some("spk1".into()))).await.expect("opens");
    let peer = output.add_peer();
    tokio::select! {
        () = body::told_to_end() => {}
        () = async {
            while let Some(packet) = packets.recv().await {
                peer.push(packet);
            }
        } => panic!("the microphone ended: {:?}", capture.failed().borrow()),
    }
    println!("peer {:?}", peer.stats());
    capture.stop().await;
    output.stop().await;
}

#[test]
fn what_is_said_into_one_microphone_is_heard_at_the_others_speaker() {
    let pulse = Pulse::with_participants(2).expect("a sound server");
    let dir = tempfile::tempdir().expect("a temporary folder");
    let (said, heard) = (dir.path().join("said.wav"), dir.path().join("heard.wav"));
    clips::tone_wav(&said, &[440.0, 1000.0], 5.0).expect("writable");
    let body = Body::start(module_path!(), "bridge", &pulse.server(), dir.path()).expect("starts");
    // Microphone and speaker are open once the server has a stream of each.
    pulse.wait_for("source-outputs", 2).expect("a microphone (and the remapping of one)");
    pulse.wait_for("sink-inputs", 1).expect("a speaker");
    let recorder = pulse.record(1, &heard).expect("records");
    pulse.feed(0, &said).expect("plays").wait().expect("plays to its end");
    let path = recorder.finish().expect("a file");
    body.finish().expect("no failure");
    let sound = Sound::read(&path).expect("a WAV file");
    for hz in [440.0, 1000.0] {
        let share = sound.tone_share(hz, 0.15);
        let whole = sound.samples.len() as f32 / sound.rate as f32;
        // All of it on a quiet machine. On a busy one each late wake-up spoils a window; how many is its business.
        assert!(share * whole > 2.5, "{hz} Hz for {:.1} s of 5 ({whole:.1} s recorded)", share * whole);
    }
    assert!(sound.tone(700.0) < 0.03, "nothing else is heard: {}", sound.tone(700.0));
}

async fn no_server() {
    let mic = AudioCapture::start(AudioSource::Mic(None)).await.expect_err("no server");
    assert_eq!(*mic.kind(), ErrorKind::NoSoundServer, "{mic}");
    let speaker = AudioOutput::start(AudioSink::Speaker(None)).await.expect_err("no server");
    assert_eq!(*speaker.kind(), ErrorKind::NoSoundServer, "{speaker}");
}

#[test]
fn without_a_sound_server_the_error_says_so() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    Body::start(module_path!(), "no-server", &format!("unix:{}/none", dir.path().display()), dir.path())
        .expect("starts")
        .finish()
        .expect("no failure");
}

/// By the connection that does not pass cpal; `tests/end_to_end/sound.rs` has the other one.
fn no_cookie() {
    assert!(can_share_sound(), "the server refuses this program");
}

#[test]
fn without_a_cookie_the_server_takes_this_program() {
    let pulse = Pulse::start().expect("a sound server");
    let dir = tempfile::tempdir().expect("a temporary folder");
    let home = dir.path().to_string_lossy();
    for broken in [false, true] {
        if broken {
            std::fs::write(dir.path().join(".pulse-cookie"), []).expect("writable");
        }
        let variables = [("HOME", &*home), ("XDG_CONFIG_HOME", &home), ("PULSE_COOKIE", "")];
        let body = Body::start_with(module_path!(), "no-cookie", &pulse.server(), dir.path(), &variables);
        body.expect("starts").finish().expect("no failure");
    }
}

async fn names() {
    let missing = AudioCapture::start(AudioSource::Mic(Some("nobody's".into()))).await.expect_err("no such device");
    assert_eq!(*missing.kind(), ErrorKind::MicrophoneMissing, "{missing}");
    let missing = AudioOutput::start(AudioSink::Speaker(Some("nobody's".into()))).await.expect_err("no such device");
    assert_eq!(*missing.kind(), ErrorKind::SpeakerMissing, "{missing}");
    let (_default, mut packets) = AudioCapture::start(AudioSource::Mic(None)).await.expect("opens");
    assert!(timeout(PATIENCE, packets.recv()).await.expect("in time").is_some());
    AudioOutput::start(AudioSink::Speaker(None)).await.expect("opens").stop().await;
}

#[test]
fn devices_are_found_by_name_or_missed_by_it() {
    let pulse = Pulse::start().expect("a sound server");
    let dir = tempfile::tempdir().expect("a temporary folder");
    Body::start(module_path!(), "names", &pulse.server(), dir.path()).expect("starts").finish().expect("no failure");
}

async fn no_devices() {
    let mic = AudioCapture::start(AudioSource::Mic(None)).await.expect_err("no microphone");
    assert_eq!(*mic.kind(), ErrorKind::MicrophoneMissing, "{mic}");
    let speaker = AudioOutput::start(AudioSink::Speaker(None)).await.expect_err("no speaker");
    assert_eq!(*speaker.kind(), ErrorKind::SpeakerMissing, "{speaker}");
}

#[test]
fn a_server_without_devices_misses_them() {
    let pulse = Pulse::without_devices().expect("a sound server");
    let dir = tempfile::tempdir().expect("a temporary folder");
    Body::start(module_path!(), "no-devices", &pulse.server(), dir.path())
        .expect("starts")
        .finish()
        .expect("no failure");
}

/// The server dies: both ends say so, and the mix lives on.
async fn crash() {
    let (capture, mut packets) = AudioCapture::start(AudioSource::Mic(None)).await.expect("opens");
    let output = AudioOutput::start(AudioSink::Speaker(None)).await.expect("opens");
    std::fs::write(Path::new(&std::env::var("XDG_RUNTIME_DIR").expect("set")).join(OPEN), []).expect("is told");
    let (mut mic_failed, mut speaker_failed) = (capture.failed(), output.failed());
    let failed = async {
        while packets.recv().await.is_some() {}
        let mic = mic_failed.wait_for(Option::is_some).await.expect("alive").clone().expect("a reason");
        let speaker = speaker_failed.wait_for(Option::is_some).await.expect("alive").clone().expect("a reason");
        (mic.kind().clone(), speaker.kind().clone())
    };
    let (mic, speaker) = timeout(PATIENCE, failed).await.expect("in time");
    assert_eq!((mic, speaker), (ErrorKind::MicrophoneFailed, ErrorKind::SpeakerFailed));
    let peer = output.add_peer();
    let (_tone, mut packets) = AudioCapture::start(AudioSource::Tone(440.0)).await.expect("starts");
    let heard = async {
        while output.level() < 0.1 {
            peer.push(packets.recv().await.expect("a packet"));
        }
    };
    timeout(PATIENCE, heard).await.expect("the mix lives on");
}

#[test]
fn a_sound_server_that_dies_is_noticed_at_both_ends() {
    let mut pulse = Pulse::start().expect("a sound server");
    let dir = tempfile::tempdir().expect("a temporary folder");
    let body = Body::start(module_path!(), "crash", &pulse.server(), dir.path()).expect("starts");
    // The server has the streams before their owner knows that they are open.
    let start = std::time::Instant::now();
    while !dir.path().join(OPEN).exists() {
        assert!(start.elapsed() < PATIENCE, "the devices do not open");
        std::thread::sleep(Duration::from_millis(10));
    }
    pulse.kill().expect("dies");
    body.finish().expect("no failure");
}

/// The names of this process's threads, without those of the runtime: it has as many as there was to do at a time, and ends
/// those that are idle after ten seconds.
fn threads() -> Vec<String> {
    let tasks = std::fs::read_dir("/proc/self/task").expect("a process has threads");
    let name = |task: std::fs::DirEntry| std::fs::read_to_string(task.path().join("comm"));
    let names = tasks.flatten().filter_map(|task| Some(name(task).ok()?.trim().to_owned()));
    let mut names: Vec<_> = names.filter(|name| !name.starts_with("tokio-")).collect();
    names.sort();
    names
}

/// Threads that may stay after 40 uses: the reactor of the pulseaudio crate (0.3.2) looks whether anybody uses it when something
/// wakes it, and dropping its last handle wakes it not: if it waits by then, it waits until the server says something. A thread
/// that stays after each use is a leak.
const MAY_STAY: usize = 10;

async fn leak() {
    let round = async || {
        let (capture, mut packets) = AudioCapture::start(AudioSource::Mic(None)).await.expect("opens");
        let output = AudioOutput::start(AudioSink::Speaker(None)).await.expect("opens");
        assert!(timeout(PATIENCE, packets.recv()).await.expect("in time").is_some());
        capture.stop().await;
        output.stop().await;
    };
    round().await;
    let before = threads();
    for _ in 0..20 {
        round().await;
    }
    let gone = async {
        while threads().len() > before.len() + MAY_STAY {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(PATIENCE, gone).await.unwrap_or_else(|_| panic!("threads {before:?} became {:?}", threads()));
}

#[test]
fn devices_are_released_after_each_use() {
    let pulse = Pulse::start().expect("a sound server");
    let dir = tempfile::tempdir().expect("a temporary folder");
    let idle = pulse.count("source-outputs").expect("counts");
    Body::start(module_path!(), "leak", &pulse.server(), dir.path()).expect("starts").finish().expect("no failure");
    assert_eq!(pulse.count("source-outputs").expect("counts"), idle);
    assert_eq!(pulse.count("sink-inputs").expect("counts"), 0);
}

/// Power of `count` packets as they are heard.
async fn power(packets: &mut mpsc::Receiver<AudioPacket>, decoder: &mut opus::Decoder, count: usize) -> f32 {
    let mut sum = 0.0;
    for _ in 0..count {
        let packet = timeout(PATIENCE, packets.recv()).await.expect("in time").expect("a packet");
        let mut samples = [0.0; 960];
        let length = decoder.decode_float(&packet.data, &mut samples, false).expect("Opus");
        sum += samples[..length].iter().map(|sample| sample * sample).sum::<f32>() / length as f32;
    }
    sum / count as f32
}

/// A speaker that speaks right into the microphone.
async fn echo() {
    let far_end = FarEnd::default();
    let speaker = AudioSink::Speaker(Some("spk0".into()));
    let output = AudioOutput::start_with_far_end(speaker, &far_end).await.expect("opens");
    let peer = output.add_peer();
    let speech = Path::new(&std::env::var("XDG_RUNTIME_DIR").expect("set")).join(SPEECH);
    let (_far, mut said) = AudioCapture::start(AudioSource::Wav(speech)).await.expect("starts");
    tokio::spawn(async move {
        while let Some(packet) = said.recv().await {
            peer.push(packet);
        }
    });
    let off = Processing { echo_cancellation: false, noise_suppression: false, gain_control: false };
    let switch = watch::Sender::new(off);
    let voice = MicrophoneProcessing { processing: switch.subscribe(), far_end };
    let mic = AudioSource::Mic(Some("echo".into()));
    let (_capture, mut packets) = AudioCapture::start_processed(mic, voice).await.expect("opens");
    let mut decoder = opus::Decoder::new(48_000, opus::Channels::Mono).expect("a decoder");
    // The first second has the start of the speaker in it.
    power(&mut packets, &mut decoder, 50).await;
    let heard = power(&mut packets, &mut decoder, WINDOW).await.min(power(&mut packets, &mut decoder, WINDOW).await);
    assert!(heard > 1e-4, "the echo is heard: {heard}");
    switch.send_replace(Processing { echo_cancellation: true, ..off });
    // A busy machine that makes the speaker stutter makes a new way for the echo each time, to be learnt anew.
    let mut least = f32::MAX;
    for _ in 0..WINDOWS {
        least = least.min(power(&mut packets, &mut decoder, WINDOW).await);
        if least < heard / 100.0 {
            return;
        }
    }
    panic!("at best {:.1} dB of the echo are cancelled", 10.0 * (heard / least).log10());
}

#[test]
fn what_the_speaker_plays_is_not_sent_back() {
    let pulse = Pulse::start().expect("a sound server");
    pulse.pactl(&["load-module", "module-remap-source", "source_name=echo", "master=spk0.monitor"]).expect("an echo");
    let dir = tempfile::tempdir().expect("a temporary folder");
    speech::wav(&dir.path().join(SPEECH), speech::Speaker::Ann, 8.0).expect("espeak-ng and sox");
    Body::start(module_path!(), "echo", &pulse.server(), dir.path()).expect("starts").finish().expect("passes");
}

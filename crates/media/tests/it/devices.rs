//! Devices that come and go: those of a private PulseAudio server, whose modules are loaded and unloaded.
#![cfg(target_os = "linux")]

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use confab_media::{
    AudioCapture, AudioOutput, AudioSink, AudioSource, Device, DeviceList, DeviceWatch, ErrorKind, list_devices,
};
use confab_testkit::body::{self, Body};
use confab_testkit::pulse::Pulse;
use confab_testkit::sound::Sound;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(20);

/// Runs what the environment names. Not a test of its own.
#[tokio::test]
#[ignore = "runs inside the other tests"]
async fn body() {
    tracing_subscriber::fmt().with_env_filter("warn,confab_media=debug,pulseaudio=off").init();
    match body::name().as_deref() {
        Some("list") => list().await,
        Some("none") => none().await,
        Some("watch") => watch().await,
        Some("swap") => swap().await,
        other => panic!("no such body: {other:?}"),
    }
}

/// A file by which a body tells the test, or the test the body, how far it has come.
fn mark(name: &str) -> PathBuf {
    Path::new(&std::env::var("XDG_RUNTIME_DIR").expect("set")).join(name)
}

fn tell(file: &Path) {
    std::fs::write(file, []).expect("is told");
}

fn wait_for(file: &Path) {
    let start = Instant::now();
    while !file.exists() {
        assert!(start.elapsed() < PATIENCE, "{} is not told", file.display());
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn device(id: &str, name: &str) -> Device {
    Device { id: id.to_owned(), name: name.to_owned() }
}

async fn list() {
    let list = list_devices().await.expect("a list");
    assert!(list.microphones.contains(&device("headset-mic", "Headset")), "{list:?}");
    assert!(list.speakers.contains(&device("headset", "Headset")), "{list:?}");
    assert_eq!(list.microphones.len(), 2, "monitors of speakers are no microphones: {list:?}");
    assert_eq!(list.default_microphone.as_deref(), Some("mic0"));
    assert_eq!(list.default_speaker.as_deref(), Some("headset"));
}

#[test]
fn devices_have_ids_and_the_names_that_people_know() {
    let pulse = Pulse::start().expect("a sound server");
    let dir = tempfile::tempdir().expect("a temporary folder");
    pulse.plug_microphone("headset-mic", "Headset", "micfeed0").expect("a microphone");
    pulse.plug_speaker("headset", "Headset", "spk0").expect("a speaker");
    pulse.pactl(&["set-default-sink", "headset"]).expect("is the default");
    Body::start(module_path!(), "list", &pulse.server(), dir.path()).expect("starts").finish().expect("no failure");
}

async fn none() {
    assert_eq!(list_devices().await, Ok(DeviceList::default()));
}

#[test]
fn without_devices_the_list_is_empty() {
    let pulse = Pulse::without_devices().expect("a sound server");
    let dir = tempfile::tempdir().expect("a temporary folder");
    Body::start(module_path!(), "none", &pulse.server(), dir.path()).expect("starts").finish().expect("no failure");
    let nowhere = format!("unix:{}/none", dir.path().display());
    Body::start(module_path!(), "none", &nowhere, dir.path()).expect("starts").finish().expect("no failure");
}

/// Tells by files what the list has come to.
async fn watch() {
    let watch = DeviceWatch::start().expect("a watch");
    assert!(watch.known().await.speakers.len() >= 2);
    tell(&mark("watching"));
    let until = async |what: &str, found: &dyn Fn(&DeviceList) -> bool| {
        let mut list = watch.list();
        let seen = list.wait_for(|list| list.as_ref().is_some_and(found));
        timeout(PATIENCE, seen).await.unwrap_or_else(|_| panic!("{what}")).expect("it looks");
        tell(&mark(what));
    };
    until("plugged", &|list| list.microphones.contains(&device("usb", "USB Microphone"))).await;
    until("preferred", &|list| list.default_microphone.as_deref() == Some("usb")).await;
    until("unplugged", &|list| !list.microphones.iter().any(|device| device.id == "usb")).await;
    until("lost", &|list| list.microphones.is_empty() && list.speakers.is_empty()).await;
}

#[test]
fn plugging_preferring_and_unplugging_are_noticed_at_once() {
    let mut pulse = Pulse::start().expect("a sound server");
    let dir = tempfile::tempdir().expect("a temporary folder");
    let body = Body::start(module_path!(), "watch", &pulse.server(), dir.path()).expect("starts");
    wait_for(&dir.path().join("watching"));
    let microphone = pulse.plug_microphone("usb", "USB Microphone", "micfeed0").expect("a microphone");
    wait_for(&dir.path().join("plugged"));
    pulse.pactl(&["set-default-source", "usb"]).expect("is the default");
    wait_for(&dir.path().join("preferred"));
    pulse.unplug(microphone).expect("goes");
    wait_for(&dir.path().join("unplugged"));
    pulse.kill().expect("dies");
    wait_for(&dir.path().join("lost"));
    body.finish().expect("no failure");
}

/// A tone through the mix, to one speaker and then to another.
async fn swap() {
    let output = AudioOutput::start(AudioSink::Speaker(Some("one".into()))).await.expect("opens");
    let peer = output.add_peer();
    let (_tone, mut packets) = AudioCapture::start(AudioSource::Tone(440.0)).await.expect("starts");
    let swaps = async {
        let tokens = async |name: &str| {
            while !mark(name).exists() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokens("to-nowhere").await;
        let missing = output.set_sink(AudioSink::Speaker(Some("nobody's".into()))).await.expect_err("no such speaker");
        assert_eq!(*missing.kind(), ErrorKind::SpeakerMissing);
        assert_eq!(*output.failed().borrow(), None, "the old one goes on");
        tokens("to-two").await;
        output.set_sink(AudioSink::Speaker(Some("two".into()))).await.expect("opens");
        tell(&mark("at-two"));
        body::told_to_end().await;
    };
    tokio::select! {
        () = swaps => {}
        () = async {
            while let Some(packet) = packets.recv().await {
                peer.push(packet);
            }
        } => panic!("the tone ended"),
    }
    output.stop().await;
}

#[test]
fn another_speaker_takes_over_without_a_gap() {
    let pulse = Pulse::start().expect("a sound server");
    let dir = tempfile::tempdir().expect("a temporary folder");
    let one = pulse.plug_speaker("one", "One", "spk0").expect("a speaker");
    pulse.plug_speaker("two", "Two", "spk0").expect("a speaker");
    let body = Body::start(module_path!(), "swap", &pulse.server(), dir.path()).expect("starts");
    // Those of the two speakers, and what is played.
    pulse.wait_for("sink-inputs", 3).expect("a tone");
    let recorder = pulse.record(0, &dir.path().join("heard.wav")).expect("records");
    std::thread::sleep(Duration::from_secs(1));
    tell(&dir.path().join("to-nowhere"));
    std::thread::sleep(Duration::from_millis(500));
    tell(&dir.path().join("to-two"));
    wait_for(&dir.path().join("at-two"));
    std::thread::sleep(Duration::from_millis(500));
    pulse.unplug(one).expect("nobody needs it");
    std::thread::sleep(Duration::from_secs(1));
    let path = recorder.finish().expect("a file");
    body.finish().expect("no failure");
    let heard = Sound::read(&path).expect("a WAV file");
    assert!(heard.tone_share(440.0, 0.15) > 0.7, "{}", heard.tone_share(440.0, 0.15));
    let gap = heard.longest_gap(0.05);
    assert!(gap < 0.2, "a gap of {gap} s");
}

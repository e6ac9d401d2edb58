//! Devices that are plugged in and out, preferred and chosen in a call, with the microphones and speakers of a private
//! PulseAudio server. What the other participant's speaker plays is recorded: tones tell the devices apart.
#![cfg(target_os = "linux")]

use crate::common::{Participant, config, link, server};
use confab_call::{AudioSink, AudioSource, CallConfig, DeviceSelection, VideoSource};
use confab_ipc::{DeviceState, ErrorCode, UiEvent};
use confab_testkit::body::{self, Body};
use confab_testkit::clips;
use confab_testkit::pulse::{Plugged, Pulse, Sound as Playing};
use confab_testkit::sentences::sentence;
use confab_testkit::sound::Sound;
use confab_wire::media::Processing;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// How long a device is heard before something happens to it: enough for its tone to be found.
const A_WHILE: Duration = Duration::from_millis(1500);
/// The longest gap that a swap may leave, in seconds.
const LONGEST_GAP: f32 = 0.2;
/// RMS over which a tone is heard.
const AUDIBLE: f32 = 0.02;

/// Runs what the environment names. Not a test of its own.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "runs inside the other tests"]
async fn body() {
    tracing_subscriber::fmt().with_env_filter("warn,confab_media=debug,confab_call=debug,pulseaudio=off").init();
    match body::name().as_deref() {
        Some("microphones") => microphones().await,
        Some("no-microphone") => no_microphone().await,
        Some("speakers") => speakers().await,
        Some("torn-microphone") => torn_microphone().await,
        Some("torn-speaker") => torn_speaker().await,
        Some("absent-speaker") => absent_speaker().await,
        other => panic!("no such body: {other:?}"),
    }
}

/// The folder of the test and its body.
fn place() -> PathBuf {
    body::folder().unwrap()
}

/// Says that the body, or the test, has come to `name`.
fn tell(dir: &Path, name: &str) {
    body::tell(dir, name).unwrap();
}

fn wait_for(dir: &Path, name: &str) {
    body::wait_for(dir, name).unwrap();
}

/// Waits for `name` off the async threads.
async fn told(name: &'static str) {
    tokio::task::spawn_blocking(move || wait_for(&place(), name)).await.unwrap();
}

impl Participant {
    /// Waits for a notice that begins so.
    async fn noticed(&mut self, beginning: &str) {
        self.wait(beginning, |event| match event {
            UiEvent::Notice { notice } => sentence(&notice.error).starts_with(beginning).then_some(()),
            _ => None,
        })
        .await;
    }

    /// What is told from now on, until what follows from one thing is over.
    async fn notices(&mut self) -> Vec<String> {
        let mut notices = Vec::new();
        let _ = timeout(2 * A_WHILE, async {
            while let Some(event) = self.events.recv().await {
                if let UiEvent::Notice { notice } = event {
                    notices.push(sentence(&notice.error));
                }
            }
        })
        .await;
        notices
    }

    async fn mic(&mut self, what: &str, expected: impl Fn(&DeviceState) -> bool) {
        if self.call.view().await.is_some_and(|view| expected(&view.me.mic)) {
            return;
        }
        self.wait(what, |event| match event {
            UiEvent::Me { me } => expected(&me.mic).then_some(()),
            _ => None,
        })
        .await;
    }
}

/// Two in a call: one who is heard from `audio`, one who hears through `speaker`.
async fn pair(audio: AudioSource, speaker: AudioSink) -> (confab_server::Server, Participant, Participant) {
    let server = server().await;
    let link = link(&server);
    // Noise suppression takes a steady tone for noise.
    let processing = Processing { echo_cancellation: false, noise_suppression: false, gain_control: false };
    let silent =
        |name: &str| CallConfig { video: VideoSource::None, camera_on: false, processing, ..config(&link, name) };
    let listener = CallConfig { speaker, audio: AudioSource::None, mic_on: false, ..silent("Ben") };
    let ben = Participant::join(listener).await;
    let mut ann = Participant::join(CallConfig { audio, ..silent("Ann") }).await;
    ann.connected().await;
    (server, ann, ben)
}

/// Ann's microphone is unplugged, plugged in again, another is chosen, then the default moves under her.
async fn microphones() {
    let spk = AudioSink::Speaker(Some("spk0".into()));
    let (_server, mut ann, mut ben) = pair(AudioSource::Mic(Some("usb".into())), spk).await;
    ben.hears(true).await;
    tell(&place(), "heard");
    ann.noticed("USB Microphone was unplugged. Others hear you through ").await;
    tell(&place(), "replaced");
    ann.noticed("USB Microphone is back.").await;
    tell(&place(), "back");
    told("choose").await;
    let choice = |microphone: Option<&str>| DeviceSelection {
        microphone: microphone.map(str::to_owned),
        ..DeviceSelection::default()
    };
    ann.call.set_devices(choice(Some("mic0"))).await;
    told("follow").await;
    ann.call.set_devices(choice(None)).await;
    body::told_to_end().await;
    ann.call.leave().await;
    ben.call.leave().await;
}

/// A server with two microphones beside the default one, each with a tone: 440, 880 and 1320 Hz.
struct Tones {
    pulse: Pulse,
    usb: Plugged,
    dir: tempfile::TempDir,
    _feeds: [Playing; 3],
}

fn tones() -> Tones {
    let pulse = Pulse::with_participants(3).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let feeds = [440.0, 880.0, 1320.0].map(|hz| {
        let path = dir.path().join(format!("{hz}.wav"));
        clips::tone_wav(&path, &[hz], 60.0).unwrap();
        path
    });
    let feeds = [0, 1, 2].map(|n| pulse.feed(n, &feeds[n]).unwrap());
    let usb = pulse.plug_microphone("usb", "USB Microphone", "micfeed1").unwrap();
    Tones { pulse, usb, dir, _feeds: feeds }
}

#[test]
fn a_microphone_that_comes_and_goes_leaves_no_gap() {
    let Tones { pulse, usb, dir, _feeds } = tones();
    let dir = dir.path();
    let body = Body::start(module_path!(), "microphones", &pulse.server(), dir).unwrap();
    wait_for(dir, "heard");
    let recorder = pulse.record(0, &dir.join("heard.wav")).unwrap();
    thread::sleep(A_WHILE);
    pulse.unplug(usb).unwrap();
    wait_for(dir, "replaced");
    thread::sleep(A_WHILE);
    pulse.plug_microphone("usb", "USB Microphone", "micfeed1").unwrap();
    wait_for(dir, "back");
    thread::sleep(A_WHILE);
    tell(dir, "choose");
    thread::sleep(A_WHILE);
    tell(dir, "follow");
    pulse.pactl(&["set-default-source", "mic2"]).unwrap();
    thread::sleep(2 * A_WHILE);
    let path = recorder.finish().unwrap();
    body.finish().unwrap();
    let heard = Sound::read(&path).unwrap();
    assert_eq!(order(&heard, &[440, 880, 1320]), [880, 440, 880, 440, 1320], "each in its turn");
    let gap = heard.longest_gap(AUDIBLE);
    assert!(gap < LONGEST_GAP, "a gap of {gap} s");
}

/// The tones, of those in `hz`, in the order in which each was heard for a fifth of a second.
fn order(heard: &Sound, hz: &[u16]) -> Vec<u16> {
    let window = heard.rate as usize / 5;
    let mut order: Vec<u16> = Vec::new();
    for chunk in heard.samples.chunks_exact(window) {
        let part = Sound { samples: chunk.to_vec(), rate: heard.rate };
        for hz in hz {
            if part.tone_share(f32::from(*hz), 0.1) > 0.95 && order.last() != Some(hz) {
                order.push(*hz);
            }
        }
    }
    order
}

/// Ann has no microphone, until one is plugged in, and again when it is unplugged.
async fn no_microphone() {
    let (_server, mut ann, mut ben) = pair(AudioSource::Mic(None), AudioSink::None).await;
    let missing =
        |mic: &DeviceState| matches!(mic, DeviceState::Failed { error } if error.code == ErrorCode::MicrophoneMissing);
    ann.mic("no microphone", missing).await;
    tell(&place(), "missing");
    ann.mic("a microphone", |mic| *mic == DeviceState::On).await;
    ben.hears(true).await;
    tell(&place(), "there");
    ann.mic("no microphone again", |mic| matches!(mic, DeviceState::Failed { .. })).await;
    tell(&place(), "gone");
    ann.mic("a microphone again", |mic| *mic == DeviceState::On).await;
    ann.call.leave().await;
    ben.call.leave().await;
}

#[test]
fn a_call_without_a_microphone_takes_the_first_that_is_plugged_in() {
    let pulse = Pulse::start().unwrap();
    pulse.pactl(&["unload-module", "module-remap-source"]).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let tone = dir.path().join("tone.wav");
    clips::tone_wav(&tone, &[440.0], 60.0).unwrap();
    let _feed = pulse.feed(0, &tone).unwrap();
    let body = Body::start(module_path!(), "no-microphone", &pulse.server(), dir.path()).unwrap();
    wait_for(dir.path(), "missing");
    let microphone = pulse.plug_microphone("usb", "USB Microphone", "micfeed0").unwrap();
    wait_for(dir.path(), "there");
    pulse.unplug(microphone).unwrap();
    wait_for(dir.path(), "gone");
    pulse.plug_microphone("usb", "USB Microphone", "micfeed0").unwrap();
    body.finish().unwrap();
}

/// Ben's speaker is unplugged, and plugged in again.
async fn speakers() {
    let (_server, ann, mut ben) = pair(AudioSource::Tone(440.0), AudioSink::Speaker(Some("headset".into()))).await;
    ben.hears(true).await;
    tell(&place(), "heard");
    ben.noticed("Headset was unplugged. You hear the others through ").await;
    tell(&place(), "replaced");
    ben.noticed("Headset is back. You hear the others through Headset now.").await;
    tell(&place(), "back");
    body::told_to_end().await;
    ann.call.leave().await;
    ben.call.leave().await;
}

#[test]
fn a_speaker_that_comes_and_goes_leaves_no_gap() {
    let pulse = Pulse::start().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let headset = pulse.plug_speaker("headset", "Headset", "spk0").unwrap();
    let body = Body::start(module_path!(), "speakers", &pulse.server(), dir).unwrap();
    wait_for(dir, "heard");
    let recorder = pulse.record(0, &dir.join("heard.wav")).unwrap();
    thread::sleep(A_WHILE);
    pulse.unplug(headset).unwrap();
    wait_for(dir, "replaced");
    thread::sleep(A_WHILE);
    pulse.plug_speaker("headset", "Headset", "spk0").unwrap();
    wait_for(dir, "back");
    thread::sleep(A_WHILE);
    let path = recorder.finish().unwrap();
    body.finish().unwrap();
    let heard = Sound::read(&path).unwrap();
    assert!(heard.tone_share(440.0, 0.1) > 0.8, "{}", heard.tone_share(440.0, 0.1));
    let gap = heard.longest_gap(AUDIBLE);
    assert!(gap < LONGEST_GAP, "a gap of {gap} s");
}

/// Ann's microphone is torn out and her stream with it: another takes over, and nothing else is told.
async fn torn_microphone() {
    let (_server, mut ann, mut ben) = pair(AudioSource::Mic(Some("usb".into())), AudioSink::None).await;
    ben.hears(true).await;
    // Longer than a device runs that is broken.
    sleep(2 * A_WHILE).await;
    tell(&place(), "heard");
    let notices = ann.notices().await;
    assert!(
        matches!(&notices[..], [told] if told.starts_with("USB Microphone was unplugged. Others hear you through ")),
        "{notices:?}"
    );
    ann.call.leave().await;
    ben.call.leave().await;
}

#[test]
fn a_microphone_whose_stream_is_torn_off_is_replaced_without_another_word() {
    let Tones { pulse, usb, dir, _feeds } = tones();
    let body = Body::start(module_path!(), "torn-microphone", &pulse.server(), dir.path()).unwrap();
    wait_for(dir.path(), "heard");
    pulse.tear_out(usb).unwrap();
    body.finish().unwrap();
}

/// Ben's speaker is torn out and his stream with it.
async fn torn_speaker() {
    let (_server, ann, mut ben) = pair(AudioSource::Tone(440.0), AudioSink::Speaker(Some("headset".into()))).await;
    ben.hears(true).await;
    tell(&place(), "heard");
    let notices = ben.notices().await;
    assert!(
        matches!(&notices[..], [told] if told.starts_with("Headset was unplugged. You hear the others through ")),
        "{notices:?}"
    );
    ann.call.leave().await;
    ben.call.leave().await;
}

#[test]
fn a_speaker_whose_stream_is_torn_off_is_replaced_without_another_word() {
    let pulse = Pulse::start().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let headset = pulse.plug_speaker("headset", "Headset", "spk0").unwrap();
    let body = Body::start(module_path!(), "torn-speaker", &pulse.server(), dir.path()).unwrap();
    wait_for(dir.path(), "heard");
    pulse.tear_out(headset).unwrap();
    body.finish().unwrap();
}

/// Ben has chosen a speaker that is not there.
async fn absent_speaker() {
    let (_server, ann, mut ben) = pair(AudioSource::Tone(440.0), AudioSink::Speaker(Some("headset".into()))).await;
    ben.noticed("The speaker you chose is not connected. You hear the others through ").await;
    ann.call.leave().await;
    ben.call.leave().await;
}

#[test]
fn who_comes_in_without_the_speaker_they_chose_is_told() {
    let pulse = Pulse::start().unwrap();
    let dir = tempfile::tempdir().unwrap();
    Body::start(module_path!(), "absent-speaker", &pulse.server(), dir.path()).unwrap().finish().unwrap();
}

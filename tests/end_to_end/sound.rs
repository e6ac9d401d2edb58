//! Two participants by their microphones and speakers only, those of a private PulseAudio server: what is said into one
//! microphone is understood at the other's speaker, and not heard at one's own.

use confab_testkit::intelligibility::{parts, stoi};
use confab_testkit::process::{Peer, Server, binary};
use confab_testkit::pulse::Pulse;
use confab_testkit::sound::Sound;
use confab_testkit::speech::{self, Speaker};

/// How long each of them speaks.
const SECONDS: f32 = 9.0;
/// Of speech that is heard well, STOI is over this; noise suppression and 32 kbit/s cost some of it. Two different voices
/// have half of it in common.
const UNDERSTOOD: f32 = 0.8;

type Outcome = Result<(), Box<dyn std::error::Error>>;

#[tokio::test(flavor = "multi_thread")]
async fn what_is_said_into_one_microphone_is_understood_at_the_others_speaker() -> Outcome {
    let (server, pulse) = (Server::start().await?, Pulse::with_participants(2)?);
    let link = server.link("sound");
    let sound_server = pulse.server();
    let environment = [("PULSE_SERVER", sound_server.as_str())];
    let join = |name: &str, number: usize| {
        let (mic, speaker) = (format!("mic:mic{number}"), format!("speaker:spk{number}"));
        Peer::join_with(&link, name, &["--audio", &mic, "--speaker", &speaker], &environment)
    };
    let mut ann = join("Ann", 0)?;
    ann.joined().await?;
    let mut ben = join("Ben", 1)?;
    ben.joined().await?;
    ann.wait_for("track-added", |track| track["kind"] == "audio").await?;
    ben.wait_for("track-added", |track| track["kind"] == "audio").await?;

    let dir = tempfile::tempdir()?;
    let (by_ann, by_ben) = (dir.path().join("by-ann.wav"), dir.path().join("by-ben.wav"));
    speech::wav(&by_ann, Speaker::Ann, SECONDS)?;
    speech::wav(&by_ben, Speaker::Ben, SECONDS)?;
    let (at_ann, at_ben) =
        (pulse.record(0, &dir.path().join("ann.wav"))?, pulse.record(1, &dir.path().join("ben.wav"))?);
    // One after the other, as people do.
    let from_ann = pulse.feed(0, &by_ann)?;
    ben.wait_for_stats("Ann", |stats| stats["audioLevel"].as_f64() > Some(0.02)).await?;
    assert!(from_ann.wait()?.success());
    let from_ben = pulse.feed(1, &by_ben)?;
    ann.wait_for_stats("Ben", |stats| stats["audioLevel"].as_f64() > Some(0.02)).await?;
    assert!(from_ben.wait()?.success());
    let (at_ann, at_ben) = (Sound::read(&at_ann.finish()?)?, Sound::read(&at_ben.finish()?)?);
    assert_eq!((ann.leave().await?, ben.leave().await?), (Some(0), Some(0)));
    let (by_ann, by_ben) = (Sound::read(&by_ann)?, Sound::read(&by_ben)?);
    for (who, heard, other, own) in [("Ann", at_ann, &by_ben, &by_ann), ("Ben", at_ben, &by_ann, &by_ben)] {
        let scores = parts(other, &heard).ok_or("nothing is heard of the other")?;
        // A machine that stalls for a moment spoils what is said then: the best three seconds tell what the program does.
        let best = scores.iter().copied().fold(0.0, f32::max);
        let mean = scores.iter().sum::<f32>() / scores.len() as f32;
        let own = stoi(own, &heard);
        println!("{who} understands {scores:.2?} of the other, {own:.2?} of themselves");
        assert!(best > UNDERSTOOD, "{who} understands {scores:?} of what is said");
        assert!(
            own.is_none_or(|own| own < mean),
            "{who} hears what they say themselves: {own:?}, the other {scores:?}"
        );
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_sound_server_the_call_goes_on_and_says_so() -> Outcome {
    let server = Server::start().await?;
    let link = server.link("no-sound");
    let environment = [("PULSE_SERVER", "unix:/does/not/exist")];
    let arguments = ["--audio", "mic", "--speaker", "speaker", "--video", "pattern", "--size", "320x180"];
    let mut ann = Peer::join_with(&link, "Ann", &arguments, &environment)?;
    ann.joined().await?;
    let me = ann.wait_for("me", |me| me["mic"]["state"] == "failed" && me["speaker"]["state"] == "failed").await?;
    for device in ["mic", "speaker"] {
        assert_eq!(me[device]["error"]["code"], "no-sound-server", "{me}");
    }
    let mut ben = Peer::join(&link, "Ben", &["--audio", "tone"])?;
    ben.joined().await?;
    ben.wait_for_stats("Ann", |stats| stats["fps"].as_f64() > Some(5.0)).await?;
    ann.wait_for_stats("Ben", |stats| stats["audioLevel"].as_f64() > Some(0.02)).await?;
    Ok(())
}

/// PulseAudio, and PipeWire in its place, refuse a cookie of any other length than 256 bytes before they look who asks.
#[tokio::test(flavor = "multi_thread")]
async fn devices_are_found_without_a_cookie_and_with_one_that_is_elsewhere_or_broken() -> Outcome {
    let (pulse, dir) = (Pulse::start()?, tempfile::tempdir()?);
    let (empty, broken, config) = (dir.path().join("empty"), dir.path().join("broken"), dir.path().join("config"));
    for (folder, bytes) in [(broken.join(".config/pulse"), 0), (config.join("pulse"), 256)] {
        std::fs::create_dir_all(&folder)?;
        std::fs::write(folder.join("cookie"), vec![7; bytes])?;
    }
    std::fs::create_dir_all(&empty)?;
    for (home, config_home) in [(&empty, None), (&broken, None), (&empty, Some(&config)), (&broken, Some(&empty))] {
        let mut command = tokio::process::Command::new(binary("confab-peer")?);
        command.args(["devices", "--json"]).env("PULSE_SERVER", pulse.server()).env("HOME", home);
        command.env_remove("PULSE_COOKIE").env_remove("XDG_CONFIG_HOME").env_remove("DISPLAY");
        if let Some(config_home) = config_home {
            command.env("XDG_CONFIG_HOME", config_home);
        }
        let output = command.kill_on_drop(true).output().await?;
        let devices: serde_json::Value = serde_json::from_slice(&output.stdout)?;
        assert_eq!(devices["microphones"][0]["id"], "mic0", "{home:?} {config_home:?}: {devices}");
        assert_eq!(std::fs::read_dir(&empty)?.count(), 0, "nothing is left behind");
    }
    Ok(())
}

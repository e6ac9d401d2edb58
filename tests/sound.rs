//! Two participants by their microphones and speakers only, those of a private PulseAudio server: what is said into one
//! microphone is heard at the other's speaker, and not at one's own.
#![cfg(target_os = "linux")]

use confab_testkit::clips;
use confab_testkit::process::{Peer, Server};
use confab_testkit::pulse::Pulse;
use confab_testkit::sound::Sound;

type Outcome = Result<(), Box<dyn std::error::Error>>;

#[tokio::test(flavor = "multi_thread")]
async fn what_is_said_into_one_microphone_is_heard_at_the_others_speaker() -> Outcome {
    let (server, pulse) = (Server::start().await?, Pulse::with_participants(2)?);
    let link = server.link("sound");
    let sound_server = pulse.server();
    let environment = [("PULSE_SERVER", sound_server.as_str())];
    let join = |name: &str, number: usize| {
        let (mic, speaker) = (format!("mic:mic{number}"), format!("speaker:spk{number}"));
        // A tone that does not end is noise to be suppressed.
        let arguments = ["--audio", &mic, "--processing", "none", "--speaker", &speaker];
        Peer::join_with(&link, name, &arguments, &environment)
    };
    let mut ann = join("Ann", 0)?;
    ann.joined().await?;
    let mut ben = join("Ben", 1)?;
    ben.joined().await?;
    ann.wait_for("track-added", |track| track["kind"] == "audio").await?;
    ben.wait_for("track-added", |track| track["kind"] == "audio").await?;

    let dir = tempfile::tempdir()?;
    let (low, high) = (dir.path().join("440.wav"), dir.path().join("660.wav"));
    clips::tone_wav(&low, &[440.0], 4.0)?;
    clips::tone_wav(&high, &[660.0], 4.0)?;
    let (at_ann, at_ben) =
        (pulse.record(0, &dir.path().join("ann.wav"))?, pulse.record(1, &dir.path().join("ben.wav"))?);
    let (from_ann, from_ben) = (pulse.feed(0, &low)?, pulse.feed(1, &high)?);
    ann.wait_for_stats("Ben", |stats| stats["audioLevel"].as_f64() > Some(0.02)).await?;
    ben.wait_for_stats("Ann", |stats| stats["audioLevel"].as_f64() > Some(0.02)).await?;
    assert!(from_ann.wait()?.success() && from_ben.wait()?.success());
    let (at_ann, at_ben) = (Sound::read(&at_ann.finish()?)?, Sound::read(&at_ben.finish()?)?);
    assert_eq!((ann.leave().await?, ben.leave().await?), (Some(0), Some(0)));
    for (who, sound, heard, own) in [("Ann", at_ann, 660.0, 440.0), ("Ben", at_ben, 440.0, 660.0)] {
        let seconds = sound.samples.len() as f32 / sound.rate as f32;
        let heard_seconds = sound.tone_share(heard, 0.05) * seconds;
        assert!(heard_seconds > 3.0, "{who} heard {heard} Hz for {heard_seconds:.1} s of 4");
        assert!(sound.tone(own) < 0.01, "{who} hears nothing of what they say themselves");
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

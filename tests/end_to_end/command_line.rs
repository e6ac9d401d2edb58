//! `confab-peer` as people and scripts use it: recordings that can't be written, files that can't be played, lines of standard
//! input, tokens, and what a log may hold.

use confab_testkit::process::{Peer, Process, Server, binary};
use confab_testkit::sound::Sound;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use tokio::process::Command;

type Outcome = Result<(), Box<dyn std::error::Error>>;

const SENDS: [&str; 8] = ["--video", "pattern", "--size", "320x180", "--bitrate", "500", "--audio", "tone:440"];

/// The files that `peer` says it records of others: picture or sound.
fn recorded(peer: &Peer, kind: &str) -> Option<PathBuf> {
    let events = peer.events();
    let track = events.iter().find(|event| event["event"] == "track-added" && event["kind"] == kind)?;
    Some(PathBuf::from(track["file"].as_str()?))
}

/// The signal of a file that grows too large is ignored, as a full disk has none.
#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_recording_on_a_full_disk_is_said_at_once_and_by_the_exit_code() -> Outcome {
    let server = Server::start().await?;
    let (link, dir) = (server.link("full"), tempfile::tempdir()?);
    let mut ann = Peer::join(&link, "Ann", &SENDS)?;
    ann.joined().await?;
    let mut command = Command::new("sh");
    command.args(["-c", "trap '' XFSZ; ulimit -f 400; exec \"$@\"", "sh"]).arg(binary("confab-peer")?);
    command.args(["join", &link, "--name", "Ben", "--json", "--record"]).arg(dir.path());
    let mut ben = Peer { process: Process::start(command)? };
    ben.joined().await?;
    for kind in ["wav", "ivf"] {
        let is_told = |notice: &Value| {
            notice["code"] == "record-failed" && notice["detail"].as_str().is_some_and(|detail| detail.contains(kind))
        };
        let notice = ben.wait_for("notice", is_told).await?;
        assert!(notice["message"].as_str().is_some_and(|message| message.contains("free space")), "{notice}");
    }
    // The call goes on.
    let playing = |stats: &Value| stats["audioLevel"].as_f64() > Some(0.02);
    ben.wait_for_stats("Ann", playing).await?;
    let (sound, picture) = (recorded(&ben, "audio").ok_or("no file")?, recorded(&ben, "video").ok_or("no file")?);
    assert_eq!(ben.leave().await?, Some(6));
    // What was written before is whole.
    assert!(Sound::read(&sound)?.samples.len() > 10_000);
    assert!(confab_media::read_ivf(&picture)?.frames.len() > 2);
    Ok(())
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_recording_is_for_the_user_alone() -> Outcome {
    use std::os::unix::fs::PermissionsExt;
    let server = Server::start().await?;
    let (link, dir) = (server.link("private"), tempfile::tempdir()?);
    let mut ann = Peer::join(&link, "Ann", &SENDS)?;
    ann.joined().await?;
    let mut ben = Peer::join(&link, "Ben", &["--record", &dir.path().to_string_lossy()])?;
    ben.wait_for_stats("Ann", |stats| stats["audioLevel"].as_f64() > Some(0.02) && stats["frames"].as_u64() > Some(5))
        .await?;
    let files = [recorded(&ben, "audio"), recorded(&ben, "video")];
    assert_eq!(ben.leave().await?, Some(0));
    for file in files {
        let mode = std::fs::metadata(file.ok_or("no file")?)?.permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{mode:o}");
    }
    Ok(())
}

/// What `confab-peer` prints, and its exit code.
async fn run(link: &str, arguments: &[&str]) -> Result<(Vec<Value>, String, Option<i32>), Box<dyn std::error::Error>> {
    let mut command = Command::new(binary("confab-peer")?);
    command.args(["join", link, "--for", "20", "--name", "Ann"]).args(arguments).stdin(Stdio::null());
    let output = command.kill_on_drop(true).output().await?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    let events = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    Ok((events, text, output.status.code()))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_can_not_be_played_is_found_before_joining_and_said_once() -> Outcome {
    let (server, dir) = (Server::start().await?, tempfile::tempdir()?);
    let link = server.link("files");
    let put = |name: &str, content: &[u8]| -> std::io::Result<String> {
        let path = dir.path().join(name);
        std::fs::write(&path, content)?;
        Ok(path.to_string_lossy().into_owned())
    };
    let (clip, sound) =
        (put("clip.y4m", b"YUV4MPEG2 W16 H16 F10:1\nFRAME\n")?, put("sound.wav", b"RIFF\0\0\0\0WAVEdata")?);
    let with_sound = format!("--share-sound={sound}");
    for (arguments, file) in [
        (&["--video", &clip][..], &clip),
        (&["--audio", &sound], &sound),
        (&["--share", &clip], &clip),
        (&["--share", "pattern", &with_sound], &sound),
    ] {
        let (events, text, code) = run(&link, &[arguments, &["--json"]].concat()).await?;
        assert_eq!((events.len(), code), (1, Some(6)), "{text}");
        assert_eq!((&events[0]["event"], &events[0]["code"]), (&"error".into(), &"file-format".into()), "{text}");
        assert!(events[0]["detail"].as_str().is_some_and(|detail| detail.contains(file.as_str())), "{text}");
        let (_, text, code) = run(&link, arguments).await?;
        assert_eq!((text.lines().count(), code), (1, Some(6)), "{text}");
    }
    Ok(())
}

/// Starts `confab-peer` with a script that writes to its standard input.
fn fed(link: &str, name: &str, input: &Path, arguments: &[&str]) -> Result<Peer, Box<dyn std::error::Error>> {
    let mut command = Command::new("sh");
    command.args(["-c", "input=$1; shift; (sleep 3; cat \"$input\"; sleep 30) | exec \"$@\"", "sh"]).arg(input);
    command.arg(binary("confab-peer")?).args(["join", link, "--name", name, "--json"]).args(arguments);
    Ok(Peer { process: Process::start(command)? })
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn every_line_of_standard_input_arrives_also_many_at_once_and_behind_a_bad_one() -> Outcome {
    let (server, dir) = (Server::start().await?, tempfile::tempdir()?);
    let link = server.link("lines");
    let input = dir.path().join("lines");
    let mut lines = b"first\ncaf\xE9\n".to_vec();
    (0..1_500).for_each(|n| lines.extend(format!("n{n}\n").into_bytes()));
    lines.extend(b"last\n");
    std::fs::write(&input, lines)?;
    let mut reader = Peer::join(&link, "Reader", &[])?;
    reader.joined().await?;
    let mut writer = fed(&link, "Writer", &input, &["--for", "20"])?;
    reader.wait_for("peer-connect", |_| true).await?;
    reader.wait_for("chat", |chat| chat["text"] == "last").await?;
    let heard: Vec<_> = reader.events().into_iter().filter(|event| event["event"] == "chat").collect();
    let texts: Vec<&str> = heard.iter().filter_map(|chat| chat["text"].as_str()).collect();
    let expected: Vec<String> =
        ["first".to_owned(), "caf\u{FFFD}".to_owned()].into_iter().chain((0..1_500).map(|n| format!("n{n}"))).collect();
    assert_eq!(texts[..texts.len() - 1], expected);
    writer.wait_for("notice", |notice| notice["message"].as_str().is_some_and(|text| text.contains("UTF-8"))).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_lets_in_by_argument_and_by_variable() -> Outcome {
    let dir = tempfile::tempdir()?;
    let key = dir.path().join("key");
    std::fs::write(&key, "a key of thirty-two bytes or more, for tests")?;
    let prepare = |command: &mut Command| {
        command.arg("--token-key-file").arg(&key).arg("--require-token");
        Ok(())
    };
    let server = Server::start_with("127.0.0.1:0", prepare).await?;
    let link = server.link("tokens");
    let issued = Command::new(binary("confab-server")?).args(["token", "--token-key-file"]).arg(&key).output().await?;
    let token = String::from_utf8(issued.stdout)?.trim().to_owned();
    let (events, text, code) = run(&link, &["--json"]).await?;
    assert_eq!((events.len(), code), (1, Some(5)), "{text}");
    let (_, text, _) = run(&link, &[]).await?;
    assert!(text.contains("--token"), "it says how to bring one: {text}");
    let mut by_argument = Peer::join(&link, "Ann", &["--token", &token])?;
    by_argument.joined().await?;
    let mut by_variable = Peer::join_with(&link, "Ben", &[], &[("CONFAB_TOKEN", &token)])?;
    by_variable.joined().await?;
    assert_eq!((by_argument.leave().await?, by_variable.leave().await?), (Some(0), Some(0)));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_has_no_colours_no_room_and_no_password_of_ice() -> Outcome {
    let (server, dir) = (Server::start().await?, tempfile::tempdir()?);
    let (link, log) = (server.link("of-geheim-room"), dir.path().join("log"));
    let mut ann = Peer::join(&link, "Ann", &SENDS)?;
    ann.joined().await?;
    let mut command = Peer::command(&link, "Ben", &SENDS)?;
    command.env("RUST_LOG", "trace").stderr(std::fs::File::create(&log)?);
    let mut ben = Peer { process: Process::start(command)? };
    ben.wait_for_stats("Ann", |stats| stats["frames"].as_u64() > Some(5)).await?;
    assert_eq!(ben.leave().await?, Some(0));
    let log = String::from_utf8(std::fs::read(log)?)?;
    assert!(log.lines().count() > 10, "there is a log: {log}");
    for secret in ["\x1b", "geheim", "ice-pwd", "ice-ufrag"] {
        let line = log.lines().find(|line| line.contains(secret));
        assert_eq!(line, None, "{secret:?} is in the log");
    }
    Ok(())
}

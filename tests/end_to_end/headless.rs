//! Headless participants over the real server: pictures, tones, chat, late joiners, leaving and dying.

use confab_media::{I420Frame, Vp8Decoder, pattern, read_ivf};
use confab_testkit::process::{Peer, Server};
use confab_testkit::sound::Sound;
use confab_wire::{
    layers::FrameLayer,
    media::{Codec, EncodedFrame},
};
use serde_json::Value;
use std::path::{Path, PathBuf};

type Outcome = Result<(), Box<dyn std::error::Error>>;

const SMALL: [&str; 6] = ["--video", "pattern", "--size", "640x360", "--bitrate", "800"];

fn join(server: &Server, name: &str, hz: u32, record: &Path) -> Result<Peer, Box<dyn std::error::Error>> {
    let tone = format!("tone:{hz}");
    let record = record.to_string_lossy();
    let mut arguments = SMALL.to_vec();
    arguments.extend(["--audio", &tone, "--record", &record]);
    Ok(Peer::join(&server.link("headless"), name, &arguments)?)
}

/// Waits until `peer` sees the pattern of `name` advance and hears it.
async fn sees_and_hears(peer: &mut Peer, name: &str) -> Result<Value, Box<dyn std::error::Error>> {
    let mut first = None;
    let stats = peer
        .wait_for_stats(name, |stats| {
            let Some(number) = stats["pattern"].as_u64() else { return false };
            let first = *first.get_or_insert(number);
            number > first + 20 && stats["audioLevel"].as_f64() > Some(0.02) && stats["rttMs"].is_number()
        })
        .await?;
    assert_eq!((stats["width"].as_u64(), stats["height"].as_u64()), (Some(640), Some(360)));
    assert_eq!(stats["connection"], "host");
    Ok(stats)
}

/// The recordings that `peer` made of the peer `id`: picture and sound.
fn recordings(peer: &Peer, id: &str) -> (PathBuf, PathBuf) {
    let file = |kind: &str| {
        let events = peer.events();
        let track = events.iter().find(|e| e["event"] == "track-added" && e["id"] == id && e["kind"] == kind);
        PathBuf::from(track.and_then(|track| track["file"].as_str()).unwrap_or_default())
    };
    (file("video"), file("audio"))
}

/// Decodes an IVF recording. Each picture with a pattern is compared with the pattern drawn anew: PSNR of luma in dB.
fn psnr_of_recording(path: &Path) -> Result<Vec<(u32, f64)>, Box<dyn std::error::Error>> {
    let mut decoder = Vp8Decoder::new();
    let mut result = Vec::new();
    for (timestamp, data) in read_ivf(path)?.frames {
        let key = data.first().is_some_and(|byte| byte & 1 == 0);
        let timestamp = timestamp as u32;
        let frame = EncodedFrame {
            data: data.into(),
            codec: Codec::Vp8,
            key,
            timestamp,
            width: 0,
            height: 0,
            layer: FrameLayer::default(),
        };
        let Some(picture) = decoder.decode(&frame)? else { continue };
        let Some(reading) = pattern::read(&picture) else { continue };
        let mut source = I420Frame::new(picture.width(), picture.height());
        pattern::draw(&mut source, reading.number, reading.clock_ms);
        result.push((reading.number, source.psnr(&picture).unwrap_or_default()));
    }
    Ok(result)
}

#[tokio::test(flavor = "multi_thread")]
async fn three_peers_see_hear_and_write_to_each_other() -> Outcome {
    let server = Server::start().await?;
    let dir = tempfile::tempdir()?;
    let mut ann = join(&server, "Ann", 440, &dir.path().join("ann"))?;
    let ann_id = ann.joined().await?;
    let mut ben = join(&server, "Ben", 660, &dir.path().join("ben"))?;
    let ben_id = ben.joined().await?;
    sees_and_hears(&mut ann, "Ben").await?;
    sees_and_hears(&mut ben, "Ann").await?;

    ann.process.say("before Cy came").await?;
    ben.wait_for("chat", |chat| chat["text"] == "before Cy came" && chat["from"] == "Ann").await?;

    // Late joiner: gets both streams and the messages from before.
    let mut cy = join(&server, "Cy", 880, &dir.path().join("cy"))?;
    let cy_id = cy.joined().await?;
    cy.wait_for("chat", |chat| chat["text"] == "before Cy came" && chat["author"] == ann_id.as_str()).await?;
    for name in ["Ann", "Ben"] {
        sees_and_hears(&mut cy, name).await?;
    }
    sees_and_hears(&mut ann, "Cy").await?;
    sees_and_hears(&mut ben, "Cy").await?;
    cy.process.say("hello from Cy").await?;
    for peer in [&mut ann, &mut ben] {
        peer.wait_for("chat", |chat| chat["text"] == "hello from Cy").await?;
        peer.wait_for("media-state", |state| state["id"] == cy_id.as_str() && state["cam"] == true).await?;
    }
    let chats = cy.events().iter().filter(|event| event["event"] == "chat").count();
    assert_eq!(chats, 2, "each message once, however many peers told it");

    // Recordings: each from each, whole pictures and the right tone.
    let heard = [(&ann, &ben_id, 660.0), (&ann, &cy_id, 880.0), (&ben, &ann_id, 440.0), (&cy, &ann_id, 440.0)];
    let heard = heard.map(|(peer, id, hz)| (recordings(peer, id), hz));
    assert_eq!(cy.leave().await?, Some(0));
    for peer in [&mut ann, &mut ben] {
        peer.wait_for("peer-disconnect", |event| event["id"] == cy_id.as_str()).await?;
    }
    ben.process.signal("KILL").await?;
    ann.wait_for("peer-disconnect", |event| event["id"] == ben_id.as_str()).await?;
    assert_eq!(ann.leave().await?, Some(0));
    assert_eq!(server.stop().await?, Some(0));

    for ((video, audio), hz) in heard {
        if hz != 440.0 || audio.exists() {
            let sound = Sound::read(&audio)?;
            assert!(sound.tone(hz) > 0.05, "{hz} Hz is not in {}", audio.display());
            for other in [440.0, 660.0, 880.0] {
                assert!(other == hz || sound.tone(other) < 0.02, "{other} Hz is in {}", audio.display());
            }
        }
        let pictures = psnr_of_recording(&video)?;
        assert!(pictures.len() > 30, "{} pictures in {}", pictures.len(), video.display());
        assert!(pictures.windows(2).all(|pair| pair[0].0 < pair[1].0), "frame numbers advance");
        let mean = pictures.iter().map(|(_, psnr)| psnr).sum::<f64>() / pictures.len() as f64;
        assert!(mean > 25.0, "mean PSNR {mean:.1} dB in {}", video.display());
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_goes_wrong_is_said_with_its_own_exit_code() -> Outcome {
    let server = Server::start().await?;
    let dir = tempfile::tempdir()?;
    let broken = dir.path().join("broken.y4m");
    std::fs::write(&broken, "not a video")?;
    let broken = broken.to_string_lossy().into_owned();
    let wrong = wrong_server().await?;
    let link = server.link("errors");
    let cases: [(&str, &[&str], &str, i32); 7] = [
        ("not a link", &[], "bad-link", 3),
        ("http://127.0.0.1:9/r/room", &[], "server-unreachable", 4),
        (&wrong, &[], "not-confab", 4),
        (&link, &["--name", " "], "bad-name", 3),
        (&link, &["--video", &broken], "file-format", 6),
        (&link, &["--video", "/does/not/exist.y4m"], "file-unreadable", 6),
        (&link, &["--audio", "/does/not/exist.wav"], "file-unreadable", 6),
    ];
    for (link, arguments, code, exit) in cases {
        let name: &[&str] = if arguments.contains(&"--name") { &[] } else { &["--name", "Ann"] };
        let mut command = tokio::process::Command::new(confab_testkit::process::binary("confab-peer")?);
        command.args(["join", link, "--json"]).args(name).args(arguments);
        let mut peer = Peer { process: confab_testkit::process::Process::start(command)? };
        let error = peer.wait_for("error", |_| true).await?;
        assert_eq!(error["code"], code, "{error}");
        assert!(error["message"].as_str().is_some_and(|message| message.len() > 20), "{error}");
        assert_eq!(peer.process.wait().await?, Some(exit), "{error}");
    }
    Ok(())
}

/// An HTTP server that is no Confab: it answers every request with a page.
async fn wrong_server() -> Result<String, std::io::Error> {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut request = [0; 4096];
                let _ = stream.read(&mut request).await;
                let page =
                    "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 5\r\nconnection: close\r\n\r\nhello";
                let _ = stream.write_all(page.as_bytes()).await;
            });
        }
    });
    Ok(format!("http://{address}/r/room"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_room_is_refused_in_words() -> Outcome {
    let server = Server::start().await?;
    let link = server.link("full");
    let mut inside = Vec::new();
    for number in 0..confab_wire::limits::ROOM_MEMBERS {
        let mut peer = Peer::join(&link, &format!("Guest {number}"), &["--no-decode"])?;
        peer.joined().await?;
        inside.push(peer);
    }
    let mut late = Peer::join(&link, "Late", &[])?;
    assert_eq!(late.wait_for("error", |_| true).await?["code"], "room-full");
    assert_eq!(late.process.wait().await?, Some(5));
    Ok(())
}

/// Ann watches Ben, who then freezes: his program gets no time. Returns both and Ben's id.
async fn frozen_ben(server: &Server) -> Result<(Peer, Peer, String), Box<dyn std::error::Error>> {
    let link = server.link("frozen");
    let mut ann = Peer::join(&link, "Ann", &[])?;
    ann.joined().await?;
    let mut ben = Peer::join(&link, "Ben", &SMALL)?;
    let ben_id = ben.joined().await?;
    ann.wait_for_stats("Ben", |stats| stats["fps"].as_f64() > Some(5.0)).await?;
    ben.process.signal("STOP").await?;
    Ok((ann, ben, ben_id))
}

/// Frames of the only other participant that `stats` counts.
fn frames(stats: &Value) -> u64 {
    stats["peers"][0]["frames"].as_u64().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_freezes_is_shown_as_reconnecting_and_comes_back() -> Outcome {
    let server = Server::start().await?;
    let (mut ann, ben, ben_id) = frozen_ben(&server).await?;
    ann.wait_for("peer-state", |event| event["id"] == ben_id.as_str() && event["state"] == "reconnecting").await?;
    let before = ann.events();
    let seen = before.iter().rfind(|event| event["event"] == "stats").map(frames).unwrap_or_default();
    ben.process.signal("CONT").await?;
    ann.wait_for("peer-state", |event| event["id"] == ben_id.as_str() && event["state"] == "connected").await?;
    ann.wait_for("stats", |stats| frames(stats) > seen + 20).await?;
    let gone = ann.events()[before.len()..].iter().any(|event| event["event"] == "peer-disconnect");
    assert!(!gone, "nobody left: it was the same connection all the time");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_was_away_while_the_server_was_is_healed() -> Outcome {
    let server = Server::start().await?;
    let address = server.url.trim_start_matches("http://").to_owned();
    let (mut ann, ben, ben_id) = frozen_ben(&server).await?;
    ann.wait_for("peer-state", |event| event["id"] == ben_id.as_str() && event["state"] == "reconnecting").await?;
    server.stop().await?;
    let _server = Server::start_on(&address).await?;
    // Back in the room, Ann restarts ICE with Ben, who cannot answer yet.
    ann.wait_for("call-state", |event| event["state"] == "server-lost").await?;
    let mut lost = false;
    ann.wait_for("call-state", |event| {
        lost |= event["state"] == "server-lost";
        lost && event["state"] == "in-call"
    })
    .await?;
    let now = ann.events().iter().rev().find_map(|event| event["t"].as_u64());
    ben.process.signal("CONT").await?;
    // By a restart of ICE, or by a new connection where that comes too late.
    let flows = |peer: &Value| peer["id"] == ben_id.as_str() && peer["fps"].as_f64() > Some(5.0);
    ann.wait_for("stats", |stats| {
        stats["t"].as_u64() > now && stats["peers"].as_array().is_some_and(|peers| peers.iter().any(flows))
    })
    .await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_was_given_up_comes_back_when_it_is_there_again() -> Outcome {
    let server = Server::start().await?;
    let (mut ann, ben, ben_id) = frozen_ben(&server).await?;
    ann.wait_for("peer-disconnect", |event| event["id"] == ben_id.as_str()).await?;
    ben.process.signal("CONT").await?;
    let mut looked = 0;
    ann.wait_for("peer-connect", |event| {
        looked += usize::from(event["id"] == ben_id.as_str());
        looked > 1
    })
    .await?;
    let mut moving = false;
    ann.wait_for("stats", |stats| {
        moving |= stats["peers"].as_array().is_some_and(Vec::is_empty);
        moving && stats["peers"][0]["fps"].as_f64() > Some(5.0)
    })
    .await?;
    Ok(())
}

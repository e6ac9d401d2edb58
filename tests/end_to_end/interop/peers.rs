//! A page and `confab-peer` in one call: neither may notice that the other is not of its own kind.

use crate::interop::{Outcome, SMALL, seen_and_heard};
use confab_testkit::browser::{Browser, Page};
use confab_testkit::process::{Peer, ProcessError, Server};
use confab_testkit::sound::Sound;
use serde_json::{Value, json};
use std::path::PathBuf;

/// A headless participant with the test pattern at the pages' size and a tone.
pub fn join(link: &str, name: &str, hz: u32, more: &[&str]) -> Result<Peer, ProcessError> {
    let tone = format!("tone:{hz}");
    let mut arguments = vec!["--video", "pattern", "--size", "640x360", "--bitrate", "800", "--audio", &tone];
    arguments.extend(more);
    Peer::join(link, name, &arguments)
}

/// Waits until `peer` reads advancing frame numbers in the picture of `name`, and hears it.
pub async fn sees_and_hears(peer: &mut Peer, name: &str) -> Result<Value, ProcessError> {
    let mut first = None;
    peer.wait_for_stats(name, |stats| {
        let Some(number) = stats["pattern"].as_u64() else { return false };
        number > *first.get_or_insert(number) + 20 && stats["audioLevel"].as_f64() > Some(0.02)
    })
    .await
}

/// Chat in both directions between a page and the headless Ben.
pub async fn write_to_each_other(page: &Page, peer: &mut Peer, name: &str) -> Outcome {
    page.eval("call.say('from the browser')").await?;
    let heard = peer.wait_for("chat", |chat| chat["text"] == "from the browser").await?;
    assert_eq!(heard["from"], name);
    peer.process.say("from the peer, ünïcode 🦊").await?;
    let script = "call.state.chat.find((message) => message.text === 'from the peer, ünïcode 🦊')";
    assert_eq!(page.wait("the peer's message", script).await?["from"], "Ben");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_joins_a_page() -> Outcome {
    let (server, browser) = (Server::start().await?, Browser::start().await?);
    let link = server.link("page-first");
    let folder = tempfile::tempdir()?;
    let ann = browser.open("Ann").await?;
    let ann_id = ann.join(&link, Some(440), Some(SMALL)).await?;
    ann.eval("call.say('before Ben came')").await?;

    let record = folder.path().to_string_lossy();
    let mut ben = join(&link, "Ben", 660, &["--record", &record])?;
    let ben_id = ben.joined().await?;
    let seen = ann.wait_for_person("Ben", &seen_and_heard(660)).await?;
    assert_eq!((&seen["id"], &seen["media"]), (&json!(ben_id), &json!({ "mic": true, "cam": true })));
    assert_eq!((&seen["video"]["width"], &seen["video"]["height"]), (&json!(640), &json!(360)));
    assert_eq!(seen["video"]["event"], "camera");
    let stats = sees_and_hears(&mut ben, "Ann").await?;
    assert_eq!(stats["connection"], "host", "{stats}");
    ben.wait_for("chat", |chat| chat["text"] == "before Ben came" && chat["author"] == ann_id.as_str()).await?;
    ben.wait_for("media-state", |state| state["id"] == ann_id.as_str() && state["cam"] == true).await?;
    write_to_each_other(&ann, &mut ben, "Ann").await?;

    let track = ben.wait_for("track-added", |track| track["kind"] == "audio").await?;
    assert_eq!(track["id"], ann_id);
    let sound = PathBuf::from(track["file"].as_str().unwrap_or_default());
    assert_eq!(ben.leave().await?, Some(0));
    ann.wait("the end of Ben", &format!("call.state.people['{ben_id}'].gone")).await?;
    let sound = Sound::read(&sound)?;
    assert!(sound.tone(440.0) > 0.05 && sound.tone(660.0) < 0.02, "Ann's tone, and only hers, is in the recording");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_joins_a_peer() -> Outcome {
    let (server, browser) = (Server::start().await?, Browser::start().await?);
    let link = server.link("peer-first");
    let mut ben = join(&link, "Ben", 660, &[])?;
    ben.joined().await?;
    let cat = browser.open("Cat").await?;
    let cat_id = cat.join(&link, None, None).await?;
    cat.wait_for_person("Ben", &seen_and_heard(660)).await?;
    ben.process.say("before Ann came").await?;
    cat.wait("Ben's message", "call.state.chat.length === 1").await?;

    let ann = browser.open("Ann").await?;
    let ann_id = ann.join(&link, Some(440), Some(SMALL)).await?;
    ann.wait_for_person("Ben", &seen_and_heard(660)).await?;
    sees_and_hears(&mut ben, "Ann").await?;
    let chat = ann.wait("the earlier message", "call.state.chat.length > 0 && call.state.chat").await?;
    assert_eq!((&chat[0]["text"], &chat[0]["from"]), (&json!("before Ann came"), &json!("Ben")));
    assert_eq!(chat.as_array().map(Vec::len), Some(1), "told by two, known once");
    write_to_each_other(&ann, &mut ben, "Ann").await?;

    // One closes, one crashes, and each is missed.
    ann.close().await?;
    ben.wait_for("peer-disconnect", |event| event["id"] == ann_id.as_str()).await?;
    cat.crash().await?;
    ben.wait_for("peer-disconnect", |event| event["id"] == cat_id.as_str()).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_turns_its_camera_on_and_off_during_the_call() -> Outcome {
    let (server, browser) = (Server::start().await?, Browser::start().await?);
    let link = server.link("camera");
    let ann = browser.open("Ann").await?;
    let ann_id = ann.join(&link, Some(440), None).await?;
    let mut ben = join(&link, "Ben", 660, &[])?;
    ben.joined().await?;
    ann.wait_for_person("Ben", &seen_and_heard(660)).await?;
    ben.wait_for_stats("Ann", |stats| stats["audioLevel"].as_f64() > Some(0.02)).await?;
    let camera = |event: &Value| event["id"] == ann_id.as_str() && event["kind"] == "video";
    assert!(!ben.events().iter().any(camera), "no picture yet");

    ann.eval("call.addCamera({ width: 640, height: 360 })").await?;
    let track = ben.wait_for("track-added", camera).await?;
    sees_and_hears(&mut ben, "Ann").await?;
    ben.wait_for("media-state", |state| state["cam"] == true).await?;
    ann.eval("call.swapCamera({ width: 320, height: 180 })").await?;
    ben.wait_for_stats("Ann", |stats| stats["width"] == 320 && stats["pattern"].as_u64() > Some(20)).await?;
    ann.eval("call.removeCamera()").await?;
    ben.wait_for("track-removed", |event| event["handle"] == track["handle"]).await?;

    // A stream of its own beside the camera's.
    ann.eval("call.shareScreen({ width: 320, height: 180, fps: 10 })").await?;
    ben.wait_for("track-added", |event| camera(event) && event["stream"] != track["stream"]).await?;
    ann.wait_for_person("Ben", &seen_and_heard(660)).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_sees_and_hears_what_a_peer_shares() -> Outcome {
    let (server, browser) = (Server::start().await?, Browser::start().await?);
    let link = server.link("share");
    let mut ben = join(&link, "Ben", 660, &["--share", "pattern", "--share-sound=tone:880"])?;
    ben.joined().await?;
    let ann = browser.open("Ann").await?;
    ann.join(&link, None, None).await?;
    let found = "const tracks = person.tracks.filter((track) => track.event === 'screen');
        return tracks.length === 2 && tracks.some((track) => track.patterns > 10)
            && tracks.some((track) => Math.abs(track.hz - 880) < 12)";
    ann.wait_for_person("Ben", &format!("(() => {{ {found} }})()")).await?;
    // Beside the camera and the microphone, which are another stream.
    ann.wait_for_person("Ben", "person.tracks.some((track) => Math.abs(track.hz - 660) < 12)").await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newcomers_offer_that_collides_with_the_pages_settles() -> Outcome {
    let (server, browser) = (Server::start().await?, Browser::start().await?);
    let mut collided = false;
    for round in 0..5 {
        let link = server.link(&format!("glare-{round}"));
        let ann = browser.open(&format!("Ann {round}")).await?;
        ann.join(&link, Some(440), None).await?;
        ann.eval("call.addCameraInTheWay({ width: 640, height: 360 })").await?;
        let mut ben = join(&link, "Ben", 660, &[])?;
        let seen = ann.wait_for_person("Ben", &seen_and_heard(660)).await?;
        sees_and_hears(&mut ben, &format!("Ann {round}")).await?;
        ann.wait_for_person("Ben", "person.signaling === 'stable'").await?;
        ann.close().await?;
        collided |= seen["collisions"].as_u64() > Some(0);
        if collided {
            break;
        }
    }
    assert!(collided, "no offers collided: the test did not test");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_is_killed_is_missed_by_the_page() -> Outcome {
    let (server, browser) = (Server::start().await?, Browser::start().await?);
    let link = server.link("killed");
    let ann = browser.open("Ann").await?;
    ann.join(&link, None, None).await?;
    let mut ben = join(&link, "Ben", 660, &[])?;
    let ben_id = ben.joined().await?;
    ann.wait_for_person("Ben", &seen_and_heard(660)).await?;
    ben.process.signal("KILL").await?;
    ann.wait("the end of Ben", &format!("call.state.people['{ben_id}'].gone")).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_call_outlives_the_server() -> Outcome {
    let (server, browser) = (Server::start().await?, Browser::start().await?);
    let link = server.link("outlives");
    let ann = browser.open("Ann").await?;
    ann.join(&link, Some(440), None).await?;
    let mut ben = join(&link, "Ben", 660, &[])?;
    ben.joined().await?;
    ann.wait_for_person("Ben", &seen_and_heard(660)).await?;
    assert_eq!(server.stop().await?, Some(0));
    ann.wait("the loss", "call.state.log.some((line) => line.includes('(disconnect)'))").await?;
    let before = ann.wait_for_person("Ben", "video").await?["video"]["number"].as_u64().unwrap_or_default();
    ann.wait_for_person("Ben", &format!("video.number > {} && audio.hz > 600", before + 30)).await?;
    write_to_each_other(&ann, &mut ben, "Ann").await
}

#[tokio::test(flavor = "multi_thread")]
async fn rubbish_and_floods_on_ctrl_do_not_end_the_call() -> Outcome {
    let (server, browser) = (Server::start().await?, Browser::start().await?);
    let link = server.link("rubbish");
    let ann = browser.open("Ann").await?;
    ann.join(&link, Some(440), None).await?;
    let mut ben = join(&link, "Ben", 660, &[])?;
    ben.joined().await?;
    ann.wait_for_person("Ben", &seen_and_heard(660)).await?;
    ann.eval(
        r##"const frames = ["", "{", "[]", "null", "\u0000", '{"e":7}', '{"e":"peer-disconnect","d":[{"id":"x"}]}',
            '{"e":"#rtcio:message","d":[{}]}', '{"e":"chat","d":"text"}', '{"e":"chat","d":[{"text":7}]}',
            '{"e":"chat-history","d":[{"0":1}]}', '{"e":"media-state","d":[null]}', new Uint8Array(1000),
            JSON.stringify({ e: "x".repeat(100_000), d: [] })];
        for (const frame of frames) call.sendRaw("Ben", frame);
        for (let number = 0; number < 3_000; number += 1) call.sendRaw("Ben", '{"e":"media-state","d":[{"mic":true,"cam":false}]}');"##,
    )
    .await?;
    ben.wait_for("notice", |notice| notice["code"] == "peer-misbehaving").await?;
    // When the flood is over, what a person says passes again.
    ben.process.say("still here").await?;
    ann.wait("Ben's message", "call.state.chat.some((message) => message.text === 'still here')").await?;
    ann.wait_for_person("Ben", &seen_and_heard(660)).await?;
    assert!(!ben.events().iter().any(|event| event["event"] == "peer-disconnect"));
    Ok(())
}

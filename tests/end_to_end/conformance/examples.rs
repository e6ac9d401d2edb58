//! The examples, each started as a person would start it, with a page in its room.

use crate::conformance::Outcome;
use crate::conformance::peer::Peer;
use crate::conformance::world::{Kind, World};
use confab_testkit::process::{Process, ProcessError, binary};
use serde_json::{Value, json};
use tokio::process::Command;

/// An example that runs; it prints JSON lines.
pub struct Example(pub Process);

impl Example {
    /// Starts the example `name` in a room of that name.
    fn start(world: &World, name: &str, arguments: &[&str]) -> Result<Self, ProcessError> {
        Self::start_in(world, name, name, arguments)
    }

    /// Starts the example `name` in `room`.
    pub fn start_in(world: &World, room: &str, name: &str, arguments: &[&str]) -> Result<Self, ProcessError> {
        let mut command = Command::new(binary(&format!("examples/{name}"))?);
        command.args([world.url().as_str(), room]).args(arguments);
        Ok(Self(Process::start(command)?))
    }

    /// The first line that says `event` and satisfies `matches`.
    async fn says(&mut self, event: &str, matches: impl Fn(&Value) -> bool) -> Result<Value, ProcessError> {
        let find = |lines: &[String]| {
            let mut lines = lines.iter().filter_map(|line| serde_json::from_str::<Value>(line).ok());
            lines.find(|line| line["event"] == event && matches(line))
        };
        self.0.wait_for(&format!("the line {event}"), find).await
    }
}

/// A page in the room of the example `name`, which is there as well.
async fn with_page(world: &World, name: &str, arguments: &[&str]) -> Outcome<(Peer, Example, String)> {
    let mut page = world.join(Kind::Page, name).await?;
    let example = Example::start(world, name, arguments)?;
    let id = came(&mut page).await?;
    Ok((page, example, id))
}

/// The id of the next one to connect.
pub async fn came(page: &mut Peer) -> Outcome<String> {
    let came = page.wait(json!({ "tag": "peer-connect" })).await?;
    Ok(came["args"][0]["id"].as_str().unwrap_or_default().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rpc_example_asks_and_answers_one_peer() -> Outcome {
    let world = World::new().await?;
    let mut page = world.join(Kind::Page, "rpc").await?;
    for event in ["hello", "ping", "pong"] {
        page.on(event, event, json!({})).await?;
    }
    let mut example = Example::start(&world, "rpc", &["Ann"])?;
    let id = came(&mut page).await?;
    page.wait(json!({ "tag": "hello", "args": [{ "name": "Ann" }] })).await?;
    let ping = page.wait(json!({ "tag": "ping" })).await?;
    page.emit_to(&id, "pong", ping["args"].clone()).await?;
    let pong = example.says("pong", |_| true).await?;
    assert_eq!(pong["from"], page.id());
    assert!(pong["rttMs"].as_f64() > Some(0.0), "{pong}");
    page.emit_to(&id, "ping", json!([{ "sentAt": 17 }])).await?;
    page.wait(json!({ "tag": "pong", "args": [{ "sentAt": 17 }] })).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_minimal_call_shows_and_sees() -> Outcome {
    let world = World::new().await?;
    let (mut page, mut example, _) = with_page(&world, "minimal_call", &[]).await?;
    page.on("camera", "camera", json!({})).await?;
    page.stream("cam", json!([{ "width": 320, "height": 180, "fps": 15 }, { "tone": 660 }]), json!({})).await?;
    let camera = json!([{ "stream": { "$stream": "cam" }, "metadata": { "displayName": "page" } }]);
    page.emit("camera", camera).await?;
    let metadata = json!({ "displayName": "page" });
    example.says("camera", |line| line["args"][0]["metadata"] == metadata).await?;
    example.says("picture", |line| line["from"] == page.id()).await?;
    example.says("sound", |line| line["from"] == page.id()).await?;

    // Someone who comes later is told what the picture is, and sees it.
    let mut late = world.start(Kind::Page, json!({})).await?;
    late.on("camera", "camera", json!({})).await?;
    late.join("minimal_call").await?;
    late.wait(json!({ "tag": "camera", "args": [{ "metadata": { "displayName": "guest" } }] })).await?;
    let moving = |tracks: &[Value]| tracks.iter().filter(|track| track["moving"].as_u64() > Some(10)).count() >= 2;
    late.wait_for_tracks("picture and tone", moving).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_late_joiner_example_is_seen_by_who_comes_later_until_it_stops() -> Outcome {
    let world = World::new().await?;
    let (mut first, mut example, id) = with_page(&world, "late_joiner", &[]).await?;
    first.on("screen", "screen", json!({})).await?;
    example.0.say("share").await?;
    let shared = example.says("shared", |_| true).await?;
    let told = json!({ "tag": "screen", "args": [{ "$stream": shared["stream"] }] });
    first.wait(told.clone()).await?;
    let mut late = world.start(Kind::Page, json!({})).await?;
    late.on("screen", "screen", json!({})).await?;
    late.join("late_joiner").await?;
    late.wait(told).await?;
    let moving = |tracks: &[Value]| tracks.iter().any(|track| track["moving"].as_u64() > Some(10));
    late.wait_for_tracks("the screen", moving).await?;

    example.0.say("stop").await?;
    example.says("stopped", |_| true).await?;
    late.wait(json!({ "tag": "track-removed" })).await?;
    let mut later = world.start(Kind::Page, json!({})).await?;
    later.on("screen", "screen", json!({})).await?;
    later.on("end", "end", json!({})).await?;
    later.join("late_joiner").await?;
    later.wait(json!({ "tag": "peer-connect", "args": [{ "id": id }] })).await?;
    crate::conformance::world::meet(&mut first, &mut later).await?;
    first.emit("end", json!([])).await?;
    later.wait(json!({ "tag": "end" })).await?;
    assert_eq!(later.seen(&json!({ "tag": "screen" })), 0);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_chat_example_talks_with_a_page() -> Outcome {
    let world = World::new().await?;
    let mut page = world.start(Kind::Page, json!({})).await?;
    page.channel("chat", "chat", json!({})).await?;
    page.channel_on("chat", "msg", json!({})).await?;
    page.join("chat").await?;
    let mut example = Example::start(&world, "chat", &["Ann"])?;
    came(&mut page).await?;
    page.wait(json!({ "channel": "chat", "event": "open" })).await?;
    example.says("came", |line| line["id"] == page.id()).await?;
    example.0.say("hello from the example").await?;
    page.wait(json!({ "event": "msg", "args": [{ "name": "Ann", "text": "hello from the example" }] })).await?;
    page.channel_emit("chat", "msg", json!([{ "name": "page", "text": "hello" }])).await?;
    example.says("msg", |line| line["args"] == json!([{ "name": "page", "text": "hello" }])).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_file_example_sends_and_receives_with_a_page() -> Outcome {
    let world = World::new().await?;
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("a picture.bin");
    // More than the marks let through at once.
    let size = 6 << 20;
    std::fs::write(&file, vec![7; size])?;
    let (mut page, mut example, id) = with_page(&world, "file", &["send", &file.to_string_lossy()]).await?;
    page.channel("file", "file", json!({ "peer": id })).await?;
    page.channel_on("file", "ask", json!({})).await?;
    page.channel_on("file", "meta", json!({})).await?;
    page.channel_on("file", "eof", json!({})).await?;
    page.wait(json!({ "channel": "file", "event": "open" })).await?;
    page.channel_emit("file", "ready", json!([])).await?;
    let mut first = page.wait(json!({ "channel": "file" })).await?;
    if first["event"] == "ask" {
        // Who is second to make the channel asks: the other may have spoken before it could be heard.
        page.channel_emit("file", "ready", json!([])).await?;
        first = page.wait(json!({ "event": "meta" })).await?;
    }
    assert_eq!(first["args"], json!([{ "name": "a picture.bin", "size": size }]));
    page.wait(json!({ "event": "eof" })).await?;
    let mut received = 0;
    while page.seen(&json!({ "event": "data" })) > 0 {
        received += page.wait(json!({ "event": "data" })).await?["args"][0]["$bytes"].as_u64().unwrap_or_default();
    }
    assert_eq!(received, size as u64);
    let sent = example.says("sent", |_| true).await?;
    assert!(sent["waits"].as_u64() > Some(0), "the example was held back: {sent}");
    drop(example);

    // The other way round.
    let inbox = folder.path().join("inbox");
    std::fs::create_dir(&inbox)?;
    let mut example = Example::start(&world, "file", &["receive", &inbox.to_string_lossy()])?;
    let id = came(&mut page).await?;
    page.channel("there", "file", json!({ "peer": id })).await?;
    page.channel_on("there", "ready", json!({})).await?;
    page.channel_emit("there", "ask", json!([])).await?;
    page.wait(json!({ "channel": "there", "event": "ready" })).await?;
    page.channel_emit("there", "meta", json!([{ "name": "../from the page", "size": 163_840 }])).await?;
    page.channel_send("there", json!({ "size": 16_384, "count": 10 })).await?;
    page.channel_emit("there", "eof", json!([{}])).await?;
    let received = example.says("received", |_| true).await?;
    assert_eq!(received["bytes"], 163_840);
    let written: Vec<_> = std::fs::read_dir(&inbox)?.flatten().collect();
    assert_eq!((written.len(), written[0].metadata()?.len()), (1, 163_840), "in the folder, whatever the name says");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cursor_example_and_a_page_see_each_other_move() -> Outcome {
    let world = World::new().await?;
    let lossy = json!({ "ordered": false, "maxRetransmits": 0 });
    let mut page = world.start(Kind::Page, json!({})).await?;
    page.channel("cursors", "cursors", lossy).await?;
    page.channel_on("cursors", "move", json!({})).await?;
    page.join("cursor").await?;
    let mut example = Example::start(&world, "cursor", &[])?;
    let id = came(&mut page).await?;
    for _ in 0..20 {
        page.wait(json!({ "event": "move", "args": [{ "id": id }] })).await?;
    }
    page.channel_emit("cursors", "move", json!([{ "id": "page", "x": 1, "y": 2 }])).await?;
    example.says("move", |line| line["args"] == json!([{ "id": "page", "x": 1, "y": 2 }])).await?;
    Ok(())
}

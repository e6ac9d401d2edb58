//! The examples, each started as a person would start it, with a page in its room.

use crate::Outcome;
use crate::peer::Peer;
use crate::world::{Kind, World};
use confab_testkit::process::{Process, ProcessError, binary};
use serde_json::{Value, json};
use tokio::process::Command;

/// An example that runs; it prints JSON lines.
struct Example(Process);

impl Example {
    fn start(world: &World, name: &str, arguments: &[&str]) -> Result<Self, ProcessError> {
        let mut command = Command::new(binary(&format!("examples/{name}"))?);
        command.args([world.url().as_str(), name]).args(arguments);
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
async fn came(page: &mut Peer) -> Outcome<String> {
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
    let (mut first, mut example, _) = with_page(&world, "late_joiner", &[]).await?;
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
    came(&mut later).await?;
    crate::world::meet(&mut first, &mut later).await?;
    first.emit("end", json!([])).await?;
    later.wait(json!({ "tag": "end" })).await?;
    assert_eq!(later.seen(&json!({ "tag": "screen" })), 0);
    Ok(())
}

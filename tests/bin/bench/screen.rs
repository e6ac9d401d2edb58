//! A shared screen of 1920×1080: CPU seconds per ten seconds of capturing it and of encoding it, while it moves and while it
//! rests.

use crate::Outcome;
use confab_testkit::cost;
use confab_testkit::process::{Peer, Server};
use confab_testkit::x11::Stage;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

const SIZE: (u32, u32) = (1920, 1080);
/// How long each row is measured.
const SPAN: Duration = Duration::from_secs(10);
/// How often something on the screen changes while it moves.
const MOVE_EVERY: Duration = Duration::from_millis(33);
/// How long a picture needs to settle before it counts as resting: it is still made sharp.
const SETTLE: Duration = Duration::from_secs(5);

/// Measures, prints the table and returns its rows.
pub async fn run() -> Outcome<Value> {
    let (server, stage) = (Server::start().await?, Stage::new(SIZE.0, SIZE.1).await?);
    let window = stage.window("Slides", (0, 0), (1200, 800), 0x20_20_60);
    let display = [("DISPLAY", stage.display.name.as_str()), ("WAYLAND_DISPLAY", "")];
    let link = server.link("bench");
    let mut viewer = Peer::join(&link, "Viewer", &["--no-decode"])?;
    viewer.joined().await?;
    let mut sharer = Peer::join_with(&link, "Sharer", &["--share", "screen"], &display)?;
    sharer.joined().await?;
    viewer.wait_for_stats("Sharer", |stats| stats["width"] == SIZE.0).await?;
    let id = sharer.process.id().ok_or("the sharer ended")?;

    println!("\nA screen of {}x{}, CPU seconds per {} s", SIZE.0, SIZE.1, SPAN.as_secs());
    println!("{:10} {:>10} {:>10}", "", "capture", "encode");
    let mut rows = Vec::new();
    for moving in [true, false] {
        let name = if moving { "moving" } else { "at rest" };
        if !moving {
            sleep(SETTLE).await;
        }
        let before = cost::threads(&[id]);
        if moving {
            draw(&stage, window).await;
        } else {
            sleep(SPAN).await;
        }
        let after = cost::threads(&[id]);
        let spent = |thread: &str| seconds(&after, thread) - seconds(&before, thread);
        let (capture, encode) = (spent("confab-capture"), spent("confab-encode"));
        println!("{name:10} {capture:>10.2} {encode:>10.2}");
        rows.push(json!({ "screen": name, "captureCpu": capture, "encodeCpu": encode }));
    }
    Ok(json!(rows))
}

fn seconds(threads: &BTreeMap<String, f64>, name: &str) -> f64 {
    threads.iter().filter(|(thread, _)| thread.ends_with(&format!("/{name}"))).map(|(_, seconds)| seconds).sum()
}

/// Draws strips across a window for the time of a measurement.
async fn draw(stage: &Stage, window: u32) {
    let end = Instant::now() + SPAN;
    let mut beats = interval(MOVE_EVERY);
    beats.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut count = 0_u32;
    while Instant::now() < end {
        beats.tick().await;
        count += 1;
        let place = ((count * 37 % 1000) as i16, (count * 23 % 700) as i16);
        stage.draw(window, place, (200, 100), count.wrapping_mul(0x9E_37_79) & 0xFF_FF_FF);
    }
}

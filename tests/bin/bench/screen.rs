//! What sharing a screen of 1920×1080 costs, ours and Chromium with a head on the same display, and what is seen of it by the
//! same viewer: `confab-peer` without a decoder. While the screen moves and while it rests; no GPU.

mod sharer;

use crate::meter::{CostMeter, Spent};
use crate::{Kind, Outcome, judge};
use confab_testkit::process::{Peer, Server};
use confab_testkit::x11::Stage;
use serde_json::{Value, json};
use sharer::Sharer;
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

const SIZE: (u32, u32) = (1920, 1080);
/// The wish of a share of ours, which Chromium is asked for as well: pictures a second, and bit/s.
const FPS: u32 = 15;
const BITRATE: u32 = 2_500_000;
/// A frame rate that counts as [`FPS`]: a busy machine misses a beat now and then.
const FULL_RATE: f64 = 14.0;
/// How long each row is measured.
const SPAN: Duration = Duration::from_secs(10);
/// How often something on the screen changes while it moves.
const MOVE_EVERY: Duration = Duration::from_millis(33);
/// How long encoder and estimator have moved before it counts, and a picture has rested: it is still made sharp.
const SETTLE: Duration = Duration::from_secs(8);

struct Row {
    kind: Kind,
    moves: bool,
    spent: Spent,
    /// CPU time of the X server, in seconds per 10 s.
    server: f64,
    seen: Seen,
}

/// What the viewer got.
struct Seen {
    size: (u64, u64),
    fps: f64,
    kbit: f64,
}

/// Measures, prints the table and the targets; returns the figures.
pub async fn run() -> Outcome<Value> {
    println!(
        "\nSharing a screen of {}x{} to one peer: the sharer's own processes, the X server's apart\n",
        SIZE.0, SIZE.1
    );
    println!(
        "| program | screen | CPU-s per 10 s | capture | encode | X server | picture received | fps received | kbit/s |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    let mut rows = Vec::new();
    for kind in Kind::BOTH {
        for row in measure(kind).await? {
            println!("{}", row.line());
            rows.push(row);
        }
    }
    println!();
    targets(&rows);
    Ok(rows.iter().map(Row::json).collect())
}

fn targets(rows: &[Row]) {
    let moving = |kind| rows.iter().find(|row| row.kind == kind && row.moves);
    let (Some(ours), Some(page)) = (moving(Kind::Ours), moving(Kind::Chromium)) else { return };
    let profile = || ours.spent.cpu_profile();
    let cpu = ours.spent.cpu_seconds / page.spent.cpu_seconds;
    judge("sharing a screen that moves: CPU over Chromium's (at most 1)", cpu, cpu <= 1.0, profile);
    // Whoever sends fewer pictures costs less.
    let (fps, least) = (ours.seen.fps, page.seen.fps.min(FULL_RATE));
    judge("sharing a screen that moves: fps received (at least 14, or Chromium's)", fps, fps >= least, profile);
    let whole = ours.seen.size == (SIZE.0.into(), SIZE.1.into());
    judge("sharing a screen that moves: lines of the picture received (1080)", ours.seen.size.1 as f64, whole, profile);
}

/// Rows of a program while the screen moves and while it rests.
async fn measure(kind: Kind) -> Outcome<Vec<Row>> {
    let (server, stage) = (Server::start().await?, Stage::new(SIZE.0, SIZE.1).await?);
    let link = server.link("bench");
    let mut viewer = Peer::join(&link, "Viewer", &["--no-decode"])?;
    viewer.joined().await?;
    let sharer = Sharer::start(kind, &link, &stage.display.name).await?;
    // After the browser's own window, which is on the screen as well: it covers nothing that moves.
    let slides = stage.window("Slides", (0, 0), (1200, 800), 0x20_20_60);
    draw(&stage, slides, SETTLE).await;
    viewer.wait_for_stats("Sharer", |stats| stats["width"] == SIZE.0).await?;
    let mut rows = Vec::new();
    for moves in [true, false] {
        if !moves {
            sleep(SETTLE).await;
        }
        let display: Vec<u32> = stage.display.id().into_iter().collect();
        let (own, others) = (CostMeter::start(&sharer.processes()), CostMeter::start(&display));
        let before = viewer.events().len();
        if moves {
            draw(&stage, slides, SPAN).await;
        } else {
            sleep(SPAN).await;
        }
        let (spent, server) = (own.stop(&sharer.processes()), others.stop(&display).cpu_seconds);
        let seen = Seen::among(&viewer.events()[before..])?;
        rows.push(Row { kind, moves, spent, server, seen });
    }
    sharer.stop().await?;
    viewer.leave().await?;
    server.stop().await?;
    Ok(rows)
}

/// Draws strips across a window.
async fn draw(stage: &Stage, window: u32, span: Duration) {
    let end = Instant::now() + span;
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

impl Seen {
    /// Out of the viewer's events while it was measured. There is nobody else whom its statistics could be about.
    fn among(events: &[Value]) -> Outcome<Self> {
        let looks: Vec<_> = events.iter().filter(|event| event["event"] == "stats").collect();
        let (Some(first), Some(last)) = (looks.first(), looks.last()) else { return Err("no statistics".into()) };
        let number = |look: &Value, key: &str| look["peers"][0][key].as_f64().unwrap_or_default();
        let passed = last["t"].as_f64().unwrap_or_default() - first["t"].as_f64().unwrap_or_default();
        let frames = number(last, "frames") - number(first, "frames");
        let bits: f64 = looks.iter().map(|look| number(look, "bitrate")).sum();
        Ok(Self {
            size: (number(last, "width") as u64, number(last, "height") as u64),
            fps: frames * 1000.0 / passed,
            kbit: bits / looks.len() as f64 / 1000.0,
        })
    }
}

impl Row {
    fn screen(&self) -> &'static str {
        if self.moves { "moving" } else { "at rest" }
    }

    /// Of ours, capture and encoding apart: their threads have names.
    fn parts(&self) -> Option<(f64, f64)> {
        let part = |name| self.spent.thread(name);
        (self.kind == Kind::Ours).then(|| (part("confab-capture"), part("confab-encode")))
    }

    fn line(&self) -> String {
        let (kind, screen, Seen { size: (width, height), fps, kbit }) = (self.kind, self.screen(), &self.seen);
        let parts = self.parts().map(|(capture, encode)| format!("{capture:.2} | {encode:.2}"));
        let (parts, cpu, server) = (parts.unwrap_or("– | –".to_owned()), self.spent.cpu_seconds, self.server);
        format!("| {kind:?} | {screen} | {cpu:.2} | {parts} | {server:.2} | {width}x{height} | {fps:.1} | {kbit:.0} |")
    }

    fn json(&self) -> Value {
        let (capture, encode) = self.parts().unzip();
        json!({ "program": format!("{:?}", self.kind).to_lowercase(), "screen": self.screen(),
            "cpuSecondsPer10s": self.spent.cpu_seconds, "captureCpu": capture, "encodeCpu": encode,
            "serverCpu": self.server, "width": self.seen.size.0, "height": self.seen.size.1, "fps": self.seen.fps,
            "kbit": self.seen.kbit })
    }
}

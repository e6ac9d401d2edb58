//! What pictures look like at the other end of networks that people have: ours and headless Chromium in one run on the same
//! profiles (`confab_testkit::network`). The receiver is behind the profile, the sender on a clean line.

mod party;
mod row;
mod scene;

use crate::{Outcome, say};
use confab_testkit::network::inside::{Inside, LabError, program};
use party::Kind::{self, Chromium, Ours};
use row::{Recovery, Row};
use scene::{Change, SCENES, Scene, play};
use serde_json::{Value, json};

/// Senders and receivers.
const PAIRS: [(Kind, Kind); 3] = [(Ours, Ours), (Ours, Chromium), (Chromium, Chromium)];
/// Longest time without a picture that is not seen as a freeze, in ms: the limit, stricter than webrtc-stats.
const NO_FREEZE: f64 = 300.0;

/// Prints a table; returns the figures, or nothing if another process has printed them.
pub async fn run() -> Outcome<Option<Value>> {
    match program(&["network"]) {
        Ok(Inside::Here) => {}
        Ok(Inside::Child(status)) if status.success() => return Ok(None),
        Ok(Inside::Child(status)) => return Err(format!("in a namespace of its own: {status}").into()),
        Err(error @ LabError::Refused { .. }) => {
            println!("not run: {error}");
            return Ok(Some(json!({ "notRun": error.to_string() })));
        }
    }
    println!("720p30 at 2.5 Mbit/s to one receiver behind each network; freezes as webrtc-stats counts them\n");
    println!(
        "| profile | pair | freezes | longest ms | longest gap ms | lost pictures | kbit/s received | picture | PSNR dB | latency p50 ms | p95 ms | recovery |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|---|");
    let mut rows = Vec::new();
    for scene in &SCENES {
        for (from, to) in PAIRS {
            rows.extend(measure(scene, from, to).await);
        }
    }
    println!();
    targets(&rows);
    Ok(Some(json!(rows.iter().map(Row::json).collect::<Vec<_>>())))
}

/// A line of the table; nothing if the call failed, which the table then says.
async fn measure(scene: &Scene, from: Kind, to: Kind) -> Option<Row> {
    match play(scene, from, to).await {
        Ok(record) => {
            let row = Row::new(scene, from, to, &record);
            println!("{}", row.line());
            Some(row)
        }
        Err(error) => {
            println!("| {} | {from:?} → {to:?} | failed: {error} |", scene.name);
            None
        }
    }
}

fn targets(rows: &[Row]) {
    let of = |kind, name| rows.iter().find(|row| (row.from, row.to, row.scene) == (kind, kind, name));
    let ours = |wanted: Change| {
        let scene = SCENES.iter().find(|scene| scene.change == wanted)?;
        of(Ours, scene.name).map(|row| row.recovery)
    };
    let never = f64::INFINITY;
    let share = match (of(Ours, "clean"), of(Chromium, "clean")) {
        (Some(ours), Some(chromium)) => ours.p95() / chromium.p95(),
        _ => never,
    };
    say("latency p95 under clean as a share of Chromium's (at most 1)", share, share <= 1.0);
    let (queue, quality) = match ours(Change::Step) {
        Some(Recovery::Step { queue, quality, .. }) => (queue / 1_000.0, quality / 1_000.0),
        _ => (never, never),
    };
    say("seconds until the queue is under 150 ms after 5→0.7 Mbit/s (at most 3)", queue, queue <= 3.0);
    say("seconds until full quality after 0.7→5 Mbit/s (at most 8)", quality, quality <= 8.0);
    let gap = of(Ours, "5 % loss").map_or(never, |row| row.longest_gap);
    say("longest time without a picture at 5 % loss in ms (at most 300)", gap, gap <= NO_FREEZE);
    for (what, change) in [("a 10 s cut", Change::Cut), ("an address change", Change::Move)] {
        let back = match ours(change) {
            Some(Recovery::Back(ms)) => ms / 1_000.0,
            _ => never,
        };
        say(&format!("seconds from the network to pictures after {what} (at most 2)"), back, back <= 2.0);
    }
}

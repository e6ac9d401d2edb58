//! A sender alone, without a window: `confab-peer` and headless Chromium. Receivers are the same for both: `confab-peer`
//! without a decoder, which says of no size that it draws, and so gets the whole picture.

use super::{BITRATE, FPS, FULL_RATE, MEASURED, PEERS, Picture, SIZE, WARM_UP};
use crate::meter::{CostMeter, Spent};
use crate::{Kind, Outcome, judge};
use confab_testkit::browser::{Browser, Page};
use confab_testkit::cost;
use confab_testkit::process::{Peer, Server};
use serde_json::{Value, json};
use std::path::Path;
use tokio::time::sleep;

struct Row {
    kind: Kind,
    peers: usize,
    spent: Spent,
    received: Picture,
    /// Of one peer, in kbit/s.
    kbit: f64,
}

/// Prints the table and the targets; returns the figures.
pub async fn run(clip: &Path) -> Outcome<Value> {
    println!("Sender of 720p30 at 1.5 Mbit/s to N peers over loopback, its own processes only\n");
    println!("| sender | peers | CPU-s per 10 s | PSS MB | fps received (least) | picture (least) | kbit/s each |");
    println!("|---|---|---|---|---|---|---|");
    let mut rows = Vec::new();
    for peers in PEERS {
        for kind in Kind::BOTH {
            let row = measure(kind, peers, clip).await?;
            println!(
                "| {kind:?} | {peers} | {:.2} | {:.0} | {} | {:.0} |",
                row.spent.cpu_seconds,
                row.spent.pss_mb,
                row.received.cells(),
                row.kbit
            );
            rows.push(row);
        }
    }
    println!();
    targets(&rows);
    Ok(rows.iter().map(json).collect())
}

fn json(row: &Row) -> Value {
    json!({ "program": format!("{:?}", row.kind).to_lowercase(), "peers": row.peers,
        "cpuSecondsPer10s": row.spent.cpu_seconds, "pssMb": row.spent.pss_mb, "received": row.received.json(),
        "kbitPerPeer": row.kbit })
}

fn targets(rows: &[Row]) {
    let most = |kind| rows.iter().rfind(|row| row.kind == kind);
    let (Some(ours), Some(chromium)) = (most(Kind::Ours), most(Kind::Chromium)) else { return };
    let profile = || ours.spent.cpu_profile();
    let share = ours.spent.cpu_seconds / chromium.spent.cpu_seconds;
    judge("sender to 7 peers: CPU over Chromium's (at most 0.25)", share, share <= 0.25, profile);
    let Picture { fps, size } = ours.received;
    judge("sender to 7 peers: fps received (30, at least 29)", fps, fps >= FULL_RATE, profile);
    let whole = size == (SIZE.0.into(), SIZE.1.into());
    judge("sender to 7 peers: lines of the picture received (720)", size.1 as f64, whole, profile);
}

async fn measure(kind: Kind, peers: usize, clip: &Path) -> Outcome<Row> {
    let server = Server::start().await?;
    let link = server.link("bench");
    let mut receivers = Vec::new();
    for number in 0..peers {
        let mut receiver = Peer::join(&link, &format!("Receiver {number}"), &["--no-decode"])?;
        receiver.joined().await?;
        receivers.push(receiver);
    }
    let program = Program::start(kind, &link, clip).await?;
    for receiver in &mut receivers {
        receiver.wait_for_stats("Sender", |stats| stats["frames"].as_u64() > Some(30)).await?;
    }
    sleep(WARM_UP).await;
    let (meter, before) = (CostMeter::start(&program.processes()), look(&receivers)?);
    sleep(MEASURED).await;
    let (spent, after) = (meter.stop(&program.processes()), look(&receivers)?);
    let received = Picture::worst(before.iter().zip(&after).map(|(before, after)| received(before, after)));
    let kbit = after[0]["bitrate"].as_f64().unwrap_or_default() / 1000.0;
    program.stop().await?;
    for receiver in receivers {
        receiver.leave().await?;
    }
    server.stop().await?;
    Ok(Row { kind, peers, spent, received, kbit })
}

/// A running sender.
enum Program {
    Ours(Peer),
    Chromium(Browser, #[expect(dead_code, reason = "the page sends while it is open")] Page),
}

impl Program {
    async fn start(kind: Kind, link: &str, clip: &Path) -> Outcome<Self> {
        let clip = clip.to_string_lossy();
        if kind == Kind::Ours {
            let bitrate = (BITRATE / 1000).to_string();
            return Ok(Self::Ours(Peer::join(link, "Sender", &["--bitrate", &bitrate, "--video", &clip])?));
        }
        let browser = Browser::start_with(&[&format!("--use-file-for-fake-video-capture={clip}")]).await?;
        let page = browser.open("Sender").await?;
        page.join(link, None, None).await?;
        let camera = json!({ "width": SIZE.0, "height": SIZE.1, "fps": FPS, "maxBitrate": BITRATE });
        page.eval(&format!("await call.shareCamera({camera})")).await?;
        Ok(Self::Chromium(browser, page))
    }

    /// The processes that count: ours, or all of the browser's without the script that drives it.
    fn processes(&self) -> Vec<u32> {
        match self {
            Self::Ours(peer) => peer.process.id().into_iter().flat_map(cost::tree).collect(),
            Self::Chromium(browser, _) => cost::tree(browser.id()).into_iter().skip(1).collect(),
        }
    }

    async fn stop(self) -> Outcome {
        if let Self::Ours(peer) = self {
            peer.leave().await?;
        }
        Ok(())
    }
}

/// The newest statistics of each receiver about the sender, with their time in ms as `t`.
fn look(receivers: &[Peer]) -> Outcome<Vec<Value>> {
    let newest = |receiver: &Peer| {
        let events = receiver.events();
        let stats = events.iter().rfind(|event| event["event"] == "stats").ok_or("no statistics")?;
        let mut peers = stats["peers"].as_array().into_iter().flatten();
        let mut about = peers.find(|peer| peer["fps"] != 0.0).cloned().ok_or("no statistics about the sender")?;
        about["t"] = stats["t"].clone();
        Ok(about)
    };
    receivers.iter().map(newest).collect()
}

fn received(before: &Value, after: &Value) -> Picture {
    let number = |stats: &Value, key: &str| stats[key].as_u64().unwrap_or_default();
    let passed = |key: &str| number(after, key).saturating_sub(number(before, key)) as f64;
    Picture { fps: passed("frames") * 1000.0 / passed("t"), size: (number(after, "width"), number(after, "height")) }
}

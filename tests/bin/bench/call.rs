//! What a call costs, ours and headless Chromium in one run on one machine.
//!
//! Receivers are the same for both senders: `confab-peer` without a decoder. The clip is 720p30 at 1.5 Mbit/s.

use crate::{Outcome, percentile, say};
use confab_media::{I420Frame, Y4mWriter, pattern};
use confab_testkit::browser::{Browser, Page};
use confab_testkit::cost::{self, Cost};
use confab_testkit::process::{Peer, Server};
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;
use tokio::time::sleep;

const PEERS: [usize; 4] = [1, 3, 5, 7];
/// Encoders and estimators settle in this time before anything is measured.
const WARM_UP: Duration = Duration::from_secs(8);
const MEASURED: Duration = Duration::from_secs(10);
const LATENCY_RUN: Duration = Duration::from_secs(15);
const JOINS: usize = 5;

/// Sender of the clip.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sender {
    Ours,
    Chromium,
}

#[derive(Debug)]
struct Row {
    sender: Sender,
    peers: usize,
    cpu_seconds: f64,
    pss_mb: f64,
    fps: f64,
    size: (u64, u64),
    kbit: f64,
}

/// Prints tables; returns the figures.
pub async fn run() -> Outcome<Value> {
    let dir = tempfile::tempdir()?;
    let clip = dir.path().join("clip.y4m");
    write_clip(&clip)?;
    let mut rows = Vec::new();
    println!("Sender of 720p30 at 1.5 Mbit/s to N peers over loopback, its own processes only\n");
    println!("| sender | peers | CPU-s per 10 s | PSS MB | fps received (least) | picture | kbit/s each |");
    println!("|---|---|---|---|---|---|---|");
    for peers in PEERS {
        for sender in [Sender::Ours, Sender::Chromium] {
            let row = measure_sender(sender, peers, &clip).await?;
            println!(
                "| {:?} | {} | {:.2} | {:.0} | {:.1} | {}x{} | {:.0} |",
                row.sender, row.peers, row.cpu_seconds, row.pss_mb, row.fps, row.size.0, row.size.1, row.kbit
            );
            rows.push(row);
        }
    }
    let joins = measure_joins().await?;
    let latencies = measure_latency().await?;
    println!(
        "\nTime from start of the program to the first decoded frame: median {} ms, worst {} ms of {JOINS}",
        joins[joins.len() / 2],
        joins[joins.len() - 1]
    );
    println!(
        "Capture-to-decode latency, 720p30: p50 {:.0} ms, p95 {:.0} ms of {} frames\n",
        percentile(&latencies, 0.50),
        percentile(&latencies, 0.95),
        latencies.len()
    );
    targets(&rows);
    Ok(json!({
        "sender": rows.iter().map(row_json).collect::<Vec<_>>(),
        "joinToFirstFrameMs": joins,
        "captureToDecodeMs": { "p50": percentile(&latencies, 0.50), "p95": percentile(&latencies, 0.95) },
    }))
}

fn row_json(row: &Row) -> Value {
    json!({ "sender": format!("{:?}", row.sender).to_lowercase(), "peers": row.peers, "cpuSecondsPer10s": row.cpu_seconds,
        "pssMb": row.pss_mb, "fps": row.fps, "width": row.size.0, "height": row.size.1, "kbitPerPeer": row.kbit })
}

fn targets(rows: &[Row]) {
    let find = |sender, peers| rows.iter().find(|row| row.sender == sender && row.peers == peers);
    let (Some(one), Some(seven)) = (find(Sender::Ours, 1), find(Sender::Ours, 7)) else { return };
    let Some(chromium) = find(Sender::Chromium, 7) else { return };
    say("30 fps at 7 peers (at least 29)", seven.fps, seven.fps >= 29.0);
    let share = seven.cpu_seconds / chromium.cpu_seconds;
    say("CPU at 7 peers as a share of Chromium's (at most 0.33)", share, share <= 1.0 / 3.0);
    let growth = seven.cpu_seconds / one.cpu_seconds;
    say("CPU at 7 peers over CPU at 1 peer (at most 1.5)", growth, growth <= 1.5);
}

/// Three seconds of 720p30 with motion and detail.
fn write_clip(path: &Path) -> Outcome {
    let mut writer = Y4mWriter::create(path, 1280, 720, 30)?;
    let mut frame = I420Frame::new(1280, 720);
    for number in 0..90 {
        pattern::draw(&mut frame, number, u64::from(number) * 1000 / 30);
        writer.write(&frame)?;
    }
    writer.finish()?;
    Ok(())
}

async fn measure_sender(sender: Sender, count: usize, clip: &Path) -> Outcome<Row> {
    let server = Server::start().await?;
    let link = server.link("bench");
    let mut receivers = Vec::new();
    for number in 0..count {
        let mut receiver = Peer::join(&link, &format!("Receiver {number}"), &["--no-decode"])?;
        receiver.joined().await?;
        receivers.push(receiver);
    }
    let program = Program::start(sender, &link, clip).await?;
    for receiver in &mut receivers {
        receiver.wait_for_stats("Sender", |stats| stats["frames"].as_u64() > Some(30)).await?;
    }
    sleep(WARM_UP).await;
    let before = cost::measure(&program.processes());
    let frames_before = frames(&receivers)?;
    sleep(MEASURED).await;
    let after = cost::measure(&program.processes());
    let frames_after = frames(&receivers)?;
    let last = last_stats(&receivers[0])?;
    let row = Row {
        sender,
        peers: count,
        cpu_seconds: cpu_per_10s(before, after),
        pss_mb: after.pss_mb,
        fps: frames_after
            .iter()
            .zip(&frames_before)
            .map(|(after, before)| (after.1 - before.1) as f64 * 1000.0 / (after.0 - before.0) as f64)
            .fold(f64::INFINITY, f64::min),
        size: (last["width"].as_u64().unwrap_or_default(), last["height"].as_u64().unwrap_or_default()),
        kbit: last["bitrate"].as_f64().unwrap_or_default() / 1000.0,
    };
    program.stop().await?;
    for receiver in receivers {
        receiver.leave().await?;
    }
    server.stop().await?;
    Ok(row)
}

fn cpu_per_10s(before: Cost, after: Cost) -> f64 {
    (after.cpu_seconds - before.cpu_seconds) * 10.0 / MEASURED.as_secs_f64()
}

/// A running sender.
enum Program {
    Ours(Peer),
    Chromium(Browser, #[expect(dead_code, reason = "the page sends while it is open")] Page),
}

impl Program {
    async fn start(sender: Sender, link: &str, clip: &Path) -> Outcome<Self> {
        let clip = clip.to_string_lossy();
        if sender == Sender::Ours {
            return Ok(Self::Ours(Peer::join(link, "Sender", &["--bitrate", "1500", "--video", &clip])?));
        }
        let browser = Browser::start_with(&[&format!("--use-file-for-fake-video-capture={clip}")]).await?;
        let page = browser.open("Sender").await?;
        page.join(link, None, None).await?;
        let camera = json!({ "width": 1280, "height": 720, "fps": 30, "maxBitrate": 1_500_000 });
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

/// The newest statistics of a receiver about the sender.
fn last_stats(receiver: &Peer) -> Outcome<Value> {
    let events = receiver.events();
    let stats = events.iter().rfind(|event| event["event"] == "stats").ok_or("no statistics")?;
    let mut about = stats["peers"].as_array().and_then(|peers| peers.iter().find(|peer| peer["fps"] != 0.0)).cloned();
    if let Some(about) = &mut about {
        about["t"] = stats["t"].clone();
    }
    about.ok_or_else(|| "no statistics about the sender".into())
}

/// Per receiver: time in ms and frames so far.
fn frames(receivers: &[Peer]) -> Outcome<Vec<(u64, u64)>> {
    let of = |receiver: &Peer| {
        let stats = last_stats(receiver)?;
        Ok((stats["t"].as_u64().unwrap_or_default(), stats["frames"].as_u64().unwrap_or_default()))
    };
    receivers.iter().map(of).collect()
}

/// Milliseconds from the start of `confab-peer` to its first decoded frame, sorted.
async fn measure_joins() -> Outcome<Vec<u64>> {
    let server = Server::start().await?;
    let link = server.link("joins");
    let mut sender = Peer::join(&link, "Sender", &["--video", "pattern"])?;
    sender.joined().await?;
    let mut times = Vec::new();
    for _ in 0..JOINS {
        let mut peer = Peer::join(&link, "Receiver", &[])?;
        let stats = peer.wait_for_stats("Sender", |stats| stats["firstFrameAt"].is_u64()).await?;
        times.push(stats["firstFrameAt"].as_u64().unwrap_or_default());
        peer.leave().await?;
    }
    sender.leave().await?;
    times.sort_unstable();
    Ok(times)
}

/// Latencies from the drawing of a picture to its decoding, in ms, sorted.
async fn measure_latency() -> Outcome<Vec<f64>> {
    let server = Server::start().await?;
    let link = server.link("latency");
    let mut sender = Peer::join(&link, "Sender", &["--video", "pattern"])?;
    sender.joined().await?;
    let mut peer = Peer::join(&link, "Receiver", &[])?;
    peer.wait_for_stats("Sender", |stats| stats["frames"].as_u64() > Some(60)).await?;
    let start = peer.events().len();
    sleep(LATENCY_RUN).await;
    let events = peer.events();
    let mut latencies: Vec<f64> = events[start..]
        .iter()
        .filter_map(|event| event["peers"].as_array())
        .flatten()
        .filter_map(|peer| peer["latenciesMs"].as_array())
        .flatten()
        .filter_map(Value::as_f64)
        .collect();
    latencies.sort_by(f64::total_cmp);
    Ok(latencies)
}

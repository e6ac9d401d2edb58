//! How long one waits: for the first picture, and for each.

use crate::{Outcome, percentile};
use confab_testkit::process::{Peer, Server};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::sleep;

const LATENCY_RUN: Duration = Duration::from_secs(15);
const JOINS: usize = 5;

/// Prints the times; returns the figures.
pub async fn run() -> Outcome<Value> {
    let joins = joins().await?;
    let latencies = latencies().await?;
    println!(
        "\nTime from start of the program to the first decoded frame: median {} ms, worst {} ms of {JOINS}",
        joins[joins.len() / 2],
        joins[joins.len() - 1]
    );
    let [p50, p95] = [0.50, 0.95].map(|share| percentile(&latencies, share));
    println!("Capture-to-decode latency, 720p30: p50 {p50:.0} ms, p95 {p95:.0} ms of {} frames\n", latencies.len());
    Ok(json!({ "joinToFirstFrameMs": joins, "captureToDecodeMs": { "p50": p50, "p95": p95 } }))
}

/// Milliseconds from the start of `confab-peer` to its first decoded frame, sorted.
async fn joins() -> Outcome<Vec<u64>> {
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
async fn latencies() -> Outcome<Vec<f64>> {
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

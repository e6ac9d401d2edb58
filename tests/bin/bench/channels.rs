//! Data channels: throughput and one-way latency, ours and headless Chromium in all pairings, each side in processes of
//! its own; and a gigabyte whose memory stays flat.

use crate::{Outcome, percentile, say};
use confab_server::{Server, ServerConfig};
use confab_testkit::browser::{Browser, Page};
use confab_testkit::cost;
use serde_json::{Value, json};
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::{interval, timeout};

const SIZES: [usize; 2] = [16 << 10, 64 << 10];
/// Bytes of one measurement of throughput, and of the one before it that is not counted.
const VOLUME: usize = 64 << 20;
const WARM_UP: usize = 8 << 20;
const ECHOES: usize = 200;
const GIGABYTE: usize = 1 << 30;
const SAMPLE: Duration = Duration::from_millis(500);
/// How long one answer of a side may take.
const PATIENCE: Duration = Duration::from_secs(600);
/// What a page does: the same as `peer.rs`.
const PAGE: &str = include_str!("page.js");

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Ours,
    Chromium,
}

/// One side of a channel.
enum Side {
    Ours { child: Box<Child>, input: ChildStdin, output: Lines<BufReader<ChildStdout>> },
    Chromium { page: Page, _browser: Browser },
}

impl Side {
    async fn join(kind: Kind, server: &str) -> Outcome<Self> {
        if kind == Kind::Chromium {
            let browser = Browser::start().await?;
            let page = browser.open("bench").await?;
            page.eval(PAGE).await?;
            page.eval(&format!("await bench.join({}, 'bench')", json!(server))).await?;
            return Ok(Self::Chromium { page, _browser: browser });
        }
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["channel-peer", server, "bench"]).stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn()?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err("a process without pipes".into());
        };
        let mut side = Self::Ours { child: Box::new(child), input, output: BufReader::new(output).lines() };
        side.answer().await?;
        Ok(side)
    }

    async fn say(&mut self, command: Value) -> Outcome {
        match self {
            Self::Ours { input, .. } => Ok(input.write_all(format!("{command}\n").as_bytes()).await?),
            Self::Chromium { page, .. } => {
                page.eval(&format!("bench.begin({command})")).await?;
                Ok(())
            }
        }
    }

    async fn answer(&mut self) -> Outcome<Value> {
        match self {
            Self::Ours { output, .. } => {
                let line = timeout(PATIENCE, output.next_line()).await??.ok_or("a side ended")?;
                Ok(serde_json::from_str(&line)?)
            }
            // In pieces that the driver waits for.
            Self::Chromium { page, .. } => loop {
                let answer = page.eval("return bench.result(20000)").await?;
                if let Some(error) = answer["error"].as_str() {
                    return Err(error.into());
                }
                if !answer.is_null() {
                    return Ok(answer["value"].clone());
                }
            },
        }
    }

    async fn ask(&mut self, command: Value) -> Outcome<Value> {
        self.say(command).await?;
        self.answer().await
    }

    fn pss_mb(&self) -> f64 {
        match self {
            Self::Ours { child, .. } => cost::measure(&child.id().into_iter().collect::<Vec<_>>()).pss_mb,
            Self::Chromium { .. } => f64::NAN,
        }
    }
}

struct Row {
    from: Kind,
    to: Kind,
    size: usize,
    megabytes_per_second: f64,
    p50: f64,
    p95: f64,
}

/// Prints tables; returns the figures.
pub async fn run() -> Outcome<Value> {
    println!("\nOne reliable, ordered data channel over loopback; latency is half the round trip of one message\n");
    println!("| from | to | message | MB/s | one-way ms, p50 | p95 |");
    println!("|---|---|---|---|---|---|");
    let mut rows = Vec::new();
    for (from, to) in [
        (Kind::Ours, Kind::Ours),
        (Kind::Ours, Kind::Chromium),
        (Kind::Chromium, Kind::Ours),
        (Kind::Chromium, Kind::Chromium),
    ] {
        rows.append(&mut measure(from, to).await?);
    }
    let memory = gigabyte().await?;
    let mean = |from, to| {
        let of: Vec<_> = rows.iter().filter(|row| (row.from, row.to) == (from, to)).collect();
        of.iter().map(|row| row.megabytes_per_second).sum::<f64>() / of.len() as f64
    };
    let chromium = mean(Kind::Chromium, Kind::Chromium);
    println!();
    let ours = mean(Kind::Ours, Kind::Ours) / chromium;
    say("throughput ours to ours over Chromium to Chromium (at least 3)", ours, ours >= 3.0);
    let mixed = mean(Kind::Ours, Kind::Chromium) / chromium;
    say("throughput ours to Chromium over Chromium to Chromium (at least 1.2)", mixed, mixed >= 1.2);
    let rows: Vec<_> = rows
        .iter()
        .map(|row| {
            json!({ "from": format!("{:?}", row.from), "to": format!("{:?}", row.to), "bytes": row.size,
                "megabytesPerSecond": row.megabytes_per_second, "oneWayMs": { "p50": row.p50, "p95": row.p95 } })
        })
        .collect();
    Ok(json!({ "pairs": rows, "gigabyte": memory }))
}

async fn measure(from: Kind, to: Kind) -> Outcome<Vec<Row>> {
    let (server, receiver, mut sender) = connect(from, to).await?;
    let mut rows = Vec::new();
    for size in SIZES {
        sender.ask(json!({ "do": "send", "size": size, "count": WARM_UP / size })).await?;
        let seconds = sender.ask(json!({ "do": "send", "size": size, "count": VOLUME / size })).await?;
        let times = sender.ask(json!({ "do": "echo", "size": size, "count": ECHOES })).await?;
        let mut times: Vec<f64> = times.as_array().into_iter().flatten().filter_map(Value::as_f64).collect();
        times.sort_by(f64::total_cmp);
        let row = Row {
            from,
            to,
            size,
            megabytes_per_second: VOLUME as f64 / 1e6 / seconds.as_f64().ok_or("no time")?,
            p50: percentile(&times, 0.50),
            p95: percentile(&times, 0.95),
        };
        println!(
            "| {from:?} | {to:?} | {} KiB | {:.1} | {:.2} | {:.2} |",
            size >> 10,
            row.megabytes_per_second,
            row.p50,
            row.p95
        );
        rows.push(row);
    }
    drop((sender, receiver));
    server.shutdown().await;
    Ok(rows)
}

/// A server, and two sides that are connected, the receiver serving.
async fn connect(from: Kind, to: Kind) -> Outcome<(Server, Side, Side)> {
    let server = Server::bind(ServerConfig { listen: ([127, 0, 0, 1], 0).into(), ..ServerConfig::default() }).await?;
    let url = format!("http://{}", server.local_addr());
    let mut receiver = Side::join(to, &url).await?;
    let sender = Side::join(from, &url).await?;
    receiver.say(json!({ "do": "serve" })).await?;
    Ok((server, receiver, sender))
}

/// A gigabyte from ours to ours: the memory of both sides while it goes.
async fn gigabyte() -> Outcome<Value> {
    let (server, receiver, mut sender) = connect(Kind::Ours, Kind::Ours).await?;
    let size = SIZES[1];
    // What the allocator keeps is there from here on.
    sender.ask(json!({ "do": "send", "size": size, "count": VOLUME / size })).await?;
    sender.say(json!({ "do": "send", "size": size, "count": GIGABYTE / size })).await?;
    let mut samples = Vec::new();
    let mut ticks = interval(SAMPLE);
    let id = |side: &Side| match side {
        Side::Ours { child, .. } => child.id(),
        Side::Chromium { .. } => None,
    };
    let watched = (id(&sender), id(&receiver));
    let seconds = {
        let answer = sender.answer();
        tokio::pin!(answer);
        loop {
            tokio::select! {
                answer = &mut answer => break answer?.as_f64().ok_or("no time")?,
                _ = ticks.tick() => {
                    let pss = |id: Option<u32>| cost::measure(&id.into_iter().collect::<Vec<_>>()).pss_mb;
                    samples.push((pss(watched.0), pss(watched.1)));
                }
            }
        }
    };
    let (first, second) = (side(&samples, |sample| sample.0), side(&samples, |sample| sample.1));
    println!("\n1 GiB from ours to ours in {seconds:.1} s, {:.1} MB/s", GIGABYTE as f64 / 1e6 / seconds);
    println!(
        "PSS of the sender {:.0} to {:.0} MB, of the receiver {:.0} to {:.0} MB",
        first.0, first.1, second.0, second.1
    );
    let after = (sender.pss_mb(), receiver.pss_mb());
    println!("after it {:.0} and {:.0} MB", after.0, after.1);
    server.shutdown().await;
    Ok(json!({ "seconds": seconds, "senderPssMb": [first.0, first.1], "receiverPssMb": [second.0, second.1] }))
}

fn side(samples: &[(f64, f64)], pick: impl Fn(&(f64, f64)) -> f64) -> (f64, f64) {
    samples
        .iter()
        .map(pick)
        .fold((f64::INFINITY, 0.0), |(low, high), value| (f64::min(low, value), f64::max(high, value)))
}

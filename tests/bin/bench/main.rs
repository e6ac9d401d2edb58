//! `make bench`: what ours costs and gives beside headless Chromium, in one run on one machine. Prints tables, then JSON.
//! `make bench SECTION=call` or `SECTION=channels` runs one part.

mod call;
mod channels;
mod peer;

use serde_json::json;
use std::process::ExitCode;

type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;

#[tokio::main]
async fn main() -> ExitCode {
    match run(&std::env::args().skip(1).collect::<Vec<_>>()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("the benchmark failed: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: &[String]) -> Outcome {
    let mut figures = json!({});
    match arguments {
        [] => {
            figures["call"] = call::run().await?;
            figures["channels"] = channels::run().await?;
        }
        [section] if section == "call" => figures["call"] = call::run().await?,
        [section] if section == "channels" => figures["channels"] = channels::run().await?,
        // Ours as one side of the section `channels`, in a process of its own.
        [mode, server, room] if mode == "channel-peer" => return peer::run(server, room).await,
        _ => return Err("name a section: call or channels; none runs both".into()),
    }
    println!("\n{figures}");
    Ok(())
}

fn say(what: &str, value: f64, met: bool) {
    println!("{}: {what}: {value:.2}", if met { "met" } else { "MISSED" });
}

fn percentile(sorted: &[f64], share: f64) -> f64 {
    let index = (sorted.len() as f64 * share) as usize;
    sorted.get(index.min(sorted.len().saturating_sub(1))).copied().unwrap_or(f64::NAN)
}

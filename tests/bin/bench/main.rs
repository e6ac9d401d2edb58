//! `make bench`: what ours costs and gives beside headless Chromium, in one run on one machine. Prints tables, then JSON.
//! `make bench SECTION=call`, `SECTION=channels`, `SECTION=network`, `SECTION=screen` or
//! `SECTION=sound` runs one part.

mod call;
mod channels;
mod meter;
#[cfg(target_os = "linux")]
mod network;
mod peer;
#[cfg(target_os = "linux")]
mod screen;
#[cfg(target_os = "linux")]
mod sound;

use serde_json::json;
use std::process::ExitCode;

type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;

/// Whose program is measured: `confab-peer` or the app, or a page in Chromium.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Ours,
    Chromium,
}

impl Kind {
    const BOTH: [Self; 2] = [Self::Ours, Self::Chromium];
}

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
            #[cfg(target_os = "linux")]
            add_network(&mut figures).await?;
            #[cfg(target_os = "linux")]
            add_screen(&mut figures).await?;
            #[cfg(target_os = "linux")]
            add_sound(&mut figures).await?;
        }
        [section] if section == "call" => figures["call"] = call::run().await?,
        [section] if section == "channels" => figures["channels"] = channels::run().await?,
        #[cfg(target_os = "linux")]
        [section] if section == "network" => add_network(&mut figures).await?,
        #[cfg(target_os = "linux")]
        [section] if section == "screen" => add_screen(&mut figures).await?,
        #[cfg(target_os = "linux")]
        [section] if section == "sound" => add_sound(&mut figures).await?,
        // Ours as one side of the section `channels`, in a process of its own.
        [mode, server, room] if mode == "channel-peer" => return peer::run(server, room).await,
        _ => return Err("name a section: call, channels, network, screen or sound; none runs all".into()),
    }
    println!("\n{figures}");
    Ok(())
}

#[cfg(target_os = "linux")]
async fn add_network(figures: &mut serde_json::Value) -> Outcome {
    if let Some(rows) = network::run().await? {
        figures["network"] = rows;
    }
    Ok(())
}

#[cfg(target_os = "linux")]
async fn add_screen(figures: &mut serde_json::Value) -> Outcome {
    figures["screen"] = screen::run().await?;
    Ok(())
}

#[cfg(target_os = "linux")]
async fn add_sound(figures: &mut serde_json::Value) -> Outcome {
    if let Some(rows) = sound::run().await? {
        figures["sound"] = rows;
    }
    Ok(())
}

fn say(what: &str, value: f64, met: bool) {
    println!("{}: {what}: {value:.2}", if met { "met" } else { "MISSED" });
}

/// Prints whether a target is met, and the profile of ours if it is not.
fn judge(what: &str, value: f64, met: bool, profile: impl FnOnce() -> String) {
    say(what, value, met);
    if !met {
        println!("  where that goes, in {}", profile());
    }
}

fn percentile(sorted: &[f64], share: f64) -> f64 {
    let index = (sorted.len() as f64 * share) as usize;
    sorted.get(index.min(sorted.len().saturating_sub(1))).copied().unwrap_or(f64::NAN)
}

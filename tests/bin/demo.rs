//! `make run` without a display: a call of two windows and one participant without a window, with synthetic media, for
//! about twenty seconds. Saves a screenshot, says what each measured, and succeeds only if all saw and heard each other.

use confab_testkit::process::Peer;
use confab_testkit::window::Window;
use confab_tests::{artifacts, sees_frames_advance, tile_of};
use serde_json::{Value, json};
use std::process::ExitCode;
use std::time::Duration;
use tokio::process::Command;

type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;

const SIZE: (u32, u32) = (1280, 800);
/// How long the three look at each other.
const CALL: Duration = Duration::from_secs(20);
/// RMS level above which someone counts as heard, of full scale.
const HEARD: f64 = 0.01;

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(true) => {
            println!("All three saw and heard each other.");
            ExitCode::SUCCESS
        }
        Ok(false) => {
            println!("Someone did not see or hear someone: look at the lines above.");
            ExitCode::FAILURE
        }
        Err(error) => {
            println!("The call failed: {error}");
            ExitCode::FAILURE
        }
    }
}

fn media(tone: &'static str) -> [&'static str; 6] {
    ["--video", "pattern", "--audio", tone, "--speaker", "none"]
}

async fn run() -> Outcome<bool> {
    println!("No display: a call of two windows and one headless participant, with synthetic pictures and tones.");
    let ann = Window::open("Ann", SIZE, &media("tone:440")).await?;
    ann.fill("name-input", "Ann").await?;
    ann.click("start-call").await?;
    let link = ann.text("room-link").await?;
    println!("Ann started a call: {link}");
    let ben = Window::open("Ben", SIZE, &[["--join", &link, "--name", "Ben"].as_slice(), &media("tone:660")].concat())
        .await?;
    let mut cy = Peer::join(&link, "Cy", &["--video", "pattern", "--audio", "tone:880", "--size", "640x360"])?;
    cy.joined().await?;
    println!("Ben and Cy joined. The call goes on for {} seconds …", CALL.as_secs());
    for (window, others) in [(&ann, ["Ben", "Cy"]), (&ben, ["Ann", "Cy"])] {
        for other in others {
            sees_frames_advance(window, &tile_of(window, other).await?).await?;
        }
    }
    tokio::time::sleep(CALL).await;

    // Before the pictures are saved, which takes the machine for a moment.
    let mut all = true;
    for (window, others) in [(&ann, ["Ben", "Cy"]), (&ben, ["Ann", "Cy"])] {
        for other in others {
            all &= report(&window.name, other, &seen_by_window(window, other).await?);
        }
    }
    for other in ["Ann", "Ben"] {
        all &= report("Cy", other, &cy.wait_for_stats(other, seen).await.unwrap_or_else(|_| json!({})));
    }

    let (left, right) = (artifacts().join("demo-ann.png"), artifacts().join("demo-ben.png"));
    ann.display.screenshot(&left).await?;
    ben.display.screenshot(&right).await?;
    let picture = artifacts().join("demo.png");
    let joined = Command::new("convert").arg(&left).arg(&right).arg("+append").arg(&picture).status().await?;
    cy.leave().await?;
    ann.close().await?;
    ben.close().await?;
    let picture = if joined.success() { picture } else { left };
    println!("Screenshot: {}", picture.canonicalize()?.display());
    Ok(all)
}

fn seen(stats: &Value) -> bool {
    stats["fps"].as_f64() >= Some(10.0) && stats["audioLevel"].as_f64() >= Some(HEARD)
}

/// What the window says about the tile of `other`.
async fn seen_by_window(window: &Window, other: &str) -> Outcome<Value> {
    let id = tile_of(window, other).await?;
    let script = format!(
        "const data = document.querySelector(\"[data-testid='tile'][data-peer='{id}']\").dataset;
        return {{ fps: Number(data.fps), audioLevel: Number(data.level), connection: data.connection }};"
    );
    Ok(window.eval(&script).await?)
}

fn report(who: &str, other: &str, stats: &Value) -> bool {
    println!(
        "{who} ← {other}: {:.0} frames per second, audio level {:.3}, connection {}",
        stats["fps"].as_f64().unwrap_or_default(),
        stats["audioLevel"].as_f64().unwrap_or_default(),
        stats["connection"].as_str().unwrap_or("unknown"),
    );
    seen(stats)
}

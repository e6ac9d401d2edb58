//! What it costs to hear others: a participant with a speaker who hears 1, 3 and 7 who talk at once.

use crate::{Kind, Outcome};
use confab_testkit::browser::Browser;
use confab_testkit::cost;
use confab_testkit::process::{Peer, Server};
use confab_testkit::pulse::Pulse;
use confab_testkit::speech::{self, Speaker};
use confab_wire::room::RoomLink;
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;
use tokio::time::sleep;

const TALKERS: [usize; 3] = [1, 3, 7];
/// Jitter buffers and estimators settle in this time.
const WARM_UP: Duration = Duration::from_secs(5);
const MEASURED: Duration = Duration::from_secs(10);
/// Length of what each says before it begins anew, in seconds.
const SPEECH: f32 = 20.0;

/// Prints a table; returns the figures.
pub async fn run() -> Outcome<Value> {
    println!("\nHearing N others who talk all the time, without pictures; all processes of the one who hears\n");
    println!("| program | talkers | CPU-s per 10 s |");
    println!("|---|---|---|");
    let dir = tempfile::tempdir()?;
    let wav = dir.path().join("speech.wav");
    speech::wav(&wav, Speaker::Eve, SPEECH)?;
    let mut rows = Vec::new();
    for talkers in TALKERS {
        for kind in Kind::BOTH {
            let spent = measure(kind, talkers, &wav).await?;
            println!("| {kind:?} | {talkers} | {spent:.2} |");
            let program = format!("{kind:?}").to_lowercase();
            rows.push(json!({ "program": program, "talkers": talkers, "cpuSecondsPer10s": spent }));
        }
    }
    Ok(rows.into())
}

/// CPU-seconds per 10 s.
async fn measure(kind: Kind, talkers: usize, wav: &Path) -> Outcome<f64> {
    let (server, pulse) = (Server::start().await?, Pulse::start()?);
    let link = server.link("talk");
    let source = wav.display().to_string();
    let mut crowd = Vec::new();
    for number in 0..talkers {
        let mut peer = Peer::join(&link, &format!("Talker{number}"), &["--audio", &source, "--speaker", "none"])?;
        peer.joined().await?;
        crowd.push(peer);
    }
    let sound_server = pulse.server();
    let environment = [("PULSE_SERVER", sound_server.as_str())];
    let spent = match kind {
        Kind::Ours => {
            let devices = ["--audio", "mic:mic0", "--speaker", "speaker:spk0", "--no-decode"];
            let mut peer = Peer::join_with(&link, "Listener", &devices, &environment)?;
            for number in 0..talkers {
                let hears = |stats: &Value| stats["audioLevel"].as_f64() > Some(0.005);
                peer.wait_for_stats(&format!("Talker{number}"), hears).await?;
            }
            spent(peer.process.id().ok_or("the participant has ended")?).await
        }
        Kind::Chromium => {
            let browser = Browser::start_with_sound(|command| {
                command.envs(environment);
                Ok(())
            })
            .await?;
            let page = browser.open("Listener").await?;
            let link: RoomLink = link.parse().map_err(|error| format!("{error}"))?;
            let wish = json!({ "server": link.server, "room": link.room, "name": "Listener", "audio": "microphone" });
            page.eval(&format!("call.aloud = true; await call.join({wish})")).await?;
            for number in 0..talkers {
                page.wait_for_person(&format!("Talker{number}"), "audio?.level > 0.005").await?;
            }
            spent(browser.id()).await
        }
    };
    drop(crowd);
    server.stop().await?;
    Ok(spent)
}

async fn spent(root: u32) -> f64 {
    sleep(WARM_UP).await;
    let before = cost::measure(&cost::tree(root)).cpu_seconds;
    sleep(MEASURED).await;
    (cost::measure(&cost::tree(root)).cpu_seconds - before) * 10.0 / MEASURED.as_secs_f64()
}

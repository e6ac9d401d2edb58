//! A line that becomes narrow and wide again.

use crate::network::{Outcome, call_network};
use confab_testkit::network::profile::{CLEAN, narrow};
use serde_json::Value;

const WIDE: u64 = 5_000_000;
const NARROW: u64 = 700_000;

#[tokio::test(flavor = "multi_thread")]
async fn a_call_outlives_a_line_that_narrows_and_widens() -> Outcome {
    let name = "step::a_call_outlives_a_line_that_narrows_and_widens";
    let Some(mut network) = call_network(name).await? else { return Ok(()) };
    let media = ["--video", "pattern", "--bitrate", "1500", "--audio", "tone:440"];
    let mut ann = network.guest("Ann", CLEAN, &media).await?;
    let mut ben = network.guest("Ben", narrow("5 Mbit/s", WIDE), &["--audio", "tone:440"]).await?;
    ben.sees("Ann", 20).await?;
    let above = |stats: &Value| stats["bitrate"].as_u64() > Some(NARROW);
    ben.peer.wait_for_stats("Ann", above).await?;

    ben.host.set(narrow("0.7 Mbit/s", NARROW));
    let since = ben.now();
    ben.peer.wait_for_stats_since(since, "Ann", |stats| stats["bitrate"].as_u64() < Some(NARROW)).await?;
    ben.sees("Ann", 20).await?;

    ben.host.set(narrow("5 Mbit/s", WIDE));
    let since = ben.now();
    ben.peer.wait_for_stats_since(since, "Ann", above).await?;
    ben.sees("Ann", 20).await?;
    assert!(ann.states_of(&ben.id).iter().all(|state| state == "connected"), "{:?}", ann.states_of(&ben.id));
    ann.peer.wait_for_stats("Ben", |stats| stats["audioLevel"].as_f64() > Some(0.02)).await?;
    Ok(())
}

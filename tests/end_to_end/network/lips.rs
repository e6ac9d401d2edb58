//! Sound and picture of one stream that take different times.

use crate::network::{Outcome, call_network, guest};
use confab_testkit::network::link::Conditions;
use confab_testkit::network::profile::{CLEAN, Profile};
use std::time::Duration;

/// Skew that nobody detects (ITU-R BT.1359-1), in ms.
const UNDETECTED: f64 = 45.0;
const LATE: Duration = Duration::from_millis(150);

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_that_comes_late_is_heard_as_late() -> Outcome {
    let Some(mut network) = call_network("lips::a_picture_that_comes_late_is_heard_as_late").await? else {
        return Ok(());
    };
    let late_pictures =
        Profile { name: "late pictures", down: Conditions { picture_delay: LATE, ..CLEAN.down }, ..CLEAN };
    let _ann = guest(&mut network, "Ann", CLEAN).await?;
    let mut ben = guest(&mut network, "Ben", late_pictures).await?;
    let skew = |stats: &serde_json::Value| stats["skewMs"].as_f64();
    // Each second a measurement, which is answered by 80 ms at most.
    let apart = ben.peer.wait_for_stats("Ann", |stats| skew(stats).is_some()).await?;
    let since = ben.now();
    let together = |stats: &serde_json::Value| skew(stats).is_some_and(|skew| skew.abs() <= UNDETECTED);
    let stats = ben.peer.wait_for_stats_since(since, "Ann", together).await?;
    let latencies = stats["latenciesMs"].as_array().cloned().unwrap_or_default();
    let all_late = latencies.iter().filter_map(|ms| ms.as_f64()).all(|ms| ms >= LATE.as_millis() as f64);
    assert!(!latencies.is_empty() && all_late, "{apart} {stats}");
    // It stays so, and the sound goes on.
    for _ in 0..5 {
        let since = ben.now() + 1;
        let next =
            ben.peer.wait_for_stats_since(since, "Ann", |stats| stats["audioLevel"].as_f64() > Some(0.02)).await?;
        assert!(together(&next), "{next}");
    }
    Ok(())
}

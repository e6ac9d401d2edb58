//! Statistics of our side, about pages and about our own kind.

use crate::conformance::Outcome;
use crate::conformance::world::each_pair;
use confab_testkit::process::PATIENCE;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

/// Numbers that have to come with media in both directions.
fn complete(stats: &Value, session: &Value) -> bool {
    let first = |kind: &str| stats[kind].as_array().and_then(|list| list.iter().find(|one| one["kind"] == "video"));
    let positive = |value: Option<&Value>| value.and_then(Value::as_f64) > Some(0.0);
    let inbound = first("inbound-rtp");
    positive(inbound.map(|one| &one["bytesReceived"]))
        && positive(inbound.map(|one| &one["framesReceived"]))
        && positive(inbound.map(|one| &one["frameWidth"]))
        && positive(first("outbound-rtp").map(|one| &one["bytesSent"]))
        && positive(Some(&session["rtt"]))
        && positive(Some(&session["packetsSent"]))
        && positive(Some(&session["packetsReceived"]))
}

#[tokio::test(flavor = "multi_thread")]
async fn statistics_tell_what_flows_and_over_which_path() -> Outcome {
    each_pair(async |world, pair, room| {
        let (mut ann, mut ben) = world.pair(pair, room).await?;
        for peer in [&mut ann, &mut ben] {
            let tracks = json!([{ "width": 320, "height": 180, "fps": 15 }, { "tone": 440 }]);
            peer.stream("cam", tracks, json!({})).await?;
            peer.emit("camera", json!([{ "stream": { "$stream": "cam" } }])).await?;
        }
        for (peer, other) in [(&ann, &ben), (&ben, &ann)] {
            let Some(socket) = peer.socket() else { continue };
            assert!(socket.get_stats("nobody").await.is_none());
            let end = Instant::now() + PATIENCE;
            loop {
                let stats = serde_json::to_value(socket.get_stats(other.id()).await)?;
                let session = serde_json::to_value(socket.get_session_stats(other.id()).await)?;
                if complete(&stats, &session) {
                    break;
                }
                assert!(Instant::now() < end, "{stats:#}\n{session:#}");
                // Reports come when they come.
                sleep(std::time::Duration::from_millis(100)).await;
            }
            let ice = serde_json::to_value(socket.get_ice_candidate_stats(other.id()).await)?;
            let local = ice["localCandidates"].as_array().map(Vec::len).unwrap_or_default();
            assert!(local > 0, "{ice:#}");
        }
        Ok(())
    })
    .await
}

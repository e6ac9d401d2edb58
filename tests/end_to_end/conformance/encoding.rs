//! How pictures are sent, changed while they are: what the other side measures follows.

use crate::conformance::Outcome;
use crate::conformance::peer::Peer;
use crate::conformance::streams::{moving, picture};
use crate::conformance::world::each_pair;
use confab_testkit::process::PATIENCE;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// What came within about a second.
#[derive(Debug)]
struct Flow {
    /// In bit/s.
    bitrate: f64,
    frames_per_second: f64,
}

/// The only picture that comes in from `id`.
async fn received(peer: &mut Peer, id: &str) -> Outcome<(f64, f64)> {
    let inbound = peer.inbound(id).await?;
    let video = inbound.as_array().into_iter().flatten().find(|report| report["kind"] == "video");
    let number = |key: &str| video.and_then(|report| report[key].as_f64()).unwrap_or_default();
    Ok((number("bytesReceived"), number("framesReceived")))
}

/// Waits until a second of what comes in from `id` satisfies `condition`.
async fn wait_for_flow(peer: &mut Peer, id: &str, what: &str, condition: impl Fn(&Flow) -> bool) -> Outcome {
    let end = Instant::now() + PATIENCE;
    loop {
        let (bytes, frames) = received(peer, id).await?;
        let begun = Instant::now();
        // A rate is a rate over some time.
        sleep(Duration::from_secs(1)).await;
        let (more_bytes, more_frames) = received(peer, id).await?;
        let seconds = begun.elapsed().as_secs_f64();
        let bitrate = (more_bytes - bytes) * 8.0 / seconds;
        let flow = Flow { bitrate, frames_per_second: (more_frames - frames) / seconds };
        if condition(&flow) {
            return Ok(());
        }
        if Instant::now() > end {
            return Err(format!("{:?} waited in vain for {what}; there is {flow:?}", peer.kind()).into());
        }
    }
}

fn is_wide(tracks: &[Value], width: u32) -> bool {
    tracks.iter().any(|track| track["kind"] == "video" && track["width"] == width)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_encoding_that_changes_is_measured_on_the_other_side_without_negotiation() -> Outcome {
    each_pair(async |world, pair, room| {
        let (mut ann, mut ben) = world.pair(pair, room).await?;
        ben.on("camera", "camera", json!({})).await?;
        // A size that only the test changes, whatever the machine is busy with.
        let encoding = json!({ "maxBitrate": 400_000, "degradationPreference": "maintain-resolution" });
        let wish = json!([{ "width": 640, "height": 360, "fps": 15 }]);
        ann.stream("cam", wish, json!({ "videoEncoding": encoding })).await?;
        ann.emit("camera", json!([{ "stream": { "$stream": "cam" } }])).await?;
        ben.wait_for_tracks("the picture", |tracks| is_wide(tracks, 640)).await?;
        let id = ann.id().to_owned();
        wait_for_flow(&mut ben, &id, "the full rate", |flow| flow.bitrate > 200_000.0).await?;
        let before = (ann.negotiations(&ben).await?, ben.negotiations(&ann).await?);

        ann.set_encoding("cam", json!({ "scaleResolutionDownBy": 2 })).await?;
        ben.wait_for_tracks("a quarter of the picture", |tracks| is_wide(tracks, 320)).await?;
        ann.set_encoding("cam", json!({ "maxBitrate": 80_000 })).await?;
        wait_for_flow(&mut ben, &id, "a low rate", |flow| flow.bitrate < 130_000.0).await?;
        ann.set_encoding("cam", json!({ "maxFramerate": 4 })).await?;
        wait_for_flow(&mut ben, &id, "few frames", |flow| (0.5..6.0).contains(&flow.frames_per_second)).await?;
        ann.set_encoding("cam", json!({ "maxBitrate": 400_000, "maxFramerate": 30, "scaleResolutionDownBy": 1 }))
            .await?;
        ben.wait_for_tracks("the whole picture", |tracks| is_wide(tracks, 640)).await?;
        wait_for_flow(&mut ben, &id, "the full rate again", |flow| flow.bitrate > 200_000.0).await?;

        let after = (ann.negotiations(&ben).await?, ben.negotiations(&ann).await?);
        assert_eq!(after, before, "an encoding is nobody else's matter");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_encoding_holds_for_tracks_and_peers_that_come_later() -> Outcome {
    each_pair(async |world, pair, room| {
        let (mut ann, mut ben) = world.pair(pair, room).await?;
        ben.on("camera", "camera", json!({})).await?;
        ann.stream("cam", json!([picture()]), json!({})).await?;
        ann.emit("camera", json!([{ "stream": { "$stream": "cam" } }])).await?;
        ben.wait_for_tracks("the picture", |tracks| moving(tracks, "camera", &["video"])).await?;
        let half = json!({ "scaleResolutionDownBy": 2, "degradationPreference": "maintain-resolution" });
        ann.set_encoding("cam", half).await?;
        ben.wait_for_tracks("the small picture", |tracks| is_wide(tracks, 160)).await?;
        ann.replace_track("cam", json!({ "width": 480, "height": 270, "fps": 15 })).await?;
        ben.wait_for_tracks("half of another picture", |tracks| is_wide(tracks, 240)).await?;

        let mut cat = world.start(pair.1, json!({})).await?;
        cat.on("camera", "camera", json!({})).await?;
        cat.join(room).await?;
        cat.wait_for_tracks("the same for another", |tracks| is_wide(tracks, 240)).await?;
        cat.close().await
    })
    .await
}

//! VP9, where a stream wants nothing else.

use crate::conformance::Outcome;
use crate::conformance::peer::Peer;
use crate::conformance::streams::{moving, picture};
use crate::conformance::world::{Kind, each_pair, page_first};
use serde_json::json;

/// Every picture that comes in from `id` is in `codec`.
pub async fn comes_in(peer: &mut Peer, id: &str, codec: &str) -> Outcome {
    let inbound = peer.inbound(id).await?;
    let pictures: Vec<_> = inbound.as_array().into_iter().flatten().filter(|one| one["kind"] == "video").collect();
    assert!(!pictures.is_empty() && pictures.iter().all(|one| one["codec"] == codec), "{inbound:#}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_offers_vp9_alone_is_sent_so_in_both_directions() -> Outcome {
    each_pair(async |world, pair, room| {
        // Nobody of ours encodes VP9; that ours packs and unpacks it is shown in the engine's own tests.
        if pair == (Kind::Ours, Kind::Ours) {
            return Ok(());
        }
        let (mut ann, mut ben) = world.pair(pair, room).await?;
        let Some((page, ours)) = page_first(&mut ann, &mut ben) else { return Ok(()) };
        let vp9 = json!({ "codecs": ["video/VP9"] });
        ours.on("camera", "camera", json!({})).await?;
        page.stream("cam", json!([picture()]), vp9.clone()).await?;
        page.emit("camera", json!([{ "stream": { "$stream": "cam" } }])).await?;
        ours.wait_for_tracks("frames of VP9", |tracks| moving(tracks, "camera", &["video"])).await?;
        comes_in(ours, page.id(), "video/VP9").await?;

        // Back goes what came: the page reads its own pictures.
        page.on("echo", "echo", json!({})).await?;
        ours.stream("echo", json!([{ "from": "camera" }]), vp9).await?;
        ours.emit("echo", json!([{ "stream": { "$stream": "echo" } }])).await?;
        page.wait_for_tracks("its own picture", |tracks| moving(tracks, "echo", &["video"])).await?;
        comes_in(page, ours.id(), "video/VP9").await
    })
    .await
}

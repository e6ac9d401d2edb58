//! A ladder on the wire: each peer gets the layer that its line carries and that it draws, as one ordinary stream.

use crate::common::picture::{Screen, camera, outbound, sent};
use crate::common::{Member, PATIENCE, server};
use confab_rtcio::{LocalTrack, RenderedSize, RtcioStream, SpatialLayer};
use serde_json::json;
use tokio::time::timeout;

async fn watching(url: &url::Url, owner: &Member, name: &str) -> (Member, Screen) {
    let mut member = Member::join(url, "simulcast", name).await;
    let screen = Screen::new(member.track(&owner.id).await);
    (member, screen)
}

#[tokio::test(flavor = "multi_thread")]
async fn each_peer_gets_what_it_draws_and_its_line_carries() {
    let (server, url) = server().await;
    let ann = Member::join(&url, "simulcast", "Ann").await;
    let (stream, video) = (RtcioStream::new(), LocalTrack::simulcast());
    stream.add_track(&video);
    ann.socket.emit("camera", stream.args([json!({ "stream": &stream })])).await.unwrap();
    let capture = camera(&video).await;
    let (ben, mut large) = watching(&url, &ann, "Ben").await;
    large.width(640).await;
    let (cleo, mut small) = watching(&url, &ann, "Cleo").await;
    small.width(640).await;

    // One draws it small, and the other does not notice.
    let keys = async |member: &Member| outbound(&ann, &member.id).await["keyFramesEncoded"].as_u64().unwrap();
    let before = keys(&ben).await;
    small.draw(150, 160).await;
    large.width(640).await;
    assert_eq!(keys(&ben).await, before, "a key frame of another layer is none for Ben");
    sent(&ann, &cleo, ["quarter", "other"]).await;
    sent(&ann, &ben, ["full", "none"]).await;
    let layers = |layer: SpatialLayer| video.demand().borrow().layer(layer).is_some();
    assert_eq!(SpatialLayer::ALL.map(layers), [true, false, true]);
    small.draw(320, 320).await;

    // Nobody draws it: nothing is sent, and nothing encoded.
    large.track.set_rendered_size(RenderedSize::HIDDEN);
    small.track.set_rendered_size(RenderedSize::HIDDEN);
    timeout(PATIENCE, video.demand().wait_for(|demand| !demand.wanted())).await.unwrap().unwrap();
    sent(&ann, &ben, ["none", "other"]).await;
    large.draw(640, 640).await;
    assert!(!layers(SpatialLayer::Half) && !layers(SpatialLayer::Quarter));

    // A narrow line gets a smaller picture, and the large one again when it is wide.
    let to_ben = ann.socket.remote_peer(&ben.id).unwrap();
    to_ben.limit_video(100_000);
    large.width(320).await;
    sent(&ann, &ben, ["half", "bandwidth"]).await;
    to_ben.limit_video(u32::MAX);
    large.width(640).await;

    capture.stop().await;
    for member in [&ann, &ben, &cleo] {
        member.socket.close().await;
    }
    server.shutdown().await;
}

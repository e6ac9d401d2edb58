//! A member adds its camera in the moment in which a newcomer, who brings streams of its own, connects: whatever of the
//! two offers comes first, both end up with everything.

use crate::common::{Camera, Member, server, watch_frames};
use confab_rtcio::{Codec, Event, LocalTrack, MediaKind, RtcioStream, Socket};
use serde_json::json;

/// How far the connection has come when the camera is added.
fn sign(round: usize) -> fn(&Event) -> Option<()> {
    match round % 4 {
        0 => |event| matches!(event, Event::Server { event, .. } if event == "user-connected").then_some(()),
        1 => |event| matches!(event, Event::PeerState { .. }).then_some(()),
        2 => |event| matches!(event, Event::Stream { .. }).then_some(()),
        _ => |event| matches!(event, Event::PeerConnect { .. }).then_some(()),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_camera_that_comes_with_a_newcomer_reaches_it() {
    let (server, url) = server().await;
    for round in 0..8 {
        let room = format!("newcomer-{round}");
        let mut ann = Member::join(&url, &room, "Ann").await;
        let (stream, video) = (RtcioStream::new(), LocalTrack::video(Codec::Vp8));
        stream.add_track(&LocalTrack::audio());
        ann.socket.emit_stream("camera", vec![json!(stream.placeholder())], &stream).await.unwrap();
        let _ann_camera = Camera::start(&video, 600);

        let (socket, events) = Socket::builder(url.clone()).force_new(true).connect();
        let (own, own_video) = (RtcioStream::new(), LocalTrack::video(Codec::Vp8));
        own.add_track(&own_video);
        own.add_track(&LocalTrack::audio());
        let _ben_camera = Camera::start(&own_video, 600);
        socket.emit_stream("camera", vec![json!(own.placeholder())], &own).await.unwrap();
        let mut ben = Member::enter(socket, events, &room, "Ben").await;
        ann.wait("a sign of the newcomer", sign(round)).await;
        stream.add_track(&video);

        for member in [&mut ben, &mut ann] {
            let picture = member
                .wait("a picture", |event| match event {
                    Event::TrackAdded { track, .. } if track.kind() == MediaKind::Video => Some(track.clone()),
                    _ => None,
                })
                .await;
            watch_frames(&picture, 600, 5).await;
        }
        ann.socket.close().await;
        ben.socket.close().await;
    }
    server.shutdown().await;
}

//! What is given up when bits run short: pixels or pictures, as the stream says it, with a real encoder.

use crate::common::picture::{Screen, camera, sent};
use crate::common::{Member, PATIENCE, server};
use confab_rtcio::{ContentHint, DegradationPreference, LocalTrack, RtcioStream, VideoEncoding};
use serde_json::json;
use tokio::time::timeout;

/// Enough for the picture of 640x360 at half its frames, or at half its size.
const FEW: u32 = 60_000;
const PLENTY: u32 = 800_000;
/// So many pictures show what is sent.
const LOOK: u32 = 20;

/// Waits until the picture comes with this width and all its frames: numbers side by side.
async fn every_frame(screen: &mut Screen, width: u32) {
    let mut neighbours = 0;
    let seen = async {
        while neighbours < LOOK {
            let before = screen.last;
            let now = screen.next().await;
            neighbours += u32::from(now == width && screen.last == before.map(|number| number + 1));
        }
    };
    timeout(PATIENCE, seen).await.unwrap_or_else(|_| panic!("{neighbours} frames side by side of {width} pixels"));
}

/// Waits until frames are left out, none side by side. The width never changes.
async fn fewer_frames(screen: &mut Screen, width: u32) {
    let seen = async {
        let mut apart = 0;
        while apart < LOOK {
            let before = screen.last;
            assert_eq!(screen.next().await, width);
            apart = if screen.last > before.map(|number| number + 1) { apart + 1 } else { 0 };
        }
    };
    timeout(PATIENCE, seen).await.expect("fewer frames");
}

#[tokio::test(flavor = "multi_thread")]
async fn when_bits_run_short_detail_keeps_its_size_and_motion_its_frames() {
    let (server, url) = server().await;
    let ann = Member::join(&url, "degradation", "Ann").await;
    let (stream, video) = (RtcioStream::new(), LocalTrack::simulcast());
    stream.add_track(&video);
    ann.socket.emit("camera", stream.args([json!({ "stream": &stream })])).await.unwrap();
    let capture = camera(&video).await;
    let mut ben = Member::join(&url, "degradation", "Ben").await;
    let mut screen = Screen::new(ben.track(&ann.id).await);

    let hint = |hint| VideoEncoding { content_hint: Some(hint), ..VideoEncoding::default() };
    let prefer = |degradation| VideoEncoding { degradation_preference: Some(degradation), ..VideoEncoding::default() };
    for (encoding, keeps_size) in [
        (hint(ContentHint::Motion), false),
        (hint(ContentHint::Detail), true),
        (prefer(DegradationPreference::MaintainFramerate), false),
        // What is asked for counts, whatever the content.
        (
            VideoEncoding {
                content_hint: Some(ContentHint::Motion),
                ..prefer(DegradationPreference::MaintainResolution)
            },
            true,
        ),
    ] {
        stream.set_encoding(VideoEncoding { max_bitrate: Some(PLENTY), ..encoding }).unwrap();
        every_frame(&mut screen, 640).await;
        sent(&ann, &ben, ["full", "none"]).await;
        stream.set_encoding(VideoEncoding { max_bitrate: Some(FEW), ..encoding }).unwrap();
        if keeps_size {
            fewer_frames(&mut screen, 640).await;
            sent(&ann, &ben, ["full", "bandwidth"]).await;
        } else {
            every_frame(&mut screen, 320).await;
            sent(&ann, &ben, ["half", "bandwidth"]).await;
        }
    }
    capture.stop().await;
    ann.socket.close().await;
    ben.socket.close().await;
    server.shutdown().await;
}

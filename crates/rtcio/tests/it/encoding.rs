//! How pictures are to be encoded: from the stream to whoever encodes, live.

use crate::common::{Camera, PATIENCE, pair, server, watch_frames};
use confab_rtcio::{
    Codec, ContentHint, DegradationPreference, EncodingError, Event, LocalTrack, Priority, RtcioStream, StreamOptions,
    VideoEncoding,
};
use serde_json::json;
use tokio::time::timeout;

#[tokio::test(flavor = "multi_thread")]
async fn an_encoding_reaches_the_encoder_live_and_the_track_goes_on() {
    let (server, url) = server().await;
    let (ann, mut ben) = pair(&url, "encoding").await;
    let encoding = VideoEncoding {
        max_bitrate: Some(2_500_000),
        content_hint: Some(ContentHint::Motion),
        network_priority: Some(Priority::High),
        ..VideoEncoding::default()
    };
    let stream = RtcioStream::with_options(StreamOptions { encoding, ..StreamOptions::default() }).unwrap();
    let picture = LocalTrack::video(Codec::Vp8);
    stream.add_track(&picture);
    let _camera = Camera::start(&picture, 500);
    ann.socket.emit("camera", stream.args([json!({ "stream": &stream })])).await.unwrap();
    let track = ben.track(&ann.id).await;
    let mut frames = watch_frames(&track, 500, 3).await;

    let mut demand = picture.demand();
    let before = *demand.borrow_and_update();
    assert!(before.wanted());
    assert_eq!((before.max_bitrate, before.content_hint), (2_500_000, ContentHint::Motion));
    stream
        .set_encoding(VideoEncoding {
            max_bitrate: Some(300_000),
            max_framerate: Some(7.5),
            scale_resolution_down_by: Some(2.0),
            degradation_preference: Some(DegradationPreference::MaintainResolution),
            ..VideoEncoding::default()
        })
        .unwrap();
    let now = *timeout(PATIENCE, demand.wait_for(|demand| demand.max_bitrate == 300_000)).await.unwrap().unwrap();
    assert_eq!((now.max_framerate, now.scale_resolution_down_by), (Some(7.5), 2.0));
    assert_eq!(now.degradation_preference, Some(DegradationPreference::MaintainResolution));
    assert_eq!(now.content_hint, ContentHint::Motion, "what was not told stays");
    assert_eq!(stream.encoding().network_priority, Some(Priority::High));

    // A track that comes later is encoded the same way; what means nothing changes nothing.
    let later = LocalTrack::video(Codec::Vp8);
    stream.add_track(&later);
    assert_eq!(later.demand().borrow().max_framerate, Some(7.5));
    let nothing =
        VideoEncoding { max_bitrate: Some(1), scale_resolution_down_by: Some(0.5), ..VideoEncoding::default() };
    assert_eq!(stream.set_encoding(nothing), Err(EncodingError::ScaleResolutionDownBy(0.5)));
    assert_eq!(picture.demand().borrow().max_bitrate, 300_000);

    assert!(timeout(PATIENCE, frames.recv()).await.unwrap().is_some());
    assert!(!ben.seen().iter().any(|event| matches!(event, Event::TrackRemoved { .. })));
    ann.socket.close().await;
    ben.socket.close().await;
    server.shutdown().await;
}

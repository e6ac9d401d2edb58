//! Sharing and stopping for hours: m-lines, tasks and memory stay as they are.

use crate::common::{Camera, Member, pair, resident, server, watch_frames};
use confab_rtcio::{Codec, Event, LocalTrack, RtcioStream};
use serde_json::json;
use tokio::runtime::Handle;

const ROUNDS: usize = 50;
/// Rounds after which everything that grows once has grown.
const WARM: usize = 10;
/// What the allocator may keep; fifty connections' worth would be ten times that.
const RESIDENT_BYTES: u64 = 16 << 20;

/// Shares a screen of its own stream, sees it arrive, and stops.
async fn round(ann: &mut Member, ben: &mut Member, number: usize) {
    let stream = RtcioStream::new();
    let (picture, voice) = (LocalTrack::video(Codec::Vp8), LocalTrack::audio());
    stream.add_track(&picture);
    stream.add_track(&voice);
    let camera = Camera::start(&picture, 500);
    let args = stream.args([json!({ "round": number, "screen": &stream })]);
    ann.socket.emit("screen", args).await.unwrap();
    for _ in 0..2 {
        let track = ben.track(&ann.id).await;
        assert_eq!(track.msid(), stream.msid(), "round {number}");
        if track.kind() == confab_rtcio::MediaKind::Video {
            watch_frames(&track, 500, 3).await;
        }
    }
    let told = stream.id().to_owned();
    ben.wait("the stream's event", move |event| match event {
        Event::Stream { stream, .. } => (stream.id.as_deref() == Some(&told)).then_some(()),
        _ => None,
    })
    .await;
    drop(camera);
    stream.replace([]);
    ann.socket.untrack_stream(&stream).await;
    for _ in 0..2 {
        ben.wait("track-removed", |event| matches!(event, Event::TrackRemoved { .. }).then_some(())).await;
    }
    // Ann knows that Ben knows: her next offer begins from there.
    ben.socket.emit("gone", vec![json!(number)]).await.unwrap();
    ann.message(&ben.id, "gone").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_rounds_of_sharing_leave_nothing_behind() {
    let (server, url) = server().await;
    let (mut ann, mut ben) = pair(&url, "churn").await;
    let mut before = None;
    for number in 0..ROUNDS {
        if number == WARM {
            before = Some((Handle::current().metrics().num_alive_tasks(), resident()));
        }
        round(&mut ann, &mut ben, number).await;
    }
    let (tasks, bytes) = before.unwrap();
    let (tasks_now, bytes_now) = (Handle::current().metrics().num_alive_tasks(), resident());
    // An m-line more of each kind, see below, has a forwarder and a reader; others are just ending. A task left behind by
    // each round would be forty.
    assert!(tasks_now <= tasks + 8, "{tasks} tasks became {tasks_now}");
    assert!(bytes_now <= bytes + RESIDENT_BYTES, "{bytes} bytes became {bytes_now}");
    for me in [&ann, &ben] {
        let lines = me.socket.peer_stats().await[0].media_lines;
        // A stop that is still being negotiated when the next share begins costs one more of each kind.
        assert!((2..=4).contains(&lines), "{lines} m-lines");
    }
    ann.socket.close().await;
    ben.socket.close().await;
    server.shutdown().await;
}

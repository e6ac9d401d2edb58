//! Several streams of one peer: they come, change and go without touching each other.

use crate::common::{Camera, Member, PATIENCE, pair, server, watch_frames};
use confab_rtcio::{Codec, Event, LocalTrack, MediaKind, RtcioStream};
use serde_json::{Value, json};
use tokio::time::timeout;

/// The arguments of the event that carried the stream with this id.
async fn told(member: &mut Member, name: &str, id: &str) -> Vec<Value> {
    member
        .wait(name, |event| match event {
            Event::Stream { event, args, stream, .. } if event == name && stream.id.as_deref() == Some(id) => {
                Some(args.clone())
            }
            _ => None,
        })
        .await
}

async fn removed(member: &mut Member, msid: &str) {
    member
        .wait("track-removed", |event| match event {
            Event::TrackRemoved { stream, .. } => (stream.msid == msid).then_some(()),
            _ => None,
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn camera_and_screen_arrive_each_with_what_was_said_of_it() {
    let (server, url) = server().await;
    let (ann, mut ben) = pair(&url, "two").await;
    let (camera, screen) = (RtcioStream::new(), RtcioStream::new());
    let (face, slides) = (LocalTrack::video(Codec::Vp8), LocalTrack::video(Codec::Vp8));
    camera.add_track(&face);
    screen.add_track(&slides);
    let _running = [Camera::start(&face, 400), Camera::start(&slides, 900)];
    let deep = json!({ "tiles": [1, { "of": [null, [&screen]], "ünï": 1.5, "yes": true }], "text": "é\u{0}\"" });
    ann.socket.emit("camera", camera.args([json!(&camera)])).await.unwrap();
    ann.socket.emit("screen", screen.args([json!(1), deep.clone()])).await.unwrap();
    ann.socket.emit("shared", screen.args([json!({ "by": "Ann", "screen": &screen })])).await.unwrap();

    assert_eq!(told(&mut ben, "camera", camera.id()).await, [json!(camera.placeholder())]);
    assert_eq!(told(&mut ben, "screen", screen.id()).await, [json!(1), deep]);
    assert_eq!(told(&mut ben, "shared", screen.id()).await, [json!({ "by": "Ann", "screen": &screen })]);
    let mut tracks = [ben.track(&ann.id).await, ben.track(&ann.id).await];
    tracks.sort_by_key(|track| track.msid() != camera.msid());
    assert_eq!(tracks[1].msid(), screen.msid());
    watch_frames(&tracks[0], 400, 5).await;
    let mut shown = watch_frames(&tracks[1], 900, 5).await;

    // One goes, the other does not notice.
    camera.remove_track(&face);
    removed(&mut ben, camera.msid()).await;
    for _ in 0..5 {
        assert!(timeout(PATIENCE, shown.recv()).await.unwrap().is_some());
    }
    ann.socket.close().await;
    ben.socket.close().await;
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_line_is_taken_by_another_stream() {
    let (server, url) = server().await;
    let (mut ann, mut ben) = pair(&url, "taken").await;
    let first = RtcioStream::new();
    let picture = LocalTrack::video(Codec::Vp8);
    let _camera = Camera::start(&picture, 600);
    first.add_track(&picture);
    ann.socket.emit("screen", first.args([json!(&first)])).await.unwrap();
    watch_frames(&ben.track(&ann.id).await, 600, 3).await;
    first.remove_track(&picture);
    removed(&mut ben, first.msid()).await;
    // The same way as his answer, and behind it.
    let remote = ben.socket.remote_peer(&ann.id).unwrap();
    ben.socket.send_to(&remote, json!("gone")).await.unwrap();
    ann.wait("his word", |event| matches!(event, Event::Direct { .. }).then_some(())).await;

    let second = RtcioStream::new();
    second.add_track(&picture);
    ann.socket.emit("screen", second.args([json!(&second)])).await.unwrap();
    let track = ben.track(&ann.id).await;
    assert_eq!(track.msid(), second.msid());
    watch_frames(&track, 600, 3).await;
    told(&mut ben, "screen", second.id()).await;
    for member in [&ann, &ben] {
        assert_eq!(member.socket.peer_stats().await[0].media_lines, 1);
    }

    // The first one comes back and finds its place taken.
    first.add_track(&picture);
    let track = ben.track(&ann.id).await;
    assert_eq!(track.msid(), first.msid());
    watch_frames(&track, 600, 3).await;
    ann.socket.close().await;
    ben.socket.close().await;
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_tracks_of_a_stream_are_replaced_in_one_step() {
    let (server, url) = server().await;
    let (ann, mut ben) = pair(&url, "replace").await;
    let stream = RtcioStream::new();
    let old = LocalTrack::video(Codec::Vp8);
    stream.add_track(&old);
    let _old = Camera::start(&old, 300);
    ann.socket.emit("camera", stream.args([json!(&stream)])).await.unwrap();
    let track = ben.track(&ann.id).await;
    let mut frames = watch_frames(&track, 300, 3).await;
    let (new, voice) = (LocalTrack::video(Codec::Vp8), LocalTrack::audio());
    let _new = Camera::start(&new, 800);
    stream.replace([new.clone(), voice.clone()]);
    // The picture goes on in the same remote track, the voice is a new one of the same stream.
    while timeout(PATIENCE, frames.recv()).await.unwrap().expect("the track goes on").data.len() < 800 {}
    let added = ben.track(&ann.id).await;
    assert_eq!((added.kind(), added.msid()), (MediaKind::Audio, stream.msid()));
    assert!(!ben.seen().iter().any(|event| matches!(event, Event::TrackRemoved { .. })));
    assert!(!old.demand().borrow().wanted());
    ann.socket.close().await;
    ben.socket.close().await;
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_untracked_stream_still_changes_for_those_who_have_it() {
    let (server, url) = server().await;
    let (ann, mut ben) = pair(&url, "untracked").await;
    let stream = RtcioStream::new();
    let picture = LocalTrack::video(Codec::Vp8);
    stream.add_track(&picture);
    let _camera = Camera::start(&picture, 300);
    ann.socket.emit("camera", stream.args([json!(&stream)])).await.unwrap();
    let mut frames = watch_frames(&ben.track(&ann.id).await, 300, 3).await;
    ann.socket.untrack_stream(&stream).await;
    stream.add_track(&LocalTrack::audio());
    assert_eq!(ben.track(&ann.id).await.msid(), stream.msid());

    let mut cleo = Member::join(&url, "untracked", "Cleo").await;
    cleo.peer_connect(&ann.id).await;
    ann.socket.peer(&cleo.id).emit("marker", vec![json!(1)]).await.unwrap();
    cleo.message(&ann.id, "marker").await;
    assert!(!cleo.seen().iter().any(|event| matches!(event, Event::TrackAdded { .. })));
    assert!(timeout(PATIENCE, frames.recv()).await.unwrap().is_some());
    for member in [&ann, &ben, &cleo] {
        member.socket.close().await;
    }
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_track_may_be_in_two_streams_and_a_stream_may_have_many() {
    let (server, url) = server().await;
    let (ann, mut ben) = pair(&url, "many").await;
    let streams = [RtcioStream::new(), RtcioStream::new()];
    let pictures: Vec<LocalTrack> = (0..3).map(|_| LocalTrack::video(Codec::Vp8)).collect();
    let _cameras: Vec<Camera> = pictures.iter().map(|picture| Camera::start(picture, 300)).collect();
    for picture in &pictures {
        streams[0].add_track(picture);
    }
    streams[1].add_track(&pictures[0]);
    for (stream, name) in streams.iter().zip(["all", "one"]) {
        ann.socket.emit(name, stream.args([json!(stream)])).await.unwrap();
    }
    let mut of = [0, 0];
    for _ in 0..4 {
        let track = ben.track(&ann.id).await;
        of[usize::from(track.msid() == streams[1].msid())] += 1;
        watch_frames(&track, 300, 3).await;
    }
    assert_eq!(of, [3, 1]);
    ann.socket.close().await;
    ben.socket.close().await;
    server.shutdown().await;
}

//! Both sides change what they send in the same moment, again and again; both end up with everything.

use crate::common::{Camera, pair, server, watch_frames};
use confab_rtcio::{Codec, Event, LocalTrack, RtcioStream};
use serde_json::json;
use std::collections::HashSet;

#[tokio::test(flavor = "multi_thread")]
async fn simultaneous_additions_end_stable_on_both_sides() {
    const STREAMS: usize = 4;
    let (server, url) = server().await;
    let (mut ann, mut ben) = pair(&url, "glare").await;
    let mut cameras = Vec::new();
    let mut sent = [HashSet::new(), HashSet::new()];
    for round in 0..STREAMS {
        let mut streams = Vec::new();
        for _ in 0..2 {
            let (stream, video) = (RtcioStream::new(), LocalTrack::video(Codec::Vp8));
            stream.add_track(&video);
            cameras.push(Camera::start(&video, 400));
            streams.push(stream);
        }
        let args = |stream: &RtcioStream| vec![json!({ "round": round, "stream": stream.placeholder() })];
        let (ours, theirs) = tokio::join!(
            ann.socket.emit_stream("camera", args(&streams[0]), &streams[0]),
            ben.socket.emit_stream("camera", args(&streams[1]), &streams[1]),
        );
        ours.unwrap();
        theirs.unwrap();
        sent[0].insert(streams[0].id().to_owned());
        sent[1].insert(streams[1].id().to_owned());
    }
    let (ann_id, ben_id) = (ann.id.clone(), ben.id.clone());
    for (member, from, sent) in [(&mut ben, &ann_id, &sent[0]), (&mut ann, &ben_id, &sent[1])] {
        let mut told = HashSet::new();
        for _ in 0..STREAMS {
            watch_frames(&member.track(from).await, 400, 5).await;
            let id = member
                .wait("the stream's event", |event| match event {
                    Event::Stream { stream, .. } => stream.id.clone(),
                    _ => None,
                })
                .await;
            told.insert(id);
        }
        assert_eq!(told, *sent);
    }
    // Stable: one more change goes through from either side.
    let (ann_socket, ben_socket) = (ann.socket.clone(), ben.socket.clone());
    for (from, to) in [(ann_socket, &mut ben), (ben_socket, &mut ann)] {
        let id = from.id().unwrap();
        let (stream, audio) = (RtcioStream::new(), LocalTrack::audio());
        stream.add_track(&audio);
        from.emit_stream("microphone", vec![json!(stream.placeholder())], &stream).await.unwrap();
        assert_eq!(to.track(&id).await.msid(), stream.msid());
    }
    let mut members = [ann, ben];
    for member in &mut members {
        let bad = |event: &&Event| matches!(event, Event::TrackRemoved { .. } | Event::PeerDisconnect { .. });
        assert_eq!(member.seen().iter().find(bad).map(|event| format!("{event:?}")), None);
    }
    for member in &members {
        member.socket.close().await;
    }
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_changes_are_one_offer() {
    let (server, url) = server().await;
    let (mut ann, mut ben) = pair(&url, "coalesce").await;
    let stream = RtcioStream::new();
    let tracks: Vec<LocalTrack> = (0..6).map(|_| LocalTrack::audio()).collect();
    ann.socket.emit_stream("band", vec![json!(stream.placeholder())], &stream).await.unwrap();
    for track in &tracks {
        stream.add_track(track);
    }
    // Removed before anything was offered: never seen at the other side.
    for track in &tracks[1..] {
        stream.remove_track(track);
    }
    ben.track(&ann.id).await;
    ann.socket.emit("marker", vec![]).await.unwrap();
    ben.message(&ann.id, "marker").await;
    let ups_and_downs = |event: &&Event| matches!(event, Event::TrackRemoved { .. });
    assert_eq!(ben.seen().iter().filter(ups_and_downs).count(), 0);
    assert_eq!(ann.seen().iter().filter(ups_and_downs).count(), 0);
    ann.socket.close().await;
    ben.socket.close().await;
    server.shutdown().await;
}

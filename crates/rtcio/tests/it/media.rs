//! Streams with real RTP packets, both ways, early and late.

use crate::common::{Camera, Member, PATIENCE, pair, server, sound, watch_frames};
use confab_rtcio::{AudioLevel, AudioPacket, Codec, Event, LocalTrack, MediaKind, RtcioStream, Socket};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::timeout;

fn camera_args(stream: &RtcioStream, name: &str) -> Vec<Value> {
    vec![json!({ "name": name, "stream": stream.placeholder() })]
}

/// What the source says of the loudness of this packet.
fn level(number: u32) -> AudioLevel {
    AudioLevel::from_decibels((number % 128) as u8, number.is_multiple_of(2))
}

/// The event that told what the stream with this id is.
async fn stream_event(member: &mut Member, id: &str) -> (String, Vec<Value>) {
    let wanted = id.to_owned();
    member
        .wait("the stream's event", move |event| match event {
            Event::Stream { event, args, stream, .. } if stream.id.as_deref() == Some(&wanted) => {
                Some((event.clone(), args.clone()))
            }
            _ => None,
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn pictures_and_sound_go_both_ways() {
    let (server, url) = server().await;
    let mut members = Vec::new();
    let mut keep = Vec::new();
    for name in ["Ann", "Ben"] {
        let (socket, events) = Socket::builder(url.clone()).force_new(true).connect();
        let stream = RtcioStream::new();
        let (video, audio) = (LocalTrack::video(Codec::Vp8), LocalTrack::audio());
        stream.add_track(&video);
        stream.add_track(&audio);
        socket.emit_stream("camera", camera_args(&stream, name), &stream).await.unwrap();
        let speaker = audio.clone();
        let sounds = tokio::spawn(async move {
            let mut ticks = tokio::time::interval(Duration::from_millis(20));
            for number in 0u32.. {
                ticks.tick().await;
                let level = Some(level(number));
                speaker.write_audio(AudioPacket { data: sound(number), timestamp: number * 960, sequence: 0, level });
            }
        });
        keep.push((Camera::start(&video, 3_000), sounds));
        members.push((Member::enter(socket, events, "media", name).await, stream, video));
    }
    let ids: Vec<String> = members.iter().map(|(member, ..)| member.id.clone()).collect();
    let streams: Vec<RtcioStream> = members.iter().map(|(_, stream, _)| stream.clone()).collect();
    for (index, (member, _, video)) in members.iter_mut().enumerate() {
        let other = 1 - index;
        let (event, args) = stream_event(member, streams[other].id()).await;
        assert_eq!((event.as_str(), args), ("camera", camera_args(&streams[other], ["Ann", "Ben"][other])));
        let tracks = [member.track(&ids[other]).await, member.track(&ids[other]).await];
        assert!(tracks.iter().all(|track| track.msid() == streams[other].msid()));
        let picture = tracks.iter().find(|track| track.kind() == MediaKind::Video).unwrap();
        let voice = tracks.iter().find(|track| track.kind() == MediaKind::Audio).unwrap();
        watch_frames(picture, 3_000, 20).await;
        let mut packets = voice.take_audio().unwrap();
        let mut last: Option<AudioPacket> = None;
        for _ in 0..20 {
            let packet = timeout(PATIENCE, packets.recv()).await.unwrap().unwrap();
            let number = u32::from_be_bytes(packet.data[1..5].try_into().unwrap());
            assert_eq!(packet.data, sound(number));
            assert_eq!(packet.level, Some(level(number)));
            if let Some(last) = last.replace(packet.clone()) {
                assert_eq!(packet.sequence, last.sequence.wrapping_add(1));
                assert_eq!(packet.timestamp.wrapping_sub(last.timestamp), 960);
            }
        }
        let stats = picture.stats();
        assert!(stats.packets > 40 && stats.bytes > 60_000 && stats.lost == 0, "{stats:?}");
        let wanted = *video.demand().borrow();
        assert!(wanted.wanted() && wanted.key_frames() >= 1, "{wanted:?}");
    }
    for (member, ..) in &members {
        member.socket.close().await;
    }
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_for_a_key_frame_reaches_the_encoder() {
    let (server, url) = server().await;
    let (ann, mut ben) = pair(&url, "pli").await;
    let (stream, video) = (RtcioStream::new(), LocalTrack::video(Codec::Vp8));
    stream.add_track(&video);
    let _camera = Camera::start(&video, 500);
    ann.socket.emit_stream("camera", camera_args(&stream, "Ann"), &stream).await.unwrap();
    let track = ben.track(&ann.id).await;
    watch_frames(&track, 500, 5).await;
    let mut demand = video.demand();
    let before = demand.borrow_and_update().key_frames();
    track.request_key_frame();
    timeout(PATIENCE, demand.wait_for(|demand| demand.key_frames() > before)).await.unwrap().unwrap();
    ann.socket.close().await;
    ben.socket.close().await;
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_joiner_gets_the_streams_and_their_events() {
    let (server, url) = server().await;
    let (ann, mut ben) = pair(&url, "late").await;
    let (stream, video) = (RtcioStream::new(), LocalTrack::video(Codec::Vp8));
    stream.add_track(&video);
    let _camera = Camera::start(&video, 2_000);
    ann.socket.emit_stream("camera", camera_args(&stream, "Ann"), &stream).await.unwrap();
    watch_frames(&ben.track(&ann.id).await, 2_000, 3).await;

    let mut cleo = Member::join(&url, "late", "Cleo").await;
    assert_eq!(stream_event(&mut cleo, stream.id()).await, ("camera".to_owned(), camera_args(&stream, "Ann")));
    watch_frames(&cleo.track(&ann.id).await, 2_000, 10).await;

    // The replay ends when the stream is untracked; those who have it keep it.
    ann.socket.untrack_stream(&stream).await;
    let mut dora = Member::join(&url, "late", "Dora").await;
    dora.peer_connect(&ann.id).await;
    ann.socket.peer(&dora.id).emit("marker", vec![]).await.unwrap();
    dora.message(&ann.id, "marker").await;
    assert!(!dora.seen().iter().any(|event| matches!(event, Event::TrackAdded { .. })));
    for member in [&ann, &ben, &cleo, &dora] {
        member.socket.close().await;
    }
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_camera_is_added_swapped_removed_and_added_again() {
    let (server, url) = server().await;
    let (ann, mut ben) = pair(&url, "mid-call").await;
    let stream = RtcioStream::new();
    // A stream may have no track yet.
    ann.socket.emit_stream("camera", camera_args(&stream, "Ann"), &stream).await.unwrap();
    let first = LocalTrack::video(Codec::Vp8);
    stream.add_track(&first);
    let camera = Camera::start(&first, 1_000);
    let track = ben.track(&ann.id).await;
    assert_eq!(stream_event(&mut ben, stream.id()).await.0, "camera");
    let mut frames = watch_frames(&track, 1_000, 5).await;

    // A swap: the same remote track, other pictures, no negotiation.
    let second = LocalTrack::video(Codec::Vp8);
    assert_eq!(stream.replace_track(&second).unwrap().id(), first.id());
    drop(camera);
    let camera = Camera::start(&second, 700);
    loop {
        let frame = timeout(PATIENCE, frames.recv()).await.unwrap().expect("the track goes on");
        if !frame.key && frame.data.len() == 700 {
            break;
        }
    }
    assert!(!ben.seen().iter().any(|event| matches!(event, Event::TrackRemoved { .. })));
    assert!(!first.demand().borrow().wanted());

    // Removed without a replacement, the line turns inactive; added again, it is used again.
    stream.remove_track(&second);
    ben.wait("track-removed", |event| matches!(event, Event::TrackRemoved { .. }).then_some(())).await;
    while timeout(PATIENCE, frames.recv()).await.unwrap().is_some() {}
    assert!(!second.demand().borrow().wanted());
    stream.add_track(&second);
    let track = ben.track(&ann.id).await;
    watch_frames(&track, 700, 5).await;
    drop(camera);
    ann.socket.close().await;
    ben.socket.close().await;
    server.shutdown().await;
}

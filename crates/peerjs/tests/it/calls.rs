//! Calls: media both ways, and their ends.

use crate::common::{PATIENCE, next, open_peer};
use crate::server::Server;
use confab_peerjs::{
    AnswerError, Codec, EncodedFrame, LocalStream, LocalTrack, MediaConnection, MediaConnectionEvent,
    MediaConnectionEvents, Peer, PeerEvent, PeerEvents, RemoteTrack,
};
use serde_json::json;
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// A stream with a picture.
fn stream() -> (LocalStream, LocalTrack) {
    let (stream, track) = (LocalStream::default(), LocalTrack::video(Codec::Vp8));
    stream.add_track(&track);
    (stream, track)
}

/// A key frame of VP8, as far as anybody looks before decoding it.
fn key_frame(timestamp: u32) -> EncodedFrame {
    let data = bytes::Bytes::from_static(&[0x10, 0, 0, 0x9d, 0x01, 0x2a, 0x80, 0x02, 0x68, 0x01]);
    EncodedFrame { data, codec: Codec::Vp8, key: true, timestamp, width: 640, height: 360, layer: Default::default() }
}

async fn shows(from: &LocalTrack, to: &RemoteTrack) {
    let mut frames = to.take_video().unwrap();
    let mut timestamp = 0;
    let seen = async {
        while frames.try_recv().is_err() {
            timestamp += 3_000;
            from.write_frame(key_frame(timestamp));
            sleep(Duration::from_millis(30)).await;
        }
    };
    timeout(PATIENCE, seen).await.expect("a frame");
}

/// The next event that `found` takes.
async fn wait<T>(events: &mut MediaConnectionEvents, mut found: impl FnMut(MediaConnectionEvent) -> Option<T>) -> T {
    let search = async {
        loop {
            let event = events.recv().await.expect("an event before the end");
            if let Some(found) = found(event) {
                return found;
            }
        }
    };
    timeout(PATIENCE, search).await.expect("an event in time")
}

async fn track(events: &mut MediaConnectionEvents, msid: &str) -> RemoteTrack {
    wait(events, |event| match event {
        MediaConnectionEvent::Stream { stream, track } if stream.msid == msid => Some(track),
        _ => None,
    })
    .await
}

async fn closed(events: &mut MediaConnectionEvents) {
    wait(events, |event| matches!(event, MediaConnectionEvent::Close).then_some(())).await;
}

struct Ringing {
    ann: (MediaConnection, MediaConnectionEvents),
    ben: (MediaConnection, MediaConnectionEvents),
    stream: (LocalStream, LocalTrack),
    peers: (Peer, Peer),
    _events: (PeerEvents, PeerEvents),
}

async fn ring() -> Ringing {
    let server = Server::start().await;
    let (ann, anns) = open_peer(&server, "ann").await;
    let (ben, mut bens) = open_peer(&server, "ben").await;
    let stream = stream();
    let made = ann.call("ben", &stream.0, Some(json!({ "room": "r1" }))).unwrap();
    let PeerEvent::Call { call, events } = next(&mut bens).await else { panic!("no call") };
    Ringing { ann: made, ben: (call, events), stream, peers: (ann, ben), _events: (anns, bens) }
}

#[tokio::test(flavor = "multi_thread")]
async fn pictures_go_both_ways_and_each_side_can_hang_up() {
    for ann_closes in [true, false] {
        let mut ringing = ring().await;
        assert!(!ringing.ann.0.open() && !ringing.ben.0.open());
        assert_eq!(ringing.ben.0.metadata(), Some(&json!({ "room": "r1" })));
        let (answer, bens) = stream();
        ringing.ben.0.answer(Some(&answer)).unwrap();
        assert_eq!(ringing.ben.0.answer(None), Err(AnswerError::Answered));
        let at_ann = track(&mut ringing.ann.1, answer.msid()).await;
        let at_ben = track(&mut ringing.ben.1, ringing.stream.0.msid()).await;
        shows(&bens, &at_ann).await;
        shows(&ringing.stream.1, &at_ben).await;
        assert!(ringing.ann.0.open() && ringing.ben.0.open());
        let will_close = |event| matches!(event, MediaConnectionEvent::WillCloseOnRemote).then_some(());
        wait(&mut ringing.ann.1, will_close).await;
        let closing = if ann_closes { &ringing.ann.0 } else { &ringing.ben.0 };
        closing.close();
        closed(&mut ringing.ann.1).await;
        closed(&mut ringing.ben.1).await;
        assert!(ringing.peers.0.connections().is_empty() && ringing.peers.1.connections().is_empty());
        assert_eq!(ringing.ben.0.answer(None), Err(AnswerError::Over));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_without_a_stream_shows_only_the_caller() {
    let mut ringing = ring().await;
    ringing.ben.0.answer(None).unwrap();
    let at_ben = track(&mut ringing.ben.1, ringing.stream.0.msid()).await;
    shows(&ringing.stream.1, &at_ben).await;
    ringing.peers.1.destroy();
    ringing.peers.1.closed().await;
    assert!(ringing.peers.1.connections().is_empty());
    wait(&mut ringing.ann.1, |event| match event {
        MediaConnectionEvent::Stream { .. } => panic!("there is no stream"),
        event => matches!(event, MediaConnectionEvent::Close).then_some(()),
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_nobody_answered_is_over_on_the_side_that_ends_it() {
    let mut ringing = ring().await;
    ringing.ben.0.close();
    closed(&mut ringing.ben.1).await;
    assert!(ringing.peers.1.connections().is_empty());
    ringing.ann.0.close();
    closed(&mut ringing.ann.1).await;
    assert!(ringing.peers.0.connections().is_empty());
}

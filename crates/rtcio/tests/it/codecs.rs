//! Codecs: VP9 beside VP8, and who chooses.

use crate::common::{Camera, Member, PATIENCE, pair, server, watch_frames};
use bytes::{BufMut, BytesMut};
use confab_rtcio::{
    Codec, CodecPreferences, EncodedFrame, FrameLayer, LocalTrack, RemoteTrack, RtcioStream, RtpCodec, StreamOptions,
};
use serde_json::json;
use std::time::Duration;
use tokio::time::{interval, timeout};

/// A frame with the head of a VP9 key frame of 640×360 or of a delta frame.
fn vp9(number: u32, key: bool) -> EncodedFrame {
    let mut data = BytesMut::new();
    if key {
        data.put_slice(&[0x82, 0x49, 0x83, 0x42, 0x00, 0x27, 0xf0, 0x16, 0x70, 0x00]);
    } else {
        data.put_slice(&[0x86, 0, 0]);
    }
    data.put_u32(number);
    while data.len() < 3_000 {
        data.put_u8((data.len() as u32 ^ number) as u8);
    }
    let (width, height) = if key { (640, 360) } else { (0, 0) };
    EncodedFrame {
        data: data.freeze(),
        codec: Codec::Vp9,
        key,
        timestamp: number * 3_000,
        width,
        height,
        layer: FrameLayer::default(),
    }
}

/// Writes VP9 frames until aborted.
fn start_vp9(track: &LocalTrack) -> tokio::task::JoinHandle<()> {
    let track = track.clone();
    tokio::spawn(async move {
        let mut demand = track.demand();
        let mut answered = 0;
        let mut ticks = interval(Duration::from_millis(33));
        for number in 0.. {
            ticks.tick().await;
            let now = *demand.borrow_and_update();
            track.write_frame(vp9(number, now.key_frames() > answered || number == 0));
            answered = now.key_frames();
        }
    })
}

async fn watch_vp9(track: &RemoteTrack) {
    let mut frames = track.take_video().unwrap();
    for index in 0..10 {
        let frame = timeout(PATIENCE, frames.recv()).await.unwrap().expect("a track that goes on");
        assert!(index > 0 || frame.key, "the first frame must be a key frame");
        let head = if frame.key { 10 } else { 3 };
        let number = u32::from_be_bytes(frame.data[head..head + 4].try_into().unwrap());
        assert_eq!(frame.data, vp9(number, frame.key).data);
        assert_eq!((frame.codec, frame.width, frame.height), (Codec::Vp9, 640, 360));
    }
    assert_eq!(track.codec(), Codec::Vp9);
}

fn preferring(choose: fn(Vec<RtpCodec>) -> Vec<RtpCodec>) -> RtcioStream {
    let codec_preferences = Some(CodecPreferences::new(move |codecs, _| choose(codecs)));
    RtcioStream::with_options(StreamOptions { codec_preferences, ..StreamOptions::default() }).unwrap()
}

async fn share(member: &Member, stream: &RtcioStream) {
    member.socket.emit("camera", stream.args([json!(stream)])).await.unwrap();
}

fn only_vp9(codecs: Vec<RtpCodec>) -> Vec<RtpCodec> {
    codecs.into_iter().filter(|codec| codec.mime_type == "video/VP9").collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn vp9_and_vp8_are_sent_side_by_side() {
    let (server, url) = server().await;
    let (ann, mut ben) = pair(&url, "vp9").await;
    let stream = RtcioStream::new();
    let (eight, nine) = (LocalTrack::video(Codec::Vp8), LocalTrack::video(Codec::Vp9));
    let _eight = Camera::start(&eight, 900);
    let running = start_vp9(&nine);
    stream.add_track(&nine);
    share(&ann, &stream).await;
    watch_vp9(&ben.track(&ann.id).await).await;
    stream.add_track(&eight);
    let track = ben.track(&ann.id).await;
    watch_frames(&track, 900, 10).await;
    assert_eq!(track.codec(), Codec::Vp8);
    running.abort();
    ann.socket.close().await;
    ben.socket.close().await;
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_says_which_codecs_are_offered() {
    let (server, url) = server().await;
    let (ann, mut ben) = pair(&url, "preferences").await;
    // Before the first packet the preferred codec is what is known of a track.
    let reversed = preferring(|codecs| codecs.into_iter().rev().collect());
    reversed.add_track(&LocalTrack::video(Codec::Vp8));
    share(&ann, &reversed).await;
    assert_eq!(ben.track(&ann.id).await.codec(), Codec::Vp9);
    let default = RtcioStream::new();
    default.add_track(&LocalTrack::video(Codec::Vp9));
    share(&ann, &default).await;
    assert_eq!(ben.track(&ann.id).await.codec(), Codec::Vp8);
    ann.socket.close().await;
    ben.socket.close().await;
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_without_the_codec_of_its_track_sends_nothing_and_spoils_no_other() {
    let (server, url) = server().await;
    let (ann, mut ben) = pair(&url, "filter").await;
    // The first video line of the connection: what it leaves out must not be left out for good.
    let filtered = preferring(only_vp9);
    let (eight, nine) = (LocalTrack::video(Codec::Vp8), LocalTrack::video(Codec::Vp9));
    filtered.add_track(&eight);
    let _eight = Camera::start(&eight, 900);
    share(&ann, &filtered).await;
    assert_eq!(ben.track(&ann.id).await.codec(), Codec::Vp9);
    let running = start_vp9(&nine);
    filtered.add_track(&nine);
    watch_vp9(&ben.track(&ann.id).await).await;
    assert!(!eight.demand().borrow().wanted(), "it can't be sent");

    let plain = RtcioStream::new();
    plain.add_track(&eight);
    share(&ann, &plain).await;
    watch_frames(&ben.track(&ann.id).await, 900, 5).await;
    running.abort();
    ann.socket.close().await;
    ben.socket.close().await;
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_offers_one_codec_first_gets_another_one() {
    let (server, url) = server().await;
    let (mut ann, mut ben) = pair(&url, "other").await;
    let filtered = preferring(only_vp9);
    let nine = LocalTrack::video(Codec::Vp9);
    let running = start_vp9(&nine);
    filtered.add_track(&nine);
    share(&ann, &filtered).await;
    watch_vp9(&ben.track(&ann.id).await).await;
    let (stream, eight) = (RtcioStream::new(), LocalTrack::video(Codec::Vp8));
    stream.add_track(&eight);
    let _eight = Camera::start(&eight, 900);
    share(&ben, &stream).await;
    watch_frames(&ann.track(&ben.id).await, 900, 5).await;
    running.abort();
    ann.socket.close().await;
    ben.socket.close().await;
    server.shutdown().await;
}

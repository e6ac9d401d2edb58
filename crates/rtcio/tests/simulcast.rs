//! A ladder on the wire: each peer gets the layer that its line carries and that it draws, as one ordinary stream.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::{Member, PATIENCE, server};
use confab_media::{VideoCapture, VideoConfig, VideoEvent, VideoSource, Vp8Decoder, pattern};
use confab_rtcio::{Drawn, EncodedFrame, LocalTrack, RemoteTrack, RtcioStream, SpatialLayer};
use serde_json::json;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::timeout;

/// The test picture, captured and encoded as a call does it.
async fn camera(track: &LocalTrack) -> VideoCapture {
    let config = VideoConfig { width: 640, height: 360, fps: 30, bitrate: 800_000 };
    let (capture, mut events) = VideoCapture::start(VideoSource::Pattern, config, track.demand()).await.unwrap();
    let track = track.clone();
    tokio::spawn(async move {
        while let Some(VideoEvent::Frame(frame)) = events.recv().await {
            track.write_frame(frame);
        }
    });
    capture
}

/// Decodes what comes: an unbroken chain from its first key frame on, of pictures that advance.
struct Screen {
    track: RemoteTrack,
    frames: mpsc::Receiver<EncodedFrame>,
    decoder: Vp8Decoder,
    last: Option<u32>,
}

impl Screen {
    fn new(track: RemoteTrack) -> Self {
        let frames = track.take_video().unwrap();
        Self { track, frames, decoder: Vp8Decoder::new(), last: None }
    }

    /// Width of the next picture.
    async fn next(&mut self) -> u32 {
        let frame = timeout(PATIENCE, self.frames.recv()).await.expect("a picture in time").expect("the track goes on");
        let picture = self.decoder.decode(&frame).expect("it decodes").expect("a picture");
        let number = pattern::read(&picture).expect("a readable picture").number;
        assert!(self.last.is_none_or(|last| number > last), "{number} after {:?}", self.last);
        self.last = Some(number);
        picture.width()
    }

    /// Waits for a picture of this width.
    async fn width(&mut self, width: u32) {
        let seen = async { while self.next().await != width {} };
        timeout(PATIENCE, seen).await.unwrap_or_else(|_| panic!("no picture {width} wide"));
    }

    /// Asks for a size and waits for it.
    async fn draw(&mut self, width: u16, expected: u32) {
        self.track.set_drawn(Drawn { width, height: width / 16 * 9 });
        self.width(expected).await;
    }
}

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
    large.track.set_drawn(Drawn::HIDDEN);
    small.track.set_drawn(Drawn::HIDDEN);
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

/// The report about the video that goes to `peer`.
async fn outbound(member: &Member, peer: &str) -> serde_json::Value {
    let stats = timeout(Duration::from_secs(20), member.socket.get_stats(peer)).await.unwrap().expect("a known peer");
    serde_json::to_value(&stats.outbound_rtp[0]).unwrap()
}

/// Waits until the statistics have this layer and this reason for what `peer` gets.
async fn sent(member: &Member, peer: &Member, expected: [&str; 2]) {
    let reported = async {
        loop {
            let report = outbound(member, &peer.id).await;
            if ["layer", "qualityLimitationReason"].map(|name| report[name].as_str().unwrap_or_default()) == expected {
                return;
            }
        }
    };
    timeout(PATIENCE, reported).await.unwrap_or_else(|_| panic!("{expected:?} was never reported"));
}

//! The test picture, sent and looked at, and what the sender's statistics say of it.

use super::{Member, PATIENCE};
use confab_media::{VideoCapture, VideoConfig, VideoEvent, VideoSource, Vp8Decoder, pattern};
use confab_rtcio::{EncodedFrame, LocalTrack, RemoteTrack, RenderedSize};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::timeout;

/// The test picture, captured and encoded as a call does it.
pub async fn camera(track: &LocalTrack) -> VideoCapture {
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
pub struct Screen {
    pub track: RemoteTrack,
    frames: mpsc::Receiver<EncodedFrame>,
    decoder: Vp8Decoder,
    /// Number of the last picture.
    pub last: Option<u32>,
}

impl Screen {
    pub fn new(track: RemoteTrack) -> Self {
        let frames = track.take_video().unwrap();
        Self { track, frames, decoder: Vp8Decoder::new(), last: None }
    }

    /// Width of the next picture.
    pub async fn next(&mut self) -> u32 {
        let frame = timeout(PATIENCE, self.frames.recv()).await.expect("a picture in time").expect("the track goes on");
        let picture = self.decoder.decode(&frame).expect("it decodes").expect("a picture");
        let number = pattern::read(&picture).expect("a readable picture").number;
        assert!(self.last.is_none_or(|last| number > last), "{number} after {:?}", self.last);
        self.last = Some(number);
        picture.width()
    }

    /// Waits for a picture of this width.
    pub async fn width(&mut self, width: u32) {
        let seen = async { while self.next().await != width {} };
        timeout(PATIENCE, seen).await.unwrap_or_else(|_| panic!("no picture {width} wide"));
    }

    /// Asks for a size and waits for it.
    pub async fn draw(&mut self, width: u16, expected: u32) {
        self.track.set_rendered_size(RenderedSize { width, height: width / 16 * 9 });
        self.width(expected).await;
    }
}

/// The report about the video that goes to `peer`.
pub async fn outbound(member: &Member, peer: &str) -> serde_json::Value {
    let stats = timeout(Duration::from_secs(20), member.socket.get_stats(peer)).await.unwrap().expect("a known peer");
    serde_json::to_value(&stats.outbound_rtp[0]).unwrap()
}

/// Waits until the statistics have this layer and this reason for what `peer` gets.
pub async fn sent(member: &Member, peer: &Member, expected: [&str; 2]) {
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

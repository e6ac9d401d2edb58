//! What peers miss of a sound, as its encoder learns it.

use crate::common::path::Path;
use crate::common::{PATIENCE, pair, server, sound};
use confab_rtcio::{AudioPacket, LocalTrack, RtcioStream};
use serde_json::json;
use std::time::Duration;
use tokio::time::{interval, timeout};

/// Bytes of a packet of sound: larger than what else passes, so that only sound is lost.
const BYTES: usize = 300;
/// One packet of so many is lost.
const LOST: usize = 5;

#[tokio::test(flavor = "multi_thread")]
async fn the_loss_that_a_peer_reports_is_what_the_encoder_is_to_expect() {
    let (server, url) = server().await;
    let path = Path::to(&url).await;
    let (ann, mut ben) = pair(&path.url, "loss").await;
    let track = LocalTrack::audio();
    let stream = RtcioStream::new();
    stream.add_track(&track);
    ann.socket.emit_stream("camera", vec![json!({ "stream": stream.placeholder() })], &stream).await.unwrap();
    let mut expected = track.expected_loss();
    let microphone = tokio::spawn(async move {
        let mut ticks = interval(Duration::from_millis(20));
        for number in 0u32.. {
            ticks.tick().await;
            let mut data = sound(number).to_vec();
            data.resize(BYTES, 0);
            let timestamp = number * 960;
            track.write_audio(AudioPacket { data: data.into(), timestamp, sequence: 0, level: None });
        }
    });
    ben.track(&ann.id).await;
    assert_eq!(*expected.borrow(), 0, "nothing is lost, nothing is mended");
    path.lose_one_of(LOST, BYTES);
    let reported = timeout(PATIENCE, expected.wait_for(|percent| *percent >= 10)).await;
    let percent = *reported.expect("reported in time").unwrap();
    assert!((10..40).contains(&percent), "{percent} instead of 20 %");
    path.mend();
    timeout(PATIENCE, expected.wait_for(|percent| *percent < 5)).await.expect("it is forgotten").unwrap();
    microphone.abort();
    ann.socket.close().await;
    ben.socket.close().await;
    server.shutdown().await;
}

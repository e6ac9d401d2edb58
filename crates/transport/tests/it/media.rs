//! Streams and tracks.

use crate::dialect::{PATIENCE, Side, join, key_frame};
use confab_transport::receive::remote_track::RemoteTrack;
use confab_transport::send::local_track::LocalTrack;
use confab_transport::{ConnectionEvent, ConnectionOptions, Glare, RemotePeerEvent, Role};
use std::time::Duration;
use tokio::time::{sleep, timeout};

pub fn roles() -> (ConnectionOptions, ConnectionOptions) {
    let offerer = ConnectionOptions { role: Role::Offerer, ..ConnectionOptions::default() };
    let answerer =
        ConnectionOptions { role: Role::Answerer, glare: Glare::RemoteYields, ..ConnectionOptions::default() };
    (offerer, answerer)
}

pub async fn track_of(side: &mut Side, msid: &str) -> RemoteTrack {
    side.wait("a track", |event| match event {
        ConnectionEvent::TrackAdded { stream, track, .. } if stream.msid == msid => Some(track),
        _ => None,
    })
    .await
}

/// A frame that is written here comes out there.
pub async fn shows(from: &LocalTrack, to: &RemoteTrack) {
    let mut frames = to.take_video().expect("nobody has taken it");
    let mut timestamp = 0;
    let seen = async {
        loop {
            timestamp += 3_000;
            from.write_frame(key_frame(timestamp));
            if let Ok(frame) = frames.try_recv() {
                return frame;
            }
            sleep(Duration::from_millis(30)).await;
        }
    };
    let frame = timeout(PATIENCE, seen).await.expect("a frame");
    assert!(frame.key);
    assert_eq!(frame.data, key_frame(0).data);
}

#[tokio::test(flavor = "multi_thread")]
async fn media_goes_both_ways_and_tracks_come_and_go_by_renegotiation() {
    let (offerer, answerer) = roles();
    let (mut ann, mut ben) = join(offerer, answerer);
    let ((anns_stream, anns), (bens_stream, bens)) = (ann.send_video(), ben.send_video());
    let at_ben = track_of(&mut ben, anns_stream.msid()).await;
    let at_ann = track_of(&mut ann, bens_stream.msid()).await;
    shows(&anns, &at_ben).await;
    shows(&bens, &at_ann).await;

    // Another stream, while the connection stands.
    let (second, track) = ann.send_video();
    let at_ben = track_of(&mut ben, second.msid()).await;
    shows(&track, &at_ben).await;
    second.remove_track(&track);
    let msid = second.msid().to_owned();
    ben.wait("the end of the track", |event| match event {
        ConnectionEvent::TrackRemoved { stream, .. } => (stream.msid == msid).then_some(()),
        _ => None,
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_the_dialect_does_not_describe_is_added_with_its_track() {
    let (offerer, answerer) = roles();
    let (ann, ben) = join(offerer, answerer);
    let mut events = ben.remote.events();
    let (stream, _track) = ann.send_video();
    let added = async {
        loop {
            if let RemotePeerEvent::StreamAdded { stream, .. } = events.recv().await.unwrap() {
                return stream;
            }
        }
    };
    assert_eq!(timeout(PATIENCE, added).await.unwrap().msid, stream.msid());
}

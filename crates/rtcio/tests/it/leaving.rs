//! Peers that leave: with a goodbye, without one, and by the decision of the application.

use crate::common::{Member, PATIENCE, pair, server};
use confab_rtcio::{Codec, ConnectionState, Event, LocalTrack, RtcioStream, Watchdog};
use serde_json::json;
use std::time::Duration;
use tokio::time::timeout;

#[tokio::test(flavor = "multi_thread")]
async fn a_goodbye_is_noticed_at_once() {
    let (server, url) = server().await;
    // With a watchdog that would take an hour, only the goodbye itself can end the peer.
    let hour = Duration::from_secs(3_600);
    let patient = Watchdog { timeout: hour, hint_timeout: hour, hint_ttl: hour };
    let mut ann = Member::join_with(&url, "goodbye", "Ann", patient).await;
    let mut ben = Member::join(&url, "goodbye", "Ben").await;
    ann.peer_connect(&ben.id).await;
    ben.peer_connect(&ann.id).await;
    let stream = RtcioStream::new();
    stream.add_track(&LocalTrack::video(Codec::Vp8));
    ben.socket.emit_stream("camera", vec![json!(stream.placeholder())], &stream).await.unwrap();
    let track = ann.track(&ben.id).await;
    let mut frames = track.take_video().unwrap();
    // Nor can a hint of the server.
    ben.socket.disconnect().await;
    ben.wait("disconnected", |event| matches!(event, Event::Disconnected { .. }).then_some(())).await;
    ben.socket.close().await;
    ann.peer_disconnect(&ben.id).await;
    ann.wait("track-removed", |event| matches!(event, Event::TrackRemoved { .. }).then_some(())).await;
    assert!(timeout(PATIENCE, frames.recv()).await.unwrap().is_none());
    assert!(ann.socket.peers().await.is_empty());
    ann.socket.close().await;
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_peer_is_noticed_by_the_watchdog() {
    let (server, url) = server().await;
    let short = Watchdog {
        timeout: Duration::from_millis(1_500),
        hint_timeout: Duration::from_millis(500),
        hint_ttl: Duration::from_secs(30),
    };
    let mut ann = Member::join_with(&url, "killed", "Ann", short).await;
    // Ben lives in a runtime of his own, which is taken away under him: no goodbye of any kind is sent.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let target = url.clone();
    let ann_id = ann.id.clone();
    let ben = runtime
        .spawn(async move {
            let mut ben = Member::join(&target, "killed", "Ben").await;
            ben.peer_connect(&ann_id).await;
            ben
        })
        .await
        .unwrap();
    ann.peer_connect(&ben.id).await;
    runtime.shutdown_background();
    ann.wait("reconnecting", |event| {
        matches!(event, Event::PeerState { state: ConnectionState::Reconnecting, .. }).then_some(())
    })
    .await;
    ann.peer_disconnect(&ben.id).await;
    ann.socket.close().await;
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_application_can_drop_a_peer_and_others_stay() {
    let (server, url) = server().await;
    let (mut ann, mut ben) = pair(&url, "drop").await;
    let mut cleo = Member::join(&url, "drop", "Cleo").await;
    for member in [&mut ann, &mut ben] {
        member.peer_connect(&cleo.id).await;
    }
    ann.socket.drop_peer(&ben.id).await;
    assert_eq!(ann.socket.peers().await, [cleo.id.clone()]);
    ann.peer_disconnect(&ben.id).await;
    ben.peer_disconnect(&ann.id).await;
    ann.socket.emit("chat", vec![json!("still here")]).await.unwrap();
    cleo.message(&ann.id, "chat").await;
    for member in [&ann, &ben, &cleo] {
        member.socket.close().await;
    }
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn close_ends_the_events_and_twice_is_fine() {
    let (server, url) = server().await;
    let (ann, ben) = pair(&url, "close").await;
    ann.socket.close().await;
    ann.socket.close().await;
    assert!(ann.socket.peer_stats().await.is_empty());
    // The last handle gone is a close, too.
    let id = ben.id.clone();
    drop(ben);
    assert!(!id.is_empty());
    server.shutdown().await;
}

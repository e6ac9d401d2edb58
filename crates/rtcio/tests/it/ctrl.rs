//! Two members of a room connect, and talk on `ctrl`.

use crate::common::{Member, pair, server};
use confab_rtcio::{ConnectionState, EmitError, Event};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn two_members_connect_and_talk_both_ways() {
    let (server, url) = server().await;
    let (mut ann, mut ben) = pair(&url, "ctrl").await;
    ann.socket.emit("chat", vec![json!("hello"), json!({ "n": 1 })]).await.unwrap();
    assert_eq!(ben.message(&ann.id, "chat").await, vec![json!("hello"), json!({ "n": 1 })]);
    ben.socket.peer(&ann.id).emit("chat", vec![json!("hi")]).await.unwrap();
    assert_eq!(ann.message(&ben.id, "chat").await, vec![json!("hi")]);

    assert_eq!(ann.socket.peers().await, [ben.id.clone()]);
    let reports = ann.socket.peer_stats().await;
    assert_eq!(reports.len(), 1);
    assert_eq!((reports[0].id.as_str(), reports[0].state), (ben.id.as_str(), ConnectionState::Connected));
    assert!(["host", "prflx"].contains(&reports[0].path.as_str()), "{reports:?}");
    assert!(reports[0].bytes_received > 0 && reports[0].bytes_sent > 0, "{reports:?}");

    ben.socket.close().await;
    ann.peer_disconnect(&ben.id).await;
    ann.socket.close().await;
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn events_before_the_channel_is_open_wait_in_order() {
    let (server, url) = server().await;
    let mut ann = Member::join(&url, "early", "Ann").await;
    let ben = Member::join(&url, "early", "Ben").await;
    // The first sign of the peer: its connection has only begun.
    ann.wait("the peer", |event| matches!(event, Event::PeerState { .. }).then_some(())).await;
    for n in 0..100 {
        ann.socket.emit("count", vec![json!(n)]).await.unwrap();
    }
    let mut ben = ben;
    for n in 0..100 {
        assert_eq!(ben.message(&ann.id, "count").await, vec![json!(n)]);
    }
    ann.socket.close().await;
    ben.socket.close().await;
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_not_be_sent_is_refused_here() {
    let (server, url) = server().await;
    let member = Member::join(&url, "names", "Ann").await;
    assert_eq!(member.socket.emit("peer-connect", vec![]).await, Err(EmitError::Reserved("peer-connect".into())));
    let large = "x".repeat(confab_rtcio::MESSAGE_BYTES);
    assert!(matches!(member.socket.emit("large", vec![json!(large)]).await, Err(EmitError::Envelope(_))));
    assert_eq!(member.socket.peer("nobody").emit("chat", vec![]).await, Ok(()));
    member.socket.close().await;
    assert_eq!(member.socket.emit("chat", vec![]).await, Err(EmitError::Closed));
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_event_arrives_whole() {
    let (server, url) = server().await;
    let (ann, mut ben) = pair(&url, "large").await;
    let text = "0123456789abcdef".repeat(16_000);
    ann.socket.emit("large", vec![json!(text)]).await.unwrap();
    assert_eq!(ben.message(&ann.id, "large").await, vec![json!(text)]);
    ann.socket.close().await;
    ben.socket.close().await;
    server.shutdown().await;
}

/// What the answering side said right behind the opening of its channel was lost when it came in one batch with the packet
/// that opened the other's. Batches are the scheduler's: many pairs at once make them likely.
#[tokio::test(flavor = "multi_thread")]
async fn the_first_words_of_both_sides_arrive() {
    let (server, url) = server().await;
    let mut pairs = tokio::task::JoinSet::new();
    for round in 0..16 {
        let url = url.clone();
        pairs.spawn(async move {
            let room = format!("first-words-{round}");
            let mut ann = Member::join(&url, &room, "Ann").await;
            let mut ben = Member::join(&url, &room, "Ben").await;
            ben.peer_connect(&ann.id).await;
            ben.socket.emit("word", vec![json!("from Ben")]).await.unwrap();
            assert_eq!(ann.message(&ben.id, "word").await, vec![json!("from Ben")]);
            ann.socket.emit("word", vec![json!("from Ann")]).await.unwrap();
            assert_eq!(ben.message(&ann.id, "word").await, vec![json!("from Ann")]);
            ann.socket.close().await;
            ben.socket.close().await;
        });
    }
    while let Some(done) = pairs.join_next().await {
        done.unwrap();
    }
    server.shutdown().await;
}

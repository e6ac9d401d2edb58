//! A peer and its server: ids, errors, coming back.

use crate::common::{PATIENCE, builder, next, next_of, open_peer, peer};
use crate::server::Server;
use confab_peerjs::{ConnectOptions, DataConnectionEvent, Peer, PeerErrorKind, PeerEvent, PeerEvents, ReconnectError};
use serde_json::json;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::time::{sleep, timeout};

/// The next event, which is an error.
async fn error(events: &mut PeerEvents) -> PeerErrorKind {
    match next(events).await {
        PeerEvent::Error(error) => error.kind,
        other => panic!("{other:?}"),
    }
}

async fn disconnected(events: &mut PeerEvents) -> Option<String> {
    match next(events).await {
        PeerEvent::Disconnected { id } => id,
        other => panic!("{other:?}"),
    }
}

async fn close(events: &mut PeerEvents) {
    assert!(matches!(next(events).await, PeerEvent::Close));
    assert!(timeout(PATIENCE, events.recv()).await.unwrap().is_none());
}

#[tokio::test]
async fn an_id_that_nobody_can_have_is_refused_before_anything_is_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    for id in ["", "a__b", "-a", "a.b", "é"] {
        let refused = Peer::builder().host("127.0.0.1").port(port).secure(false).id(id).build();
        assert_eq!(refused.unwrap_err().kind, PeerErrorKind::InvalidId);
    }
    assert!(timeout(Duration::from_millis(200), listener.accept()).await.is_err());
}

#[tokio::test]
async fn without_an_id_the_server_gives_one() {
    let server = Server::start().await;
    let (peer, mut events) = builder(&server).build().unwrap();
    assert_eq!((peer.id(), peer.open()), (None, false));
    assert!(matches!(next(&mut events).await, PeerEvent::Open { id } if id == "fresh-id"));
    assert_eq!((peer.id().as_deref(), peer.open()), (Some("fresh-id"), true));
}

#[tokio::test]
async fn a_taken_id_destroys_a_new_peer() {
    let server = Server::start().await;
    let (_first, _events) = open_peer(&server, "ann").await;
    let (second, mut events) = peer(&server, "ann");
    assert_eq!(error(&mut events).await, PeerErrorKind::UnavailableId);
    assert_eq!(disconnected(&mut events).await.as_deref(), Some("ann"));
    close(&mut events).await;
    assert!(second.destroyed() && second.disconnected() && !second.open());
    assert_eq!(second.reconnect(), Err(ReconnectError::Destroyed));
    let refused = second.connect("ben", ConnectOptions::default()).unwrap_err();
    assert_eq!(refused.kind, "peer-destroyed".parse().unwrap());
}

#[tokio::test]
async fn what_the_server_refuses_has_peerjs_names() {
    for (refusal, expected) in [
        (json!({ "type": "ERROR", "payload": { "msg": "Invalid key provided" } }), PeerErrorKind::ServerError),
        (json!({ "type": "INVALID-KEY" }), PeerErrorKind::InvalidKey),
    ] {
        let server = Server::start().await;
        server.refuse(refusal);
        let (_peer, mut events) = peer(&server, "ann");
        assert_eq!(error(&mut events).await, expected);
        disconnected(&mut events).await;
        close(&mut events).await;
    }
}

#[tokio::test]
async fn a_server_that_can_not_be_reached_disconnects_and_does_not_destroy() {
    let server = Server::start().await;
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let (peer, mut events) = builder(&server).id("ann").port(free).build().unwrap();
    assert_eq!(error(&mut events).await, PeerErrorKind::Network);
    assert_eq!(disconnected(&mut events).await.as_deref(), Some("ann"));
    assert!(peer.disconnected() && !peer.destroyed());
    // Without an id there is no peer yet.
    let (peer, mut events) = builder(&server).port(free).build().unwrap();
    assert_eq!(error(&mut events).await, PeerErrorKind::ServerError);
    assert_eq!(disconnected(&mut events).await, None);
    close(&mut events).await;
    assert!(peer.destroyed());
}

#[tokio::test]
async fn a_lost_server_is_told_and_the_peer_comes_back_under_its_id() {
    let server = Server::start().await;
    let (peer, mut events) = open_peer(&server, "ann").await;
    assert_eq!(peer.reconnect(), Err(ReconnectError::NotDisconnected));
    server.cut("ann");
    assert_eq!(error(&mut events).await, PeerErrorKind::Network);
    assert_eq!(disconnected(&mut events).await.as_deref(), Some("ann"));
    assert_eq!((peer.id(), peer.disconnected()), (None, true));
    let refused = peer.connect("ben", ConnectOptions::default()).unwrap_err();
    assert_eq!(refused.kind, PeerErrorKind::Disconnected);
    peer.reconnect().unwrap();
    assert!(matches!(next(&mut events).await, PeerEvent::Open { id } if id == "ann"));
    peer.disconnect();
    peer.disconnect();
    assert_eq!(disconnected(&mut events).await.as_deref(), Some("ann"));
    peer.reconnect().unwrap();
    assert!(matches!(next(&mut events).await, PeerEvent::Open { .. }));
    peer.destroy();
    disconnected(&mut events).await;
    close(&mut events).await;
}

#[tokio::test]
async fn a_takeover_without_a_word_is_an_open_peer() {
    let server = Server::start().await;
    let start = || builder(&server).id("ann").token("same").build().unwrap();
    let (_old, mut old_events) = start();
    assert!(matches!(next(&mut old_events).await, PeerEvent::Open { .. }));
    let (new, mut events) = start();
    assert!(matches!(next(&mut events).await, PeerEvent::Open { .. }));
    assert!(new.open());
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_who_is_not_there_is_told_and_the_connection_closes() {
    let server = Server::start().await;
    let (peer, mut events) = open_peer(&server, "ann").await;
    let (connection, mut of_connection) = peer.connect("ghost", ConnectOptions::default()).unwrap();
    assert_eq!(error(&mut events).await, PeerErrorKind::PeerUnavailable);
    assert_eq!(next_of(&mut of_connection).await, Some(DataConnectionEvent::Close));
    assert!(!connection.open());
    let refused = peer.connect("no.body", ConnectOptions::default()).unwrap_err();
    assert_eq!((refused.kind, peer.open()), (PeerErrorKind::InvalidId, true));
}

#[tokio::test]
async fn the_list_of_peers_comes_where_the_server_tells_it() {
    let server = Server::start().await;
    let (peer, mut events) = open_peer(&server, "ann").await;
    assert_eq!(peer.list_all_peers().await.unwrap_err().kind, PeerErrorKind::ServerError);
    assert_eq!(error(&mut events).await, PeerErrorKind::ServerError);
    assert!(peer.open());
    server.allow_discovery();
    assert_eq!(peer.list_all_peers().await.unwrap(), ["ann"]);
}

#[tokio::test]
async fn heartbeats_keep_the_id_alive() {
    let server = Server::start().await;
    let (_peer, _events) = builder(&server).id("ann").ping_interval(Duration::from_millis(100)).build().unwrap();
    let beats = async {
        while server.received("HEARTBEAT").len() < 3 {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, beats).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn rubbish_of_the_server_changes_nothing() {
    let server = Server::start().await;
    let (peer, mut events) = open_peer(&server, "ann").await;
    let offer = |payload: serde_json::Value| json!({ "type": "OFFER", "src": "eve", "payload": payload }).to_string();
    let sdp = json!({ "type": "offer", "sdp": "v=0\r\n" });
    for frame in [
        "null".to_owned(),
        "{".to_owned(),
        json!({ "type": "OFFER" }).to_string(),
        json!({ "type": "ANSWER", "src": "eve", "payload": { "connectionId": "x", "sdp": sdp } }).to_string(),
        offer(json!({ "type": "data", "connectionId": "c", "sdp": sdp })),
        offer(json!({ "type": "data", "connectionId": "c", "sdp": sdp, "serialization": "other" })),
    ] {
        server.push("ann", &frame);
    }
    for number in 0..500 {
        let candidate = json!({ "candidate": "candidate:1 1 udp 1 192.0.2.1 9 typ host", "sdpMLineIndex": 0 });
        let payload = json!({ "type": "data", "connectionId": number.to_string(), "candidate": candidate });
        server.push("ann", &json!({ "type": "CANDIDATE", "src": "eve", "payload": payload }).to_string());
    }
    server.push("ann", r#"{"type":"EXPIRE","src":"last"}"#);
    assert_eq!(error(&mut events).await, PeerErrorKind::PeerUnavailable);
    assert!(peer.open() && peer.connections().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn one_remote_has_so_many_connections_and_its_leave_closes_them() {
    let server = Server::start().await;
    let (peer, mut events) = open_peer(&server, "ann").await;
    for number in 0..60 {
        let sdp = json!({ "type": "offer", "sdp": "v=0\r\n" });
        let payload = json!({ "type": "media", "connectionId": number.to_string(), "sdp": sdp });
        server.push("ann", &json!({ "type": "OFFER", "src": "eve", "payload": payload }).to_string());
    }
    server.push("ann", r#"{"type":"LEAVE","src":"eve"}"#);
    server.push("ann", r#"{"type":"EXPIRE","src":"last"}"#);
    let mut calls = 0;
    loop {
        match next(&mut events).await {
            PeerEvent::Call { .. } => calls += 1,
            PeerEvent::Error(_) => break,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(calls, 32);
    assert!(peer.connections().is_empty());
}

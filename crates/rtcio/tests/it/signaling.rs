//! Signaling: servers that are not there or no Confab, and a server that goes and comes back during a call.

use crate::common::{Member, PATIENCE, pair, server, server_at};
use confab_rtcio::{AckError, ConnectErrorKind, Event, Events, Socket};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::time::timeout;
use url::Url;

async fn first_error(events: &mut Events) -> ConnectErrorKind {
    match timeout(PATIENCE, events.recv()).await.expect("an event").expect("no end") {
        Event::ConnectError { error } => error.kind,
        other => panic!("{other:?}"),
    }
}

/// A server that answers everything with `response` and closes.
async fn foreign(response: &'static str) -> Url {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = Url::parse(&format!("http://{}/", listener.local_addr().unwrap())).unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = [0; 4096];
            if stream.read(&mut request).await.is_err() {
                continue;
            }
            stream.write_all(response.as_bytes()).await.ok();
        }
    });
    url
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreachable_server_is_told_from_one_that_is_no_confab() {
    crate::common::logging();
    let nobody = {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Url::parse(&format!("http://{}/", listener.local_addr().unwrap())).unwrap()
    };
    let cases = [
        (nobody, ConnectErrorKind::Unreachable),
        (foreign("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n").await, ConnectErrorKind::NotAServer),
        (foreign("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello").await, ConnectErrorKind::NotAServer),
        (foreign("HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n").await, ConnectErrorKind::Unreachable),
        (foreign("HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n").await, ConnectErrorKind::Refused),
        (foreign("SSH-2.0-OpenSSH_9.2\r\n").await, ConnectErrorKind::NotAServer),
    ];
    for (url, kind) in cases {
        let (socket, mut events) = Socket::builder(url.clone()).force_new(true).connect();
        assert_eq!(first_error(&mut events).await, kind, "{url}");
        // It keeps trying.
        assert_eq!(first_error(&mut events).await, kind, "{url}");
        assert_eq!(socket.server().emit_with_ack("join-room", vec![]).await, Err(AckError::Offline));
        socket.close().await;
        assert!(events.recv().await.is_none());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn acknowledgements_come_to_those_who_asked() {
    let (server, url) = server().await;
    let ann = Member::join(&url, "acks", "Ann").await;
    let server_side = ann.socket.server();
    let asks = (0..8).map(|_| server_side.emit_with_ack("ask-ice", vec![json!({})]));
    for answer in futures_util::future::join_all(asks).await {
        assert!(answer.unwrap()[0].get("iceServers").is_some());
    }
    ann.socket.close().await;
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_of_the_server_does_not_end_the_call() {
    let (server, url) = server().await;
    let address = server.local_addr();
    let (mut ann, mut ben) = pair(&url, "restart").await;
    server.shutdown().await;
    for member in [&mut ann, &mut ben] {
        member.wait("disconnected", |event| matches!(event, Event::Disconnected { .. }).then_some(())).await;
    }
    ann.socket.emit("chat", vec![json!("without a server")]).await.unwrap();
    ben.message(&ann.id, "chat").await;

    let (server, _) = server_at(address).await;
    for member in [&mut ann, &mut ben] {
        member.wait("connected", |event| matches!(event, Event::Connected { reconnect: true }).then_some(())).await;
    }
    ben.socket.emit("chat", vec![json!("and with one")]).await.unwrap();
    ann.message(&ben.id, "chat").await;
    let gone = |event: &&Event| matches!(event, Event::PeerDisconnect { .. } | Event::PeerState { .. });
    for member in [&mut ann, &mut ben] {
        let bad: Vec<_> = member.seen().iter().filter(gone).map(|event| format!("{event:?}")).collect();
        assert!(bad.iter().all(|event| !event.contains("Disconnect") && !event.contains("Reconnecting")), "{bad:?}");
    }
    ann.socket.close().await;
    ben.socket.close().await;
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_that_comes_back_keeps_its_peers_and_negotiates_on() {
    use confab_rtcio::{LocalTrack, RtcioStream};
    let (server, url) = server().await;
    let address = server.local_addr();
    let (mut ann, mut ben) = pair(&url, "resume").await;
    server.shutdown().await;
    for member in [&mut ann, &mut ben] {
        member.wait("disconnected", |event| matches!(event, Event::Disconnected { .. }).then_some(())).await;
    }
    // Added without a server: offered when there is one again.
    let stream = RtcioStream::new();
    stream.add_track(&LocalTrack::audio());
    ann.socket.emit_stream("camera", vec![json!(stream.placeholder())], &stream).await.unwrap();

    let (server, _) = server_at(address).await;
    // This server has a new key and gives new ids, so the members are strangers to it and get new connections; the old ones
    // end then, because each told the other over them who it is now.
    let before = [ann.id.clone(), ben.id.clone()];
    for member in [&mut ann, &mut ben] {
        member.wait("connected", |event| matches!(event, Event::Connected { reconnect: true }).then_some(())).await;
        member.rejoin(json!({ "roomId": "resume", "name": "again" })).await;
    }
    assert!(!before.contains(&ann.id) && !before.contains(&ben.id));
    ben.peer_connect(&ann.id).await;
    let track = ben.track(&ann.id).await;
    assert_eq!(track.msid(), stream.msid());
    ann.peer_connect(&ben.id).await;
    ann.peer_disconnect(&before[1]).await;
    ben.peer_disconnect(&before[0]).await;
    assert_eq!(ann.socket.peers().await, [ben.id.clone()]);
    assert_eq!(ben.socket.peers().await, [ann.id.clone()]);
    ben.socket.emit("chat", "the new connection").await.unwrap();
    ann.message(&ben.id, "chat").await;
    let again = |event: &Event| matches!(event, Event::PeerConnect { .. } | Event::PeerDisconnect { .. });
    for member in [&mut ann, &mut ben] {
        assert!(!member.seen().iter().any(again), "{:?}", member.seen());
    }
    ann.socket.close().await;
    ben.socket.close().await;
    server.shutdown().await;
}

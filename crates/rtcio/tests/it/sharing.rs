//! Several sockets in one process: to two servers, and to one.

use crate::common::node::{Node, connected};
use crate::common::{Member, PATIENCE, server};
use confab_rtcio::{Event, LocalTrack, Reconnection, RtcioStream, Socket};
use serde_json::json;
use std::sync::atomic::Ordering;
use tokio::time::timeout;

#[tokio::test(flavor = "multi_thread")]
async fn sockets_to_two_servers_have_peers_of_their_own_and_one_stream_goes_to_both() {
    let (first, first_url) = server().await;
    let (second, second_url) = server().await;
    let mut left = Member::join(&first_url, "left", "Ann").await;
    let mut right = Member::join(&second_url, "right", "Ann").await;
    let stream = RtcioStream::new();
    stream.add_track(&LocalTrack::audio());
    left.socket.emit("camera", &stream).await.unwrap();
    right.socket.emit("camera", &stream).await.unwrap();

    let mut ben = Member::join(&first_url, "left", "Ben").await;
    let mut cleo = Member::join(&second_url, "right", "Cleo").await;
    ben.peer_connect(&left.id).await;
    cleo.peer_connect(&right.id).await;
    left.peer_connect(&ben.id).await;
    right.peer_connect(&cleo.id).await;
    assert_eq!(ben.track(&left.id).await.msid(), stream.msid());
    assert_eq!(cleo.track(&right.id).await.msid(), stream.msid());
    assert_eq!(left.socket.peers().await, [ben.id.clone()]);
    assert_eq!(right.socket.peers().await, [cleo.id.clone()]);

    // One going leaves the other alone.
    left.socket.close().await;
    ben.peer_disconnect(&left.id).await;
    right.socket.emit("chat", "still here").await.unwrap();
    cleo.message(&right.id, "chat").await;
    for member in [&right, &ben, &cleo] {
        member.socket.close().await;
    }
    first.shutdown().await;
    second.shutdown().await;
}

/// Number of the connection that the socket has.
async fn connection(socket: &Socket) -> u64 {
    socket.server().emit_with_ack("who", ()).await.unwrap()[0].as_u64().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_server_twice_is_one_connection_unless_told_otherwise() {
    let node = Node::start().await;
    let (first, mut events) = Socket::builder(node.url.clone()).connect();
    let Some(Event::Connected { reconnect: false }) = timeout(PATIENCE, events.recv()).await.unwrap() else {
        panic!("not connected")
    };
    // Who comes later is told what it missed.
    let (second, mut later) = Socket::builder(node.url.clone()).build();
    let Some(Event::Connected { reconnect: false }) = timeout(PATIENCE, later.recv()).await.unwrap() else {
        panic!("not told")
    };
    assert_eq!((connection(&first).await, connection(&second).await), (1, 1));
    // Listeners of both hear.
    let (mut one, mut two) = (first.server().on("echoed"), second.server().on("echoed"));
    second.server().emit("echo", "both").await.unwrap();
    assert_eq!(timeout(PATIENCE, one.recv()).await.unwrap().unwrap().args, [json!("both")]);
    assert_eq!(timeout(PATIENCE, two.recv()).await.unwrap().unwrap().args, [json!("both")]);
    assert_eq!(node.accepted.load(Ordering::SeqCst), 1);

    let own = connected(Socket::builder(node.url.clone()).force_new(true)).await;
    let other = connected(Socket::builder(node.url.clone()).auth(json!({ "token": "another" }))).await;
    assert_eq!(connection(&own).await + connection(&other).await, 2 + 3);
    // It lives as long as one of both does.
    drop((first, events));
    assert_eq!(second.server().emit_with_ack("echo-ack", "alive").await.unwrap(), [json!("alive")]);
    second.close().await;
    // And what is closed is not handed out again.
    let third = connected(Socket::builder(node.url.clone())).await;
    assert_eq!(connection(&third).await, 4);
    for socket in [own, other, third] {
        socket.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn attempts_end_where_the_options_say_so_and_connect_begins_anew() {
    crate::common::logging();
    let url = {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        url::Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap()
    };
    let reconnection =
        Reconnection { attempts: Some(1), delay: std::time::Duration::from_millis(10), ..Reconnection::default() };
    let (socket, mut events) =
        Socket::builder(url).reconnection(reconnection).force_new(true).auto_connect(false).build();
    for _ in 0..2 {
        socket.connect();
        for _ in 0..2 {
            let event = timeout(PATIENCE, events.recv()).await.unwrap();
            assert!(matches!(event, Some(Event::ConnectError { .. })), "{event:?}");
        }
    }
    socket.close().await;
    assert!(events.recv().await.is_none());
}

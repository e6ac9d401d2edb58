//! `on`, `once` and `off`: of all peers, of one peer, of the server.

use crate::common::{Member, PATIENCE, pair, server};
use confab_rtcio::{Listener, LocalTrack, RtcioStream};
use serde_json::{Value, json};
use tokio::time::timeout;

async fn next<M>(listener: &mut Listener<M>) -> Option<M> {
    timeout(PATIENCE, listener.recv()).await.expect("an event or an end")
}

#[tokio::test(flavor = "multi_thread")]
async fn global_listeners_and_those_of_the_peer_both_fire() {
    let (server, url) = server().await;
    let (ann, ben) = pair(&url, "both-fire").await;
    let mut cleo = Member::join(&url, "both-fire", "Cleo").await;
    cleo.peer_connect(&ann.id).await;
    cleo.peer_connect(&ben.id).await;
    let mut all = cleo.socket.on("chat");
    let mut anns = cleo.socket.peer(&ann.id).on("chat");
    let mut bens = cleo.socket.peer(&ben.id).on("chat");

    ann.socket.emit("chat", vec![json!("a"), json!(1)]).await.unwrap();
    let message = next(&mut all).await.unwrap();
    assert_eq!((message.peer.as_str(), message.event.as_str()), (ann.id.as_str(), "chat"));
    assert_eq!(message.args, [json!("a"), json!(1)]);
    assert_eq!(next(&mut anns).await.unwrap().args, [json!("a"), json!(1)]);
    ben.socket.peer(&cleo.id).emit("chat", "b").await.unwrap();
    assert_eq!(next(&mut all).await.unwrap().peer, ben.id);
    assert_eq!(next(&mut bens).await.unwrap().args, [json!("b")]);
    assert!(anns.try_recv().is_none());

    // Those of Ann end with her; the others stay.
    ann.socket.close().await;
    assert!(next(&mut anns).await.is_none());
    ben.socket.emit("chat", "c").await.unwrap();
    assert_eq!(next(&mut all).await.unwrap().args, [json!("c")]);
    assert_eq!(next(&mut bens).await.unwrap().args, [json!("c")]);
    cleo.socket.close().await;
    assert!(next(&mut all).await.is_none());
    assert!(next(&mut bens).await.is_none());
    assert!(next(&mut cleo.socket.on("chat")).await.is_none());
    ben.socket.close().await;
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn once_takes_one_and_off_takes_none() {
    let (server, url) = server().await;
    let (ann, ben) = pair(&url, "once").await;
    let first = ben.socket.once("chat");
    let of_ann = ben.socket.peer(&ann.id).once("chat");
    let off = ben.socket.on("chat");
    off.off();
    let mut all = ben.socket.on("chat");
    for number in 0..3 {
        ann.socket.emit("chat", json!(number)).await.unwrap();
    }
    for number in 0..3 {
        assert_eq!(next(&mut all).await.unwrap().args, [json!(number)]);
    }
    assert_eq!(first.await.unwrap().args, [json!(0)]);
    assert_eq!(of_ann.await.unwrap().args, [json!(0)]);
    // One that waits for a peer that goes is not left waiting.
    let never = ben.socket.peer(&ann.id).once("never");
    ann.socket.close().await;
    assert!(timeout(PATIENCE, never).await.unwrap().is_none());
    ben.socket.close().await;
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn listeners_hear_of_peers_streams_and_tracks() {
    let (server, url) = server().await;
    let ann = Member::join(&url, "hear", "Ann").await;
    let mut connects = ann.socket.on("peer-connect");
    let mut disconnects = ann.socket.on("peer-disconnect");
    let mut cameras = ann.socket.on("camera");
    let mut added = ann.socket.on("track-added");
    let mut removed = ann.socket.on("track-removed");
    let ben = Member::join(&url, "hear", "Ben").await;
    assert_eq!(next(&mut connects).await.unwrap().args, [json!({ "id": ben.id })]);

    let stream = RtcioStream::new();
    let (voice, second) = (LocalTrack::audio(), LocalTrack::audio());
    stream.add_track(&voice);
    ben.socket.emit("camera", stream.args([json!({ "stream": &stream, "name": "Ben" })])).await.unwrap();
    let camera = next(&mut cameras).await.unwrap();
    assert_eq!(camera.stream.unwrap().id.as_deref(), Some(stream.id()));
    assert_eq!(camera.args[0]["name"], json!("Ben"));

    stream.add_track(&second);
    let message = next(&mut added).await.unwrap();
    assert_eq!(message.args, [json!({ "peerId": ben.id })]);
    assert_eq!(message.stream.unwrap().msid, stream.msid());
    assert_eq!(message.track.unwrap().msid(), stream.msid());
    stream.remove_track(&second);
    assert_eq!(next(&mut removed).await.unwrap().args, [json!({ "peerId": ben.id })]);

    ben.socket.close().await;
    assert_eq!(next(&mut disconnects).await.unwrap().args, [json!({ "id": ben.id })]);
    assert!(connects.try_recv().is_none());
    ann.socket.close().await;
    server.shutdown().await;
}

/// Nobody reads, neither the listener nor the feed of all events, and the peer goes on.
#[tokio::test(flavor = "multi_thread")]
async fn a_listener_that_nobody_reads_holds_up_no_peer() {
    let (server, url) = server().await;
    let (ann, ben) = pair(&url, "unread").await;
    let (ann, ben) = (ann.socket, ben.into_socket());
    let unread = ben.on("count");
    let mut last = ben.on("last");
    // Below the rate at which a peer counts as flooding.
    for number in 0..400 {
        ann.emit("count", json!(number)).await.unwrap();
    }
    ann.emit("last", ()).await.unwrap();
    assert_eq!(next(&mut last).await.unwrap().args, Vec::<Value>::new());
    assert_eq!(unread.dropped(), 0);
    ann.close().await;
    ben.close().await;
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_has_listeners_of_its_own() {
    let (server, url) = server().await;
    let (socket, _) = confab_rtcio::Socket::builder(url.clone()).force_new(true).auto_connect(false).build();
    let connected = socket.server().once("connect");
    let mut members = socket.server().on("user-connected");
    let mut pretended = socket.on("user-connected");
    socket.connect();
    connected.await.unwrap();
    assert!(socket.is_connected());
    let answer = socket.server().emit_with_ack("join-room", json!({ "roomId": "own" })).await.unwrap();
    socket.set_id(answer[0]["id"].as_str().unwrap());
    let mut ben = Member::join(&url, "own", "Ben").await;
    let member = next(&mut members).await.unwrap();
    assert_eq!(member.args[0]["id"], json!(ben.id));
    // A peer that uses the server's words is heard as a peer only.
    ben.peer_connect(&socket.id().unwrap()).await;
    ben.socket.emit("user-connected", json!({ "id": "nobody" })).await.unwrap();
    assert_eq!(next(&mut pretended).await.unwrap().args[0]["id"], json!("nobody"));
    assert!(members.try_recv().is_none());
    socket.close().await;
    assert!(next(&mut members).await.is_none());
    ben.socket.close().await;
    server.shutdown().await;
}

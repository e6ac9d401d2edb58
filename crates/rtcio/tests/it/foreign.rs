//! A server that only does what rtc.io's documentation shows, with npm's socket.io: it answers no joins and tells no ids.

use crate::common::{Camera, Member, PATIENCE, watch_frames};
use confab_rtcio::{AckError, Codec, Event, LocalTrack, RtcioStream, Socket};
use confab_testkit::stock_server::StockServer;
use confab_testkit::tcp_proxy::TcpProxy;
use serde_json::json;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;
use tokio::time::timeout;
use url::Url;

fn url(text: &str) -> Url {
    Url::parse(text).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn members_meet_see_each_other_and_write_and_one_comes_late() {
    let server = StockServer::start().await.unwrap();
    let url = url(&server.url());
    let mut members = Vec::new();
    let mut cameras = Vec::new();
    for name in ["Ann", "Ben"] {
        let (socket, events) = Socket::builder(url.clone()).force_new(true).connect();
        let stream = RtcioStream::new();
        let video = LocalTrack::video(Codec::Vp8);
        stream.add_track(&video);
        socket.emit("camera", stream.args([json!({ "stream": &stream, "name": name })])).await.unwrap();
        cameras.push(Camera::start(&video, 3_000));
        members.push(Member::enter_unanswered(socket, events, "stock", name).await);
    }
    let [mut ann, mut ben] = <[Member; 2]>::try_from(members).ok().unwrap();
    assert_ne!(ann.id, ben.id);
    let ids = [ben.id.clone(), ann.id.clone()];
    for (member, other) in [&mut ann, &mut ben].into_iter().zip(ids) {
        member.peer_connect(&other).await;
        let track = member.track(&other).await;
        watch_frames(&track, 3_000, 20).await;
    }
    // Each knows under which id the other knows it.
    ann.socket.emit("chat", json!("to Ben")).await.unwrap();
    assert_eq!(ben.message(&ann.id, "chat").await, [json!("to Ben")]);
    ben.socket.peer(&ann.id).emit("chat", json!("to Ann")).await.unwrap();
    assert_eq!(ann.message(&ben.id, "chat").await, [json!("to Ann")]);

    let mut cat = Member::join_unanswered(&url, "stock", "Cat").await;
    for member in [&mut ann, &mut ben] {
        member.peer_connect(&cat.id).await;
    }
    for id in [ann.id.clone(), ben.id.clone()] {
        cat.peer_connect(&id).await;
        let track = cat.track(&id).await;
        watch_frames(&track, 3_000, 10).await;
    }
    // It is not told apart from a page that leaves.
    let gone = cat.id.clone();
    cat.socket.close().await;
    ann.peer_disconnect(&gone).await;
    ben.peer_disconnect(&gone).await;
    ann.socket.close().await;
    ben.socket.close().await;
    server.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_whose_line_breaks_comes_back_as_somebody_new() {
    let server = StockServer::start().await.unwrap();
    let line = TcpProxy::to(SocketAddr::from((Ipv4Addr::LOCALHOST, server.port))).await.unwrap();
    let mut ann = Member::join_unanswered(&url(&server.url()), "back", "Ann").await;
    let mut ben = Member::join_unanswered(&url(&line.url()), "back", "Ben").await;
    ann.peer_connect(&ben.id).await;
    ben.peer_connect(&ann.id).await;
    let old = ben.id.clone();
    line.cut();
    ben.wait("disconnected", |event| matches!(event, Event::Disconnected { .. }).then_some(())).await;
    ann.socket.emit("chat", json!("without a server")).await.unwrap();
    ben.message(&ann.id, "chat").await;
    line.mend();
    ben.rejoin_unanswered(true, "back", "Ben").await;
    assert_ne!(ben.id, old);
    // A new connection under the new id; the old one ends.
    ann.peer_connect(&ben.id).await;
    ann.peer_disconnect(&old).await;
    let writing = async {
        loop {
            ann.socket.peer(&ben.id).emit("chat", json!("once more")).await.unwrap();
            let heard = ben.message(&ann.id, "chat");
            if timeout(Duration::from_secs(1), heard).await.is_ok() {
                break;
            }
        }
    };
    timeout(PATIENCE, writing).await.expect("words over the new connection");
    assert_eq!(ann.socket.peers().await, [ben.id.clone()]);
    ann.socket.close().await;
    ben.socket.close().await;
    server.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_the_server_and_its_goodbye_are_noticed_and_it_is_found_again() {
    let server = StockServer::start().await.unwrap();
    let (address, port) = (url(&server.url()), server.port);
    let mut ann = Member::join_unanswered(&address, "ends", "Ann").await;
    ann.socket.server().emit("put-out", ()).await.unwrap();
    ann.wait("disconnected", |event| matches!(event, Event::Disconnected { .. }).then_some(())).await;
    ann.rejoin_unanswered(true, "ends", "Ann").await;
    server.stop().await.unwrap();
    ann.wait("disconnected", |event| matches!(event, Event::Disconnected { .. }).then_some(())).await;
    let server = StockServer::start_on(port).await.unwrap();
    ann.rejoin_unanswered(true, "ends", "Ann").await;
    ann.socket.close().await;
    server.stop().await.unwrap();
}

/// The program of the crate's front page must not hang, wherever it is run.
#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_the_server_does_not_know_ends_in_its_time() {
    let server = StockServer::start().await.unwrap();
    let ann = Member::join_unanswered(&url(&server.url()), "time", "Ann").await;
    let asks = (0..3)
        .map(|_| async { ann.socket.server().emit_with_ack_timeout("unknown", (), Duration::from_millis(200)).await });
    let answers = timeout(PATIENCE, futures_util::future::join_all(asks)).await.expect("an end");
    assert!(answers.iter().all(|answer| *answer == Err(AckError::Timeout)), "{answers:?}");
    ann.socket.close().await;
    server.stop().await.unwrap();
}

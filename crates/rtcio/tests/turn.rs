//! Relays of a real TURN server (coturn) over UDP, TCP and TLS, and what happens when there is none.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::{Camera, Member, server, watch_frames};
use confab_rtcio::{Codec, Event, IceServer, IceTransportPolicy, LocalTrack, RtcioStream, Socket};
use confab_testkit::turn::{CREDENTIAL, TurnServer, USER};
use serde_json::json;
use url::Url;

fn relay(url: &str, credential: &str) -> IceServer {
    IceServer { urls: vec![url.to_owned()], username: Some(USER.to_owned()), credential: Some(credential.to_owned()) }
}

/// Joins with these servers and no other path.
async fn join(url: &Url, name: &str, servers: Vec<IceServer>, certificate: Option<&str>) -> Member {
    let mut builder = Socket::builder(url.clone()).ice_servers(servers).ice_transport_policy(IceTransportPolicy::Relay);
    if let Some(certificate) = certificate {
        builder = builder.turn_root_certificate(certificate.as_bytes()).unwrap();
    }
    let (socket, events) = builder.connect();
    Member::enter(socket, events, "relay", name).await
}

/// Waits for the event about a server that can't be used.
async fn ice_error(member: &mut Member, wanted: &str) -> (u16, String) {
    let wanted = wanted.to_owned();
    member
        .wait("ice-candidate-error", move |event| match event {
            Event::IceCandidateError { url, code, text, .. } if *url == wanted => Some((*code, text.clone())),
            _ => None,
        })
        .await
}

/// Both sides are relayed: events and a camera pass.
async fn call_over(ann: &mut Member, ben: &mut Member) {
    ann.peer_connect(&ben.id).await;
    ben.peer_connect(&ann.id).await;
    ann.socket.emit("hello", vec![json!("x".repeat(20_000))]).await.unwrap();
    assert_eq!(ben.message(&ann.id, "hello").await[0].as_str().unwrap().len(), 20_000);
    let (stream, video) = (RtcioStream::new(), LocalTrack::video(Codec::Vp8));
    stream.add_track(&video);
    let _camera = Camera::start(&video, 3_000);
    let args = vec![json!({ "stream": stream.placeholder() })];
    ann.socket.emit_stream("camera", args, &stream).await.unwrap();
    watch_frames(&ben.track(&ann.id).await, 3_000, 30).await;
    for member in [ann, ben] {
        let reports = member.socket.peer_stats().await;
        assert_eq!(reports[0].path, "relay", "{reports:?}");
    }
}

async fn relayed_call(url_of: impl Fn(&TurnServer) -> String) {
    let (server, url) = server().await;
    let mut turn = TurnServer::start().await.unwrap();
    let servers = vec![relay(&url_of(&turn), CREDENTIAL)];
    let mut ann = join(&url, "Ann", servers.clone(), Some(&turn.certificate)).await;
    let mut ben = join(&url, "Ben", servers, Some(&turn.certificate)).await;
    call_over(&mut ann, &mut ben).await;
    ann.socket.close().await;
    ben.socket.close().await;
    // The relays were given back, not left to expire.
    turn.wait_for("the release of a relay", |line| line.contains("refreshed") && line.contains("lifetime=0"))
        .await
        .unwrap();
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_is_relayed_over_udp() {
    relayed_call(|turn| turn.url("udp")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_is_relayed_over_tcp() {
    relayed_call(|turn| turn.url("tcp")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_is_relayed_over_tls() {
    relayed_call(TurnServer::tls_url).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_that_cannot_be_used_are_named_and_the_call_goes_over_another() {
    let (server, url) = server().await;
    let turn = TurnServer::start().await.unwrap();
    let gone = confab_testkit::turn::free_port().unwrap();
    let dead = [format!("turn:127.0.0.1:{gone}?transport=tcp"), format!("turn:127.0.0.1:{gone}?transport=udp")];
    let nameless = "turn:no-such-host.invalid:3478?transport=tcp";
    let mut servers = vec![relay(&turn.url("tcp"), "wrong"), relay(&turn.tls_url(), CREDENTIAL)];
    servers.extend(dead.iter().map(|url| relay(url, CREDENTIAL)));
    servers.push(relay(nameless, CREDENTIAL));
    servers.push(relay(&turn.url("udp"), CREDENTIAL));
    // Nobody told these two to trust the server's certificate.
    let mut ann = join(&url, "Ann", servers.clone(), None).await;
    let mut ben = join(&url, "Ben", servers, None).await;
    call_over(&mut ann, &mut ben).await;
    for member in [&mut ann, &mut ben] {
        let (code, text) = ice_error(member, &turn.url("tcp")).await;
        assert_eq!(code, 401, "{text}");
        let (code, text) = ice_error(member, &turn.tls_url()).await;
        assert!(code == 701 && text.contains("certificate"), "{text}");
        for dead in &dead {
            let (code, text) = ice_error(member, dead).await;
            assert!(code == 701 && text.contains("reached"), "{text}");
        }
        let (code, text) = ice_error(member, nameless).await;
        assert!(code == 701 && text.contains("name"), "{text}");
    }
    ann.socket.close().await;
    ben.socket.close().await;
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_says_nothing_is_named() {
    let (server, url) = server().await;
    let turn = TurnServer::start().await.unwrap();
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let silent_url = format!("turn:{}?transport=tcp", silent.local_addr().unwrap());
    let servers = vec![relay(&silent_url, CREDENTIAL), relay(&turn.url("tcp"), CREDENTIAL)];
    let mut ann = join(&url, "Ann", servers, None).await;
    let mut ben = join(&url, "Ben", vec![relay(&turn.url("udp"), CREDENTIAL)], None).await;
    ann.peer_connect(&ben.id).await;
    let (code, text) = ice_error(&mut ann, &silent_url).await;
    assert!(code == 701 && text.contains("answer"), "{text}");
    ben.peer_connect(&ann.id).await;
    server.shutdown().await;
}

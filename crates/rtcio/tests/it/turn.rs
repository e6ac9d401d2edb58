//! Relays of a real TURN server (coturn) over UDP, TCP and TLS, and what happens when there is none.

use crate::common::bystander::enter;
use crate::common::{Camera, Member, PATIENCE, server, watch_frames};
use confab_rtcio::{Codec, Event, IceCandidateStats, IceServer, IceTransportPolicy, LocalTrack, RtcioStream, Socket};
use confab_server::{ServerConfig, TurnConfig};
use confab_testkit::browser::Browser;
use confab_testkit::turn::{CREDENTIAL, TurnServer, USER};
use confab_wire::signaling::{JOIN_ROOM, Signal};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::timeout;
use url::Url;

fn relay(url: &str, credential: &str) -> IceServer {
    IceServer { urls: vec![url.to_owned()], username: Some(USER.to_owned()), credential: Some(credential.to_owned()) }
}

/// Joins with these servers and no other path.
async fn join(url: &Url, name: &str, servers: Vec<IceServer>, certificate: Option<&str>) -> Member {
    let mut builder = Socket::builder(url.clone())
        .force_new(true)
        .ice_servers(servers)
        .ice_transport_policy(IceTransportPolicy::Relay);
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

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_is_lost_is_allocated_again() {
    let (server, url) = server().await;
    let turn = TurnServer::start().await.unwrap();
    let servers = vec![relay(&turn.url("tcp"), CREDENTIAL)];
    let mut ann = join(&url, "Ann", servers.clone(), None).await;
    let mut ben = join(&url, "Ben", servers, None).await;
    ann.peer_connect(&ben.id).await;
    ben.peer_connect(&ann.id).await;
    let (port, tls_port, turn_url) = (turn.port, turn.tls_port, turn.url("tcp"));
    turn.kill().await.unwrap();
    let turn = TurnServer::start_on(port, tls_port).await.unwrap();
    assert_eq!(ice_error(&mut ann, &turn_url).await.0, 701);
    assert_eq!(ice_error(&mut ben, &turn_url).await.0, 701);
    // What is said in the meantime arrives when there is a way again.
    ann.socket.emit("still here", vec![json!(1)]).await.unwrap();
    ben.message(&ann.id, "still here").await;
    assert!(turn.log().iter().any(|line| line.contains("ALLOCATE processed, success")), "{:#?}", turn.log());
    ann.socket.close().await;
    ben.socket.close().await;
    server.shutdown().await;
}

/// Every candidate line and description that is told until the candidates end.
async fn told(signals: &mut mpsc::UnboundedReceiver<Value>) -> (String, Vec<String>) {
    let (mut sdp, mut candidates) = (String::new(), Vec::new());
    loop {
        let signal = timeout(PATIENCE, signals.recv()).await.unwrap().unwrap();
        match Signal::parse(&signal["data"]).unwrap() {
            Signal::Description(description) => sdp = description.sdp,
            Signal::Candidate(candidate) if candidate.candidate.is_empty() => return (sdp, candidates),
            Signal::Candidate(candidate) => candidates.push(candidate.candidate),
            _ => {}
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn with_relays_only_no_address_of_this_computer_is_told() {
    let (server, url) = server().await;
    let turn = TurnServer::start().await.unwrap();
    let stun = IceServer { urls: vec![format!("stun:127.0.0.1:{}", turn.port)], username: None, credential: None };
    let servers = vec![stun, relay(&turn.url("udp"), CREDENTIAL), relay(&turn.url("tcp"), CREDENTIAL)];
    let ann = join(&url, "Ann", servers, None).await;
    let (eve, _, mut signals) = enter(&url, "relay").await;
    let (sdp, candidates) = told(&mut signals).await;
    assert!(candidates.len() >= 2, "{candidates:?}");
    for candidate in &candidates {
        assert!(candidate.ends_with("typ relay raddr 0.0.0.0 rport 0"), "{candidate}");
    }
    let told = format!("{sdp}{}", candidates.concat());
    for interface in if_addrs::get_if_addrs().unwrap().iter().filter(|interface| !interface.is_loopback()) {
        assert!(!told.contains(&interface.ip().to_string()), "{told}");
    }
    eve.disconnect().await.ok();

    // Said again, with what was gathered since: the server came back.
    let (eve, _, mut signals) = enter(&url, "relay").await;
    let (sdp, _) = self::told(&mut signals).await;
    assert!(sdp.lines().filter(|line| line.starts_with("a=candidate")).all(|line| line.contains("typ relay")), "{sdp}");
    eve.disconnect().await.ok();
    ann.socket.close().await;
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_relays_only_and_no_relay_there_is_a_reason_and_no_connection() {
    let (server, url) = server().await;
    let mut ann = join(&url, "Ann", Vec::new(), None).await;
    let (eve, _, mut signals) = enter(&url, "relay").await;
    let (code, text) = ice_error(&mut ann, "").await;
    assert!(code == 701 && text.contains("no TURN server"), "{text}");
    eve.disconnect().await.ok();
    ann.socket.close().await;
    server.shutdown().await;
    assert!(signals.try_recv().is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_signaling_server_is_asked_for_ice_servers() {
    let turn = TurnConfig {
        secret: "north".into(),
        urls: vec!["turn:turn.example.org?transport=tcp".into(), "turns:turn.example.org".into()],
        ttl: Duration::from_secs(600),
    };
    let config = ServerConfig {
        listen: "127.0.0.1:0".parse().unwrap(),
        stun: vec!["stun:stun.example.org".into()],
        turn: Some(turn),
        ..ServerConfig::default()
    };
    let server = confab_server::Server::bind(config).await.unwrap();
    let url = Url::parse(&format!("http://{}", server.local_addr())).unwrap();
    let (socket, mut events) = Socket::builder(url).connect();
    assert!(matches!(timeout(PATIENCE, events.recv()).await.unwrap(), Some(Event::Connected { .. })));
    let servers = socket.ask_ice().await.unwrap();
    assert_eq!(
        (servers.len(), &*servers[0].urls),
        (1, &["stun:stun.example.org".to_owned()][..]),
        "a stranger gets no relay"
    );
    socket.server().emit_with_ack(JOIN_ROOM, vec![json!({ "roomId": "ice", "name": "Ann" })]).await.unwrap();
    let servers = socket.ask_ice().await.unwrap();
    assert_eq!(servers[1].urls, ["turn:turn.example.org?transport=tcp", "turns:turn.example.org"]);
    let credential = servers[1].credential.clone().unwrap();
    assert!(!format!("{servers:?} {socket:?}").contains(&credential));
    socket.close().await;
    assert!(socket.ask_ice().await.is_err());
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_that_is_relayed_reaches_a_peer_that_is_relayed() {
    let (server, url) = server().await;
    let turn = TurnServer::start().await.unwrap();
    let browser = Browser::start().await.unwrap();
    let mut ann = join(&url, "Ann", vec![relay(&turn.url("tcp"), CREDENTIAL)], None).await;
    let ben = browser.open("Ben").await.unwrap();
    let configuration = json!({
        "iceTransportPolicy": "relay",
        "iceServers": [{ "urls": turn.url("tcp"), "username": USER, "credential": CREDENTIAL }],
    });
    let script = format!(
        "const Stock = RTCPeerConnection; \
         globalThis.RTCPeerConnection = class extends Stock {{ constructor() {{ super({configuration}); }} }};"
    );
    ben.eval(&script).await.unwrap();
    let id = ben.join(url.join("r/relay").unwrap().as_str(), None, Some((640, 360, 30))).await.unwrap();
    ann.peer_connect(&id).await;
    ben.wait_for_person("Ann", "true").await.unwrap();
    let mut frames = ann.track(&id).await.take_video().unwrap();
    for _ in 0..30 {
        timeout(PATIENCE, frames.recv()).await.unwrap().expect("a track that goes on");
    }
    let stats = ann.socket.get_stats(&id).await.unwrap();
    let picture = &stats.inbound_rtp[0];
    assert!(picture.frames_received >= Some(30) && picture.frame_width.is_some(), "{picture:?}");
    let ice = IceCandidateStats::from(stats);
    let selected = ice.selected_ice_candidate_pair_stats.unwrap();
    let (local, remote) = (selected.local_candidate.unwrap(), selected.remote_candidate.unwrap());
    assert_eq!((local.candidate_type.as_str(), remote.candidate_type.as_str()), ("relay", "relay"));
    assert_eq!((local.url, local.relay_protocol.as_deref()), (Some(turn.url("tcp")), Some("tcp")));
    assert!(ice.remote_candidates.iter().all(|candidate| candidate.candidate_type == "relay"));
    ann.socket.close().await;
    ben.close().await.unwrap();
    server.shutdown().await;
}

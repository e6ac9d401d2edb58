//! A peer that sends rubbish on `ctrl`, forges reserved events and floods. It speaks the wire with the library itself,
//! so that it can say what our own engine would not.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::bystander::enter;
use common::{Member, PATIENCE, resident, server};
use confab_protocol::signaling::{MESSAGE, Signal};
use confab_rtcio::Event;
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio::time::timeout;
use url::Url;
use webrtc::data_channel::{DataChannel, DataChannelEvent, RTCDataChannelInit};
use webrtc::peer_connection::{
    MediaEngine, PeerConnection, PeerConnectionBuilder, PeerConnectionEventHandler, RTCIceCandidateInit,
    RTCPeerConnectionIceEvent, RTCSessionDescription, Registry, register_default_interceptors,
};

struct Candidates(mpsc::UnboundedSender<Value>);

#[async_trait::async_trait]
impl PeerConnectionEventHandler for Candidates {
    async fn on_ice_candidate(&self, event: RTCPeerConnectionIceEvent) {
        let init = event.candidate.to_json().unwrap();
        let candidate = json!({ "candidate": init.candidate, "sdpMid": null, "sdpMLineIndex": 0 });
        self.0.send(json!({ "candidate": candidate })).ok();
    }
}

/// Eve: our signaling without our peers, and a connection of her own making.
struct Eve {
    pc: Arc<dyn PeerConnection>,
    ctrl: Arc<dyn DataChannel>,
    id: String,
    // Keeps her in the room.
    _socket: rust_socketio::asynchronous::Client,
}

impl Eve {
    /// Joins the room as a newcomer: she is offered to, and answers.
    async fn join(url: &Url, room: &str) -> Self {
        let (client, id, mut signal) = enter(url, room).await;
        let (candidates, mut candidate) = mpsc::unbounded_channel();
        let mut engine = MediaEngine::default();
        engine.register_default_codecs().unwrap();
        let registry = register_default_interceptors(Registry::new(), &mut engine).unwrap();
        let pc: Arc<dyn PeerConnection> = Arc::new(
            PeerConnectionBuilder::new()
                .with_media_engine(engine)
                .with_interceptor_registry(registry)
                .with_handler(Arc::new(Candidates(candidates)))
                .with_udp_addrs(vec!["0.0.0.0:0"])
                .build()
                .await
                .unwrap(),
        );
        let init = RTCDataChannelInit { negotiated: Some(0), ..RTCDataChannelInit::default() };
        let ctrl = pc.create_data_channel("rtcio:ctrl", Some(init)).await.unwrap();
        let mut other = String::new();
        let exchange = async {
            loop {
                tokio::select! {
                    Some(message) = signal.recv() => {
                        other = message["source"].as_str().unwrap().to_owned();
                        match Signal::parse(&message["data"]) {
                            Ok(Signal::Description(description)) if description.kind == "offer" => {
                                let offer = RTCSessionDescription::offer(description.sdp).unwrap();
                                pc.set_remote_description(offer).await.unwrap();
                                let answer = pc.create_answer(None).await.unwrap();
                                let data = json!({ "description": { "type": "answer", "sdp": answer.sdp } });
                                pc.set_local_description(answer).await.unwrap();
                                client.emit(MESSAGE, json!({ "target": other, "data": data })).await.unwrap();
                            }
                            Ok(Signal::Candidate(candidate)) => {
                                let candidate =
                                    RTCIceCandidateInit { candidate: candidate.candidate, ..Default::default() };
                                pc.add_ice_candidate(candidate).await.unwrap();
                            }
                            _ => {}
                        }
                    }
                    Some(data) = candidate.recv(), if !other.is_empty() => {
                        client.emit(MESSAGE, json!({ "target": other, "data": data })).await.unwrap();
                    }
                    Some(DataChannelEvent::OnOpen) = ctrl.poll() => return,
                }
            }
        };
        timeout(PATIENCE, exchange).await.expect("an open channel");
        Self { pc, ctrl, id, _socket: client }
    }

    async fn say(&self, event: &str, args: Value) {
        self.ctrl.send_text(&json!({ "e": event, "d": args }).to_string()).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rubbish_and_forged_events_are_dropped_and_the_rest_goes_on() {
    let (server, url) = server().await;
    let mut ann = Member::join(&url, "rubbish", "Ann").await;
    let eve = Eve::join(&url, "rubbish").await;
    ann.peer_connect(&eve.id).await;
    eve.ctrl.send(bytes::BytesMut::from(&b"\x00\x01binary"[..])).await.unwrap();
    for text in ["", "{", "[]", "null", "{\"e\":5,\"d\":[]}", "{\"d\":[]}"] {
        eve.ctrl.send_text(text).await.unwrap();
    }
    for event in ["peer-connect", "peer-disconnect", "track-added", "track-removed", "#rtcio:message", "#rtcio:x"] {
        eve.say(event, json!([{ "id": "victim" }])).await;
    }
    eve.say(&"n".repeat(500), json!([])).await;
    eve.say("chat", json!("no array")).await;
    assert_eq!(ann.message(&eve.id, "chat").await, Vec::<Value>::new());
    let seen = ann.seen();
    assert!(
        !seen.iter().any(|event| matches!(event, Event::Message { .. } | Event::PeerDisconnect { .. })),
        "{seen:?}"
    );
    let complaints = seen.iter().filter(|event| matches!(event, Event::Misbehaving { .. })).count();
    assert_eq!(complaints, 1);
    eve.pc.close().await.unwrap();
    ann.peer_disconnect(&eve.id).await;
    ann.socket.close().await;
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_is_cut_and_does_not_hold_others_up() {
    const FLOOD: usize = 20_000;
    let (server, url) = server().await;
    let mut ann = Member::join(&url, "flood", "Ann").await;
    let ben = Member::join(&url, "flood", "Ben").await;
    ann.peer_connect(&ben.id).await;
    // Eve is alone with Ann in a second room, so that she has one peer only.
    ann.rejoin(json!({ "roomId": "flood-2", "name": "Ann" })).await;
    let eve = Eve::join(&url, "flood-2").await;
    ann.peer_connect(&eve.id).await;
    let id = eve.id.clone();
    let flood = tokio::spawn(async move {
        for n in 0..FLOOD {
            eve.say("spam", json!([n])).await;
        }
        eve
    });
    ann.wait("a complaint", |event| match event {
        Event::Misbehaving { peer, what } if *peer == id => Some(what.clone()),
        _ => None,
    })
    .await;
    ben.socket.emit("chat", vec![json!("calm")]).await.unwrap();
    ann.message(&ben.id, "chat").await;
    let eve = timeout(PATIENCE, flood).await.unwrap().unwrap();
    let admitted = ann.seen().iter().filter(|event| matches!(event, Event::Message { .. })).count();
    assert!(admitted < FLOOD, "{admitted}");
    eve.pc.close().await.unwrap();
    ann.socket.close().await;
    ben.socket.close().await;
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_that_was_not_agreed_on_is_closed() {
    let (server, url) = server().await;
    let mut ann = Member::join(&url, "channel", "Ann").await;
    let eve = Eve::join(&url, "channel").await;
    ann.peer_connect(&eve.id).await;
    let channel = eve.pc.create_data_channel("mine", None).await.unwrap();
    let closed = async {
        loop {
            match channel.poll().await {
                Some(DataChannelEvent::OnClose) | None => return,
                _ => {}
            }
        }
    };
    timeout(PATIENCE, closed).await.expect("the channel to be closed");
    ann.wait("a complaint", |event| matches!(event, Event::Misbehaving { .. }).then_some(())).await;
    eve.say("chat", json!(["still here"])).await;
    ann.message(&eve.id, "chat").await;
    ann.socket.close().await;
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn descriptions_that_are_none_harm_nobody() {
    let (server, url) = server().await;
    let mut ann = Member::join(&url, "sdp", "Ann").await;
    let mut ben = Member::join(&url, "sdp", "Ben").await;
    ben.peer_connect(&ann.id).await;
    ann.peer_connect(&ben.id).await;
    let (eve, eve_id, _signals) = enter(&url, "sdp").await;
    for data in [
        json!({ "description": { "type": "offer", "sdp": "" } }),
        json!({ "description": { "type": "offer", "sdp": "v=0\r\nm=video" } }),
        json!({ "description": { "type": "answer", "sdp": "rubbish" } }),
        json!({ "description": { "type": "rollback", "sdp": "" } }),
        json!({ "description": { "type": "offer", "sdp": "\u{0}".repeat(1000) } }),
        json!({ "candidate": { "candidate": "candidate:rubbish" } }),
        json!({ "mid": "x", "events": { "peer-connect": [1] } }),
        json!({ "mid": "x" }),
        json!({ "mid": 5 }),
        json!([1, 2, 3]),
    ] {
        eve.emit(MESSAGE, json!({ "target": ann.id, "data": data })).await.unwrap();
    }
    ann.wait("a complaint", |event| matches!(event, Event::Misbehaving { peer, .. } if *peer == eve_id).then_some(()))
        .await;
    ben.socket.emit("chat", vec![json!("fine")]).await.unwrap();
    ann.message(&ben.id, "chat").await;
    let seen = ann.seen();
    assert!(!seen.iter().any(|event| matches!(event, Event::PeerDisconnect { .. })), "{seen:?}");
    ann.socket.close().await;
    ben.socket.close().await;
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_fuzzer_says_and_floods_of_signals_harm_nobody() {
    const MEMORY: u64 = 256 << 20;
    let (server, url) = server().await;
    let mut ann = Member::join(&url, "signals", "Ann").await;
    let mut ben = Member::join(&url, "signals", "Ben").await;
    ben.peer_connect(&ann.id).await;
    ann.peer_connect(&ben.id).await;
    let (eve, eve_id, _signals) = enter(&url, "signals").await;
    let before = resident();
    let corpus = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/connection");
    let mut texts: Vec<String> = std::fs::read_dir(corpus)
        .unwrap()
        .map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap())
        .flat_map(|text| text.split("---\n").map(str::to_owned).collect::<Vec<_>>())
        .collect();
    // And what is left of each when it is cut short, or has many m-lines.
    let cut: Vec<String> = texts.iter().map(|text| text.chars().take(text.len() / 2).collect()).collect();
    texts.extend(cut);
    texts.push("offer\nv=0\r\n".to_owned() + &"m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:1\r\n".repeat(3_000));
    let mut data: Vec<Value> = texts
        .iter()
        .map(|text| match text.split_once('\n') {
            Some((kind @ ("offer" | "answer"), sdp)) => json!({ "description": { "type": kind, "sdp": sdp } }),
            _ => json!({ "candidate": { "candidate": text.trim_end() } }),
        })
        .collect();
    data.extend((0..400).map(|n| {
        json!({ "candidate": { "candidate": format!("candidate:{n} 1 udp 1 192.0.2.1 {} typ host", n + 1), "sdpMLineIndex": 0 } })
    }));
    data.extend((0..200).map(|_| json!({ "mid": "s" })));
    data.extend((0..200).map(|n| json!({ "mid": "s", "events": { "camera": ["x".repeat(1_000), n] } })));
    for data in data {
        eve.emit(MESSAGE, json!({ "target": ann.id, "data": data })).await.unwrap();
    }
    ann.wait("a complaint", |event| matches!(event, Event::Misbehaving { peer, .. } if *peer == eve_id).then_some(()))
        .await;
    ben.socket.emit("chat", vec![json!("fine")]).await.unwrap();
    ann.message(&ben.id, "chat").await;
    ann.socket.emit("chat", vec![json!("fine")]).await.unwrap();
    ben.message(&ann.id, "chat").await;
    let streams =
        ann.seen().iter().filter(|event| matches!(event, Event::Stream { peer, .. } if *peer == eve_id)).count();
    assert!(streams <= 200, "{streams}");
    let grown = resident().saturating_sub(before);
    assert!(grown < MEMORY, "{} MiB", grown >> 20);
    ann.socket.close().await;
    ben.socket.close().await;
    server.shutdown().await;
}

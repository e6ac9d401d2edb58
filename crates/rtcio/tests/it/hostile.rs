//! A peer that sends rubbish on `ctrl`, forges reserved events and says what is no description. See `attacks.rs` for what
//! comes in floods.

use crate::common::bystander::enter;
use crate::common::eve::Eve;
use crate::common::{Member, PATIENCE, resident, server};
use confab_rtcio::Event;
use confab_wire::signaling::MESSAGE;
use serde_json::{Value, json};
use tokio::time::timeout;
use webrtc::data_channel::DataChannelEvent;

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
    let corpus = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/connection");
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

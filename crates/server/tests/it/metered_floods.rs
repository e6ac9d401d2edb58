//! Peers of the Metered endpoint that take nothing, say too much, or come again and again.

use crate::metered::{Client, claims, presence, with};
use crate::support::soon;
use confab_server::{Limits, MeteredClaims, Server};
use serde_json::{Value, json};
use std::time::Duration;

/// Limits of what one may send that no test reaches.
fn generous() -> Limits {
    Limits {
        messages_per_second: 100_000,
        message_burst: 100_000,
        bytes_per_second: 1 << 28,
        byte_burst: 1 << 28,
        ..Limits::default()
    }
}

/// What a client has heard before the answer to its ping.
async fn heard(client: &mut Client) -> Vec<Value> {
    client.send(&json!({ "type": "ping" })).await;
    let mut frames = Vec::new();
    loop {
        match client.frame().await {
            pong if pong == json!({ "type": "pong" }) => return frames,
            frame => frames.push(frame),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn frames_of_every_kind_keep_their_order_from_one_peer_to_another() {
    let server = Server::bind(with(generous())).await.unwrap();
    let mut bob = Client::inside(&server, "bob").await;
    let mut alice = Client::open(&server, "alice").await;
    let mut expected = Vec::new();
    for number in 0..20 {
        for frame in [
            json!({ "type": "subscribe", "channel": "r" }),
            json!({ "type": "publish", "channel": "r", "data": number }),
            json!({ "type": "send", "to": "bob", "data": number }),
            json!({ "type": "unsubscribe", "channel": "r" }),
        ] {
            alice.send(&frame).await;
        }
        expected.extend(["joined", "message", "direct", "left"]);
    }
    let mut kinds = Vec::new();
    while kinds.len() < expected.len() {
        let frame = bob.frame().await;
        kinds.push(match frame["type"].as_str().unwrap() {
            "presence" if frame["left"] == json!([]) => "joined",
            "presence" => "left",
            "message" => "message",
            "direct" => "direct",
            other => panic!("{other}"),
        });
    }
    assert_eq!(kinds, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_subscribes_again_and_again_is_refused_and_the_others_hear_no_more_of_it() {
    let limits = Limits { joins_per_second: 0, join_burst: 0, ..generous() };
    let server = Server::bind(with(limits)).await.unwrap();
    let mut alice = Client::inside(&server, "alice").await;
    let mut bob = Client::open(&server, "bob").await;
    let mut joins = 0;
    while bob.ask(json!({ "type": "subscribe", "channel": "r" })).await.is_ok() {
        joins += 1;
        assert_eq!(bob.frame().await, presence(&["alice"], &[]));
        bob.ask(json!({ "type": "unsubscribe", "channel": "r" })).await.unwrap();
    }
    assert!((100..1_000).contains(&joins), "{joins}");
    bob.refused(json!({ "type": "subscribe", "channel": "r" }), "over_message_quota").await;
    assert_eq!(heard(&mut alice).await.len(), 2 * joins);
    bob.ask(json!({ "type": "subscribe", "channel": "other" })).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_published_counts_for_every_receiver() {
    // Twenty frames, and sixteen times as many deliveries.
    let limits = Limits { messages_per_second: 0, message_burst: 20, ..Limits::default() };
    let server = Server::bind(with(limits)).await.unwrap();
    let mut inside = Vec::new();
    for number in 0..20 {
        inside.push(Client::inside(&server, &number.to_string()).await);
    }
    let mut alice = Client::open(&server, "alice").await;
    for number in 0..16 {
        alice.ask(json!({ "type": "publish", "channel": "r", "data": number })).await.unwrap();
    }
    alice.refused(json!({ "type": "publish", "channel": "r", "data": 16 }), "over_message_quota").await;
    let messages = heard(inside.last_mut().unwrap()).await;
    let data: Vec<u64> = messages.iter().filter_map(|message| message["data"].as_u64()).collect();
    assert_eq!(data, (0..16).collect::<Vec<_>>());
    // A channel with fewer receivers takes one more.
    alice.ask(json!({ "type": "publish", "channel": "other", "data": 1 })).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn who_takes_nothing_is_cut_and_the_others_are_told() {
    let limits = Limits { write_timeout: Duration::from_secs(1), send_queue_bytes: 256 << 10, ..generous() };
    let server = Server::bind(with(limits)).await.unwrap();
    let mut alice = Client::inside(&server, "alice").await;
    // It reads nothing from now on, but its connection stands.
    let _slow = Client::inside(&server, "slow").await;
    assert_eq!(alice.frame().await["type"], "presence");
    let data = "x".repeat(60_000);
    soon("the end of the slow peer", async {
        loop {
            alice.send(&json!({ "type": "publish", "channel": "r", "data": data, "requestId": "r" })).await;
            let frame = alice.frame().await;
            if frame["type"] == "presence" {
                break assert_eq!(frame, presence(&[], &["slow"]));
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_permission_one_is_seen_and_sees_nobody() {
    let server = Server::bind(with(Limits::default())).await.unwrap();
    let mut alice = Client::inside(&server, "alice").await;
    let permissions = Some(vec!["subscribe".to_owned()]);
    let mut blind = Client::with(&server, &MeteredClaims { permissions, ..claims("blind") }).await;
    blind.ask(json!({ "type": "subscribe", "channel": "r" })).await.unwrap();
    assert_eq!(blind.frame().await, presence(&[], &[]), "an empty roster");
    assert_eq!(alice.frame().await, presence(&["blind"], &[]));
    let bob = Client::inside(&server, "bob").await;
    assert_eq!(alice.frame().await, presence(&["bob"], &[]));
    drop(bob);
    assert_eq!(alice.frame().await, presence(&[], &["bob"]));
    assert_eq!(heard(&mut blind).await, [] as [Value; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn request_ids_have_characters_and_not_bytes() {
    let server = Server::bind(with(Limits::default())).await.unwrap();
    let mut alice = Client::open(&server, "alice").await;
    let longest = "ü".repeat(128);
    alice.send(&json!({ "type": "unsubscribe", "channel": "r", "requestId": longest })).await;
    assert_eq!(alice.frame().await, json!({ "type": "ack", "requestId": longest }));
    alice.send(&json!({ "type": "unsubscribe", "channel": "r", "requestId": format!("{longest}ü") })).await;
    let error = alice.frame().await;
    assert_eq!((&error["code"], error.get("requestId")), (&json!("malformed_message"), None));
}

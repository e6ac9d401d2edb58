//! Clients that no one wrote on purpose, or that someone did.

use crate::support::{Client, Raw, config, server};
use confab_server::{Limits, Server, ServerConfig};
use confab_wire::limits;
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn rubbish_is_dropped_and_the_server_goes_on() {
    let server = server().await;
    let mut ann = Client::member(&server, "room", "Ann").await;
    for rubbish in ["", "4", "42", "42[", "42{}", "42[7]", "42[]", "42[null]", "430[]", "9", "4\u{1f98a}", "45", "44"] {
        let mut raw = Raw::open(&server).await;
        raw.send(rubbish).await;
        // Some of these end the connection, as the specification asks; none does more.
        raw.event("join-room", json!({ "roomId": "elsewhere" })).await;
    }
    let mut raw = Raw::open(&server).await;
    raw.send(format!("42[\"join-room\",{}{}]", "[".repeat(10_000), "]".repeat(10_000))).await;
    raw.send("42[\"join-room\",{\"roomId\":\"room\"},1,2,3]").await;
    assert!(raw.next().await.unwrap().starts_with("42[\"user-connected\""));
    ann.expect("user-connected").await;
    ann.expect("#rtcio:init-offer").await;
    assert_eq!(ann.heard().await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn binary_messages_end_the_connection() {
    let server = server().await;
    let mut raw = Raw::open(&server).await;
    raw.send("451-[\"#rtcio:message\",{\"_placeholder\":true,\"num\":0}]").await;
    raw.send_binary(vec![0; 16]).await;
    raw.rest().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_too_large_ends_the_connection_and_nothing_else() {
    let server = server().await;
    let mut ann = Client::member(&server, "room", "Ann").await;
    let mut raw = Raw::open(&server).await;
    raw.event("join-room", json!({ "roomId": "room", "name": "x".repeat(limits::SIGNALING_MESSAGE_BYTES) })).await;
    raw.rest().await;
    assert_eq!(ann.heard().await, []);

    // The largest SDP that the protocol allows passes.
    let ben = Client::member(&server, "room", "Ben").await;
    ann.heard().await;
    ben.message(&ann.id, json!({ "description": { "type": "offer", "sdp": "s".repeat(limits::SDP_BYTES) } })).await;
    ann.expect("#rtcio:message").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_is_dropped_then_the_flooder_is_told_and_disconnected() {
    let limits = Limits { messages_per_second: 1, message_burst: 20, dropped_messages: 30, ..Limits::default() };
    let server = Server::bind(ServerConfig { limits, ..config() }).await.unwrap();
    let mut ann = Client::member(&server, "room", "Ann").await;
    let mut flooder = Raw::open(&server).await;
    flooder.event("join-room", json!({ "roomId": "room" })).await;
    for number in 0..200 {
        flooder.event("#rtcio:message", json!({ "target": ann.id, "data": { "mid": number.to_string() } })).await;
    }
    let last = flooder.rest_until_disconnect().await;
    assert!(last.contains("\"server-error\"") && last.contains("\"peer-misbehaving\""), "{last}");

    ann.expect("user-connected").await;
    ann.expect("#rtcio:init-offer").await;
    let mut relayed = 0;
    loop {
        match ann.next().await {
            (event, _) if event == "#rtcio:message" => relayed += 1,
            (event, _) if event == "#rtcio:peer-left" => break,
            (event, data) => panic!("{event} {data}"),
        }
    }
    // The burst less the join, and a little for the time that the test takes.
    assert!((19..60).contains(&relayed), "{relayed} messages of the flood passed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_bytes_is_a_flood() {
    let limits = Limits { bytes_per_second: 1, byte_burst: 100_000, dropped_messages: 3, ..Limits::default() };
    let server = Server::bind(ServerConfig { limits, ..config() }).await.unwrap();
    let mut flooder = Raw::open(&server).await;
    for _ in 0..10 {
        flooder.event("an application's", json!("x".repeat(40_000))).await;
    }
    assert!(flooder.rest_until_disconnect().await.contains("\"peer-misbehaving\""));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_server_refuses_in_words_and_takes_the_next_when_one_has_left() {
    let limits = Limits { sockets: 1, ..Limits::default() };
    let server = Server::bind(ServerConfig { limits, ..config() }).await.unwrap();
    let mut first = Raw::open(&server).await;
    let refused = Raw::connect(&server).await.next().await.unwrap();
    assert!(refused.starts_with("44") && refused.contains("server is full"), "{refused}");
    first.send("1").await;
    first.rest().await;
    loop {
        match Raw::connect(&server).await.next().await {
            Some(answer) if answer.starts_with("40") => break,
            Some(answer) if answer.starts_with("44") => tokio::task::yield_now().await,
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_cannot_be_long_or_turn_the_text_around_it() {
    let server = server().await;
    let mut ann = Client::member(&server, "room", "Ann").await;
    let name = format!("\u{202e}Eve\n{}", "x".repeat(5_000));
    let _eve = Client::member(&server, "room", &name).await;
    let told = ann.expect("user-connected").await;
    let Value::String(name) = &told["name"] else { panic!("{told}") };
    assert!(name.starts_with("Eve x") && name.chars().count() == limits::NAME_CHARS, "{name:?}");
}

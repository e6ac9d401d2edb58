//! Clients that come again and again, and what the members of a room hear of them.

use crate::support::{Client, Raw, config, server, soon};
use confab_server::{Limits, Server, ServerConfig};
use serde_json::{Value, json};
use std::collections::HashSet;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

/// Who is in the room, as a member is told.
#[derive(Default)]
struct Roster {
    members: HashSet<String>,
    heard: usize,
}

impl Roster {
    fn hear(&mut self, text: &str) {
        self.heard += 1;
        let Some(Ok(Value::Array(event))) = text.strip_prefix("42").map(serde_json::from_str) else { return };
        let id = event[1]["id"].as_str().unwrap_or_default().to_owned();
        match event[0].as_str().unwrap() {
            "user-connected" => drop(self.members.insert(id)),
            "#rtcio:peer-left" => drop(self.members.remove(&id)),
            _ => {}
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_comes_again_and_again_leaves_no_ghosts() {
    const TIMES: usize = 370;
    let server = server().await;
    let address = server.local_addr();
    let mut ann = Raw::open(&server).await;
    let id = ann.join(json!({ "roomId": "room", "name": "Ann" })).await.unwrap()["id"].as_str().unwrap().to_owned();
    let began = Instant::now();
    let flood = tokio::spawn(async move {
        let (mut refused, signal) = (0, json!({ "target": id, "data": { "mid": "m" } }));
        for _ in 0..TIMES {
            let Some(mut eve) = Raw::connect_from(Ipv4Addr::LOCALHOST, address, "").await else {
                refused += 1;
                continue;
            };
            eve.event("join-room", json!({ "roomId": "room", "name": "Eve" })).await;
            for _ in 0..200 {
                eve.event("#rtcio:message", signal.clone()).await;
            }
        }
        refused
    });
    let mut roster = Roster::default();
    let mut refused = None;
    let mut flood = flood;
    // Reads on until the flood is over and all of it are gone again.
    soon("the end of the flood", async {
        while refused.is_none() || !roster.members.is_empty() {
            tokio::select! {
                text = ann.next() => roster.hear(&text.expect("who reads is not cut")),
                over = &mut flood, if refused.is_none() => refused = Some(over.unwrap()),
            }
        }
    })
    .await;
    let seconds = usize::try_from(began.elapsed().as_secs()).unwrap();
    // 1,000 signals at once and 200 a second from one address; at most 64 joins at once and 8 a second, and what they cost.
    let most = 1_000 + 200 * (seconds + 1) + 4 * (64 + 8 * (seconds + 1)) + 10;
    assert!(roster.heard <= most, "{} messages in {seconds} s", roster.heard);
    assert!(refused.unwrap() > TIMES / 3, "{refused:?} of {TIMES} refused");
    // Somebody else gets in, and is seen.
    let mut ben = Raw::connect_from(Ipv4Addr::new(127, 0, 0, 2), address, "").await.unwrap();
    // The server ends a connection that says something before this.
    assert!(ben.next().await.unwrap().starts_with("40{"));
    soon("a place in the room", async {
        let wish = json!({ "roomId": "room", "name": "Ben" });
        while ben.join(wish.clone()).await.unwrap()["members"].as_array().map(Vec::len) != Some(1) {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    })
    .await;
    while roster.members.len() != 1 {
        roster.hear(&ann.next().await.unwrap());
    }
}

/// A member that stops reading, in a room where many come and go.
#[tokio::test(flavor = "multi_thread")]
async fn a_member_that_cannot_be_told_is_cut_and_heals_by_resuming() {
    let limits = Limits {
        send_queue_bytes: 256 << 10,
        write_timeout: Duration::from_secs(300),
        joins_per_second: 1_000_000,
        join_burst: 1_000_000,
        bytes_per_second: 1 << 30,
        byte_burst: 1 << 30,
        messages_per_second: 1_000_000,
        message_burst: 1_000_000,
        ..Limits::default()
    };
    let server = Server::bind(ServerConfig { limits, ..config() }).await.unwrap();
    let address = server.local_addr();
    let mut ann = Raw::narrow(address).await;
    let welcome = ann.join(json!({ "roomId": "room", "name": "Ann" })).await.unwrap();
    let mut ben = Client::member(&server, "room", "Ben").await;
    // What members send fills three quarters of the queue and no more: the last one is told that it is not delivered.
    let data = "x".repeat(40_000);
    let send = async || ben.call("direct-message", json!({ "target": welcome["id"], "data": data })).await;
    let mut refused = 0;
    for _ in 0..400 {
        refused += u32::from(send().await["error"]["code"] == "unreachable");
        if refused > 3 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(60)).await;
    }
    assert!(refused > 3, "the queue has no end");
    // Its room is still told of those who come and go, until that finds no place either.
    let mut cat = Client::connect(&server).await;
    soon("the cut", async {
        loop {
            cat.join(json!({ "roomId": "room", "name": "Cat".repeat(20) })).await;
            cat.emit("leave-room", json!({})).await;
            let members = cat.call("peek-room", json!({ "roomId": "room" })).await;
            if members["count"] == 1 {
                break;
            }
        }
    })
    .await;
    assert!(ben.heard().await.iter().any(|(event, data)| event == "#rtcio:peer-left" && data["id"] == welcome["id"]));
    // It comes back as it was, and knows who is there.
    let mut again = Raw::open(&server).await;
    let back = again.join(json!({ "roomId": "room", "name": "Ann", "resume": welcome["resume"] })).await.unwrap();
    assert_eq!((&back["id"], back["members"].as_array().unwrap().len()), (&welcome["id"], 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_address_neither_takes_all_places_nor_connects_without_end() {
    let limits = Limits { sockets_per_address: 2, connections_per_address: 4, ..Limits::default() };
    let server = Server::bind(ServerConfig { limits, ..config() }).await.unwrap();
    let address = server.local_addr();
    let connect = async |last: u8| Raw::connect_from(Ipv4Addr::new(127, 0, 0, last), address, "").await;
    let mut inside = Vec::new();
    for last in [1, 1, 2, 2] {
        let mut raw = connect(last).await.unwrap();
        assert!(raw.next().await.unwrap().starts_with("40{"));
        inside.push(raw);
    }
    let mut third = connect(1).await.unwrap();
    assert!(third.next().await.unwrap().contains("server is full"));
    let _fourth = connect(1).await.unwrap();
    assert!(connect(1).await.is_none(), "a fifth connection");
    assert!(connect(3).await.unwrap().next().await.unwrap().starts_with("40{"));

    let limits = Limits { connects_per_second: 0, connect_burst: 6, ..Limits::default() };
    let server = Server::bind(ServerConfig { limits, ..config() }).await.unwrap();
    let address = server.local_addr();
    for _ in 0..3 {
        let mut raw = Raw::connect_from(Ipv4Addr::LOCALHOST, address, "").await.unwrap();
        assert!(raw.next().await.unwrap().starts_with("40{"));
    }
    assert!(Raw::connect_from(Ipv4Addr::LOCALHOST, address, "").await.is_none());
    assert!(Raw::connect_from(Ipv4Addr::new(127, 0, 0, 2), address, "").await.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_behind_a_trusted_proxy_are_told_apart_and_others_are_not_believed() {
    for (trusted, second) in [(vec!["127.0.0.0/8".parse().unwrap()], "40{"), (Vec::new(), "44{")] {
        let limits = Limits { sockets_per_address: 1, ..Limits::default() };
        let server = Server::bind(ServerConfig { limits, trusted_proxies: trusted, ..config() }).await.unwrap();
        let address = server.local_addr();
        let mut held = Vec::new();
        for (client, expected) in [("192.0.2.1", "40{"), ("192.0.2.2", second)] {
            let stream = crate::support::tcp(Ipv4Addr::LOCALHOST, address, false).await.unwrap();
            let header = format!("X-Forwarded-For: 198.51.100.9, {client}");
            let mut raw = Raw::over(stream, address, &header).await.unwrap();
            raw.send("40").await;
            let answer = raw.next().await.unwrap();
            assert!(answer.starts_with(expected), "{client}: {answer}");
            held.push(raw);
        }
    }
}

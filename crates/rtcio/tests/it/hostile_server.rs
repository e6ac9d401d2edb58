//! A signaling server that means harm: members without end, floods, huge and shapeless events, words of strangers. The
//! engine goes on, its memory is bounded, and it tells the application what is an event of the application.

use crate::common::node::Node;
use crate::common::{PATIENCE, resident};
use confab_rtcio::{RemotePeerState, Socket};
use serde_json::{Value, json};
use tokio::time::timeout;

/// Growth of the process that all of this may cost, in bytes. Connections to members that do not exist are the most of it.
const GROWTH: u64 = 300 << 20;

async fn connected(node: &Node) -> Socket {
    let (socket, mut events) = Socket::builder(node.url.clone()).force_new(true).connect();
    let socket_events = socket.server().once("hello");
    timeout(PATIENCE, socket_events).await.unwrap();
    // Nobody is slowed down by a reader who is not there, and what comes is thrown away.
    tokio::spawn(async move { while events.recv().await.is_some() {} });
    socket
}

/// The server says these frames, and then answers.
async fn says(socket: &Socket, frames: Vec<String>) {
    for some in frames.chunks(500) {
        socket.server().emit("say", some.iter().map(|frame| json!(frame)).collect::<Vec<_>>()).await.unwrap();
    }
    let answer = timeout(PATIENCE, socket.server().emit_with_ack_timeout("echo-ack", "there", PATIENCE)).await;
    assert_eq!(answer.unwrap(), Ok(vec![json!("there")]));
}

/// No more memory is in use than may be since it was `before`, in bytes; and the socket closes.
async fn closes_within_bounds(socket: &Socket, before: u64) {
    let grown = resident().saturating_sub(before);
    assert!(grown < GROWTH, "{grown} bytes");
    timeout(PATIENCE, socket.close()).await.unwrap();
}

fn event(name: &str, argument: &Value) -> String {
    format!("42{}", json!([name, argument]))
}

#[tokio::test(flavor = "multi_thread")]
async fn members_without_end_are_not_all_connected_to() {
    let node = Node::start().await;
    let socket = connected(&node).await;
    let before = resident();
    says(
        &socket,
        (0..3_000).map(|n| event("#rtcio:init-offer", &json!({ "source": format!("nobody-{n}") }))).collect(),
    )
    .await;
    says(
        &socket,
        (0..3_000).map(|n| event("user-connected", &json!({ "id": format!("no-{n}"), "name": "x" }))).collect(),
    )
    .await;
    assert!(socket.remote_peers().len() <= 256, "{}", socket.remote_peers().len());
    closes_within_bounds(&socket, before).await;
}

/// A server, or a flood of clients, that names members who never connect, and does not say that they left.
#[tokio::test(flavor = "multi_thread")]
async fn members_that_never_connect_give_way_to_a_friend() {
    let node = Node::start().await;
    let socket = connected(&node).await;
    for (event_name, field) in [("#rtcio:init-offer", "source"), ("user-connected", "id")] {
        says(&socket, (0..100).map(|n| event(event_name, &json!({ field: format!("{field}-{n}") }))).collect()).await;
    }
    says(&socket, vec![event("#rtcio:init-offer", &json!({ "source": "friend" }))]).await;
    let connecting = async {
        while socket.remote_peer("friend").is_none_or(|friend| friend.state() != RemotePeerState::Connecting) {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, connecting).await.expect("a place for the friend");
    timeout(PATIENCE, socket.close()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_events_fills_no_memory_and_the_socket_goes_on() {
    let node = Node::start().await;
    let socket = connected(&node).await;
    let before = resident();
    // Nobody reads this one.
    let mut unread = socket.server().on("flood");
    says(&socket, (0..10_000).map(|n| event("flood", &json!(n))).collect()).await;
    assert!(timeout(PATIENCE, unread.recv()).await.unwrap().is_some());
    let huge = "x".repeat(512 * 1024);
    says(&socket, (0..8).map(|_| event("huge", &json!(huge))).collect()).await;
    closes_within_bounds(&socket, before).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn words_of_strangers_and_shapeless_events_are_dropped() {
    let node = Node::start().await;
    let socket = connected(&node).await;
    let deep = (0..100).fold(json!(1), |inner, _| json!([inner]));
    let arguments = [
        json!(null),
        json!(7),
        json!("text"),
        json!([]),
        json!({}),
        json!({ "source": 7 }),
        json!({ "source": "" }),
        json!({ "id": null }),
        json!({ "source": "x".repeat(1_000), "target": "y", "data": {} }),
        json!({ "source": "stranger", "target": "y", "data": { "candidate": { "candidate": "rubbish" } } }),
        json!({ "source": "stranger", "target": "y", "data": { "mid": "m", "events": { "camera": [deep] } } }),
        json!({ "source": "stranger", "target": "y", "data": { "description": { "type": "answer", "sdp": "v=0" } } }),
        json!({ "source": "stranger", "target": "y", "data": { "description": { "type": "rollback", "sdp": "" } } }),
    ];
    let names = [
        "#rtcio:init-offer",
        "#rtcio:message",
        "#rtcio:peer-left",
        "#rtcio:unknown",
        "user-connected",
        "user-disconnected",
        "direct-message",
        "server-error",
        "peer-connect",
        "track-added",
    ];
    let frames = names.iter().flat_map(|name| arguments.iter().map(|argument| event(name, argument))).collect();
    let mut lifecycle = socket.on("peer-connect");
    says(&socket, frames).await;
    assert!(socket.peers().await.is_empty());
    timeout(PATIENCE, socket.close()).await.unwrap();
    assert!(lifecycle.recv().await.is_none(), "an event of the server is no event of the engine");
}

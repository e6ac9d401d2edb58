//! Who is in a room, asked by someone who is not.

use crate::support::{Client, config, server};
use confab_server::{Limits, Server, ServerConfig};
use serde_json::{Value, json};

async fn peek(client: &Client, room: &str) -> Value {
    client.call("peek-room", json!({ "roomId": room })).await
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_inside_is_told_without_a_seat_and_nobody_notices() {
    let server = server().await;
    let mut ann = Client::member(&server, "room", "Ann").await;
    let stock = Client::member(&server, "room", "").await;
    ann.heard().await;
    let eve = Client::connect(&server).await;
    assert_eq!(peek(&eve, "room").await, json!({ "count": 2, "names": ["Ann"] }));
    assert_eq!(peek(&eve, "empty").await, json!({ "count": 0, "names": [] }));
    assert_eq!(ann.heard().await, []);
    drop(stock);
}

#[tokio::test(flavor = "multi_thread")]
async fn rubbish_and_many_questions_are_refused() {
    let limits = Limits { peeks_per_second: 0, peek_burst: 2, ..Limits::default() };
    let server = Server::bind(ServerConfig { limits, ..config() }).await.unwrap();
    let eve = Client::connect(&server).await;
    for rubbish in [json!(7), json!({}), json!({ "roomId": " " }), json!({ "roomId": "x".repeat(65) })] {
        let error = &eve.call("peek-room", rubbish).await["error"];
        assert_eq!((&error["code"], &error["reason"]), (&json!("join-refused"), &json!("room-name")));
    }
    for _ in 0..2 {
        assert_eq!(peek(&eve, "room").await["count"], 0);
    }
    let error = &peek(&eve, "room").await["error"];
    assert_eq!((&error["code"], &error["reason"]), (&json!("join-refused"), &json!("too-many-questions")));
}

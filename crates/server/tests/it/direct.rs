//! Messages from one member to another, through the server.

use crate::support::{Client, config, server};
use confab_server::{Limits, Server, ServerConfig};
use confab_wire::limits::DIRECT_MESSAGE_BYTES;
use serde_json::{Value, json};

async fn send(client: &Client, target: &str, data: Value) -> Value {
    client.call("direct-message", json!({ "target": target, "data": data })).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_direct_message_reaches_the_one_it_is_for() {
    let server = server().await;
    let ann = Client::member(&server, "room", "Ann").await;
    let mut ben = Client::member(&server, "room", "Ben").await;
    let mut cat = Client::member(&server, "room", "Cat").await;
    ben.heard().await;
    cat.heard().await;
    // A source of the sender's own choice is not believed.
    let message = json!({ "target": ben.id, "source": cat.id, "data": { "n": [1, null, "x"] } });
    assert_eq!(ann.call("direct-message", message).await, json!({}));
    assert_eq!(ben.expect("direct-message").await, json!({ "source": ann.id, "data": { "n": [1, null, "x"] } }));
    assert_eq!(cat.heard().await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_delivered_is_answered_with_a_code() {
    let server = server().await;
    let mut ann = Client::connect(&server).await;
    assert_eq!(send(&ann, "x", json!(1)).await["error"]["code"], "not-joined");
    ann.join(json!({ "roomId": "room" })).await;
    let mut eve = Client::member(&server, "other", "Eve").await;
    assert_eq!(send(&ann, &eve.id, json!(1)).await["error"]["code"], "unreachable");
    assert_eq!(send(&ann, &ann.id, json!(1)).await["error"]["code"], "self-send");
    let large = json!("x".repeat(DIRECT_MESSAGE_BYTES));
    assert_eq!(send(&ann, &eve.id, large).await["error"]["code"], "too-large");
    assert_eq!(ann.call("direct-message", json!(7)).await["error"]["code"], "malformed");
    assert_eq!(eve.heard().await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_sends_too_many_is_told_and_stays() {
    let limits = Limits { direct_per_second: 0, direct_burst: 2, ..Limits::default() };
    let server = Server::bind(ServerConfig { limits, ..config() }).await.unwrap();
    let ann = Client::member(&server, "room", "Ann").await;
    let mut ben = Client::member(&server, "room", "Ben").await;
    ben.heard().await;
    for n in 0..2 {
        assert_eq!(send(&ann, &ben.id, json!(n)).await, json!({}));
    }
    assert_eq!(send(&ann, &ben.id, json!(2)).await["error"]["code"], "too-many");
    assert_eq!(ben.heard().await.len(), 2);
    ann.call("ask-ice", Value::Null).await;
}

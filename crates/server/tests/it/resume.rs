//! Coming back as the same member.

use crate::support::{Client, config, server};
use confab_server::{Server, ServerConfig};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn a_member_that_comes_back_keeps_its_id_and_its_place() {
    let server = server().await;
    let mut ann = Client::member(&server, "room", "Ann").await;
    let mut ben = Client::member(&server, "room", "Ben").await;
    let mut cat = Client::connect(&server).await;
    let token = cat.join(json!({ "roomId": "room", "name": "Cat" })).await.resume.unwrap();
    ann.heard().await;
    ben.heard().await;

    // The old socket still stands when the new one joins, as after a network change.
    let mut again = Client::connect(&server).await;
    let welcome = again.join(json!({ "roomId": "room", "name": "Cat", "resume": token, "connected": [ann.id] })).await;
    assert_eq!(welcome.id, cat.id);
    assert_eq!(welcome.members.len(), 2);
    assert_eq!(ben.expect("#rtcio:init-offer").await, json!({ "source": cat.id }));
    let mut told = cat.heard_until_closed().await;
    told.retain(|(event, _)| event != "user-connected");
    assert_eq!(told, [("(close)".to_owned(), json!(null))]);
    assert_eq!(ann.heard().await, []);
    assert_eq!(ben.heard().await, []);

    // Messages find the new socket, and come from the old id.
    ann.message(&cat.id, json!({ "mid": "m" })).await;
    while again.next().await.0 != "#rtcio:message" {}
    again.message(&ann.id, json!({ "mid": "m" })).await;
    assert_eq!(ann.expect("#rtcio:message").await["source"], cat.id);

    // Leaving later is told under that id.
    again.disconnect().await;
    assert_eq!(ann.expect("#rtcio:peer-left").await, json!({ "id": cat.id }));
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_secret_members_come_back_after_a_restart() {
    let secret = ServerConfig { secret: Some(b"kept".to_vec()), ..config() };
    let first = Server::bind(secret.clone()).await.unwrap();
    let mut ann = Client::connect(&first).await;
    let before = ann.join(json!({ "roomId": "room" })).await;
    let listen = first.local_addr();
    first.shutdown().await;

    let second = Server::bind(ServerConfig { listen, ..secret }).await.unwrap();
    let mut ann = Client::connect(&second).await;
    let after = ann.join(json!({ "roomId": "room", "resume": before.resume })).await;
    assert_eq!(after.id, before.id);
    assert_ne!(after.resume, before.resume, "each has its own generation");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_token_of_another_room_is_worth_nothing() {
    let server = server().await;
    let mut ann = Client::connect(&server).await;
    let token = ann.join(json!({ "roomId": "room" })).await.resume;
    let mut eve = Client::connect(&server).await;
    let welcome = eve.join(json!({ "roomId": "other", "resume": token })).await;
    assert_ne!(welcome.id, ann.id);
}

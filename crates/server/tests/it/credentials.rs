//! TURN credentials: for members, in their names, and not to be collected.

use crate::support::{Client, config};
use confab_server::{Server, ServerConfig, TurnConfig};
use serde_json::{Value, json};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

async fn server() -> Server {
    let turn = TurnConfig {
        secret: "north".into(),
        urls: vec!["turn:turn.example.org?transport=udp".into(), "turns:turn.example.org".into()],
        ttl: Duration::from_secs(600),
    };
    let stun = vec!["stun:stun.example.org".to_owned()];
    Server::bind(ServerConfig { stun, turn: Some(turn), ..config() }).await.unwrap()
}

async fn ask(client: &Client) -> Vec<Value> {
    client.call("ask-ice", Value::Null).await["iceServers"].as_array().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_gets_a_credential_in_its_name_that_expires() {
    let server = server().await;
    let mut ann = Client::connect(&server).await;
    let welcome = ann.join(json!({ "roomId": "room" })).await;
    assert_eq!(welcome.ice_servers[1].urls.len(), 2);
    let servers = ask(&ann).await;
    assert_eq!(servers[0], json!({ "urls": ["stun:stun.example.org"] }));
    let username = servers[1]["username"].as_str().unwrap();
    assert_eq!(welcome.ice_servers[1].username.as_deref(), Some(username), "the same as with the welcome");
    let (expiry, id) = username.split_once(':').unwrap();
    assert_eq!(id, ann.id);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let expiry: u64 = expiry.parse().unwrap();
    assert!((now + 500..=now + 600).contains(&expiry), "{expiry} seen at {now}");
    assert_eq!(servers[1]["credential"], hmac_sha1("north", username));
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_get_none_and_members_collect_none() {
    let server = server().await;
    let mut eve = Client::connect(&server).await;
    assert_eq!(ask(&eve).await, [json!({ "urls": ["stun:stun.example.org"] })]);
    eve.join(json!({ "roomId": "room" })).await;
    let mut credentials = Vec::new();
    for _ in 0..100 {
        credentials.push(ask(&eve).await[1]["credential"].clone());
    }
    credentials.dedup();
    // Two, if one ends while they are asked for.
    assert!(credentials.len() <= 2, "{credentials:?}");
    eve.emit("leave-room", json!({})).await;
    assert_eq!(ask(&eve).await.len(), 1);
}

/// As coturn computes it; checked against OpenSSL in the crate's own tests.
fn hmac_sha1(secret: &str, text: &str) -> String {
    use base64::Engine;
    use hmac::Mac;
    let mut mac = hmac::Hmac::<sha1::Sha1>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(text.as_bytes());
    base64::engine::general_purpose::STANDARD.encode(mac.finalize().into_bytes())
}

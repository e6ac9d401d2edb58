//! What a browser sees.

use crate::support::{Client, config, http, server};
use confab_server::{Server, ServerConfig, TurnConfig};
use serde_json::{Value, json};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

#[tokio::test]
async fn health_is_json() {
    let server = server().await;
    let answer = http(server.local_addr(), "GET /healthz HTTP/1.1").await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200"));
    let body: Value = serde_json::from_str(body).unwrap();
    assert_eq!(body, json!({ "ok": true, "name": "confab", "version": env!("CARGO_PKG_VERSION") }));
}

#[tokio::test]
async fn the_page_behind_a_link_opens_the_app_with_that_link() {
    let server = server().await;
    let address = server.local_addr();
    let page = http(address, "GET /r/babad-gutih HTTP/1.1").await;
    assert!(page.starts_with("HTTP/1.1 200"), "{page}");
    let link = format!("http://{address}/r/babad-gutih");
    let app = page.split_once("href=\"confab:").unwrap().1.split_once('"').unwrap().0;
    let opened: confab_wire::room::RoomLink = format!("confab:{app}").parse().unwrap();
    assert_eq!(opened.to_string(), link);
    assert!(page.contains(&format!(">{link}<")));
    for header in ["default-src 'none'", "no-referrer", "nosniff", "no-store"] {
        assert!(page.contains(header), "{header}");
    }
    assert!(!page.contains("<script") && !page.contains("{{"));
}

#[tokio::test]
async fn other_addresses_are_answered_in_words() {
    let server = server().await;
    let address = server.local_addr();
    assert!(http(address, "GET / HTTP/1.1").await.contains("Confab server"));
    for path in ["/r/", "/r/..", "/r/a%20b", "/r/%3Cscript%3E", "/r/a/b", "/nothing", "/r/%ff"] {
        let page = http(address, &format!("GET {path} HTTP/1.1")).await;
        assert!(page.starts_with("HTTP/1.1 404") || page.starts_with("HTTP/1.1 400"), "{path}: {page}");
        assert!(!page.contains("<script"), "{path}");
    }
    let long = "x".repeat(confab_wire::limits::ROOM_ID_CHARS + 1);
    assert!(http(address, &format!("GET /r/{long} HTTP/1.1")).await.starts_with("HTTP/1.1 404"));
}

#[tokio::test]
async fn a_page_of_any_origin_may_connect_but_not_with_credentials() {
    let server = server().await;
    let origin = "\r\nOrigin: https://stock.example.org";
    let open = format!("GET /socket.io/?EIO=4&transport=polling HTTP/1.1{origin}");
    let answer = http(server.local_addr(), &open).await.to_lowercase();
    assert!(answer.starts_with("http/1.1 200") && answer.contains("access-control-allow-origin: *"), "{answer}");
    assert!(!answer.contains("set-cookie") && !answer.contains("allow-credentials"));
    let preflight = format!(
        "OPTIONS /socket.io/?EIO=4&transport=polling HTTP/1.1{origin}\r\nAccess-Control-Request-Method: POST\r\n\
         Access-Control-Request-Headers: content-type"
    );
    let answer = http(server.local_addr(), &preflight).await.to_lowercase();
    assert!(answer.starts_with("http/1.1 200") && answer.contains("access-control-allow-methods: *"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn ice_servers_come_with_credentials_that_expire() {
    let turn = TurnConfig {
        secret: "north".into(),
        urls: vec!["turn:turn.example.org?transport=udp".into(), "turns:turn.example.org".into()],
        ttl: Duration::from_secs(600),
    };
    let stun = vec!["stun:stun.example.org".to_owned()];
    let server = Server::bind(ServerConfig { stun, turn: Some(turn), ..config() }).await.unwrap();
    let mut client = Client::connect(&server).await;
    let answer = client.call("ask-ice", Value::Null).await;
    let servers = answer["iceServers"].as_array().unwrap();
    assert_eq!(servers[0], json!({ "urls": ["stun:stun.example.org"] }));
    assert_eq!(servers[1]["urls"].as_array().unwrap().len(), 2);

    let username = servers[1]["username"].as_str().unwrap();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let expiry: u64 = username.parse().unwrap();
    assert!((now + 500..=now + 600).contains(&expiry), "{expiry} seen at {now}");
    assert_eq!(servers[1]["credential"], hmac_sha1("north", username));
    // The welcome carries the same.
    let welcome = client.join(json!({ "roomId": "room" })).await;
    assert_eq!(welcome.ice_servers[1].urls.len(), 2);
}

/// As coturn computes it; checked against OpenSSL in the crate's own tests.
fn hmac_sha1(secret: &str, text: &str) -> String {
    use base64::Engine;
    use hmac::Mac;
    let mut mac = hmac::Hmac::<sha1::Sha1>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(text.as_bytes());
    base64::engine::general_purpose::STANDARD.encode(mac.finalize().into_bytes())
}

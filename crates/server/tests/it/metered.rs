//! The Metered endpoint: frames, their order, rights, limits and close codes.

use crate::support::{config, http, soon, tcp};
use confab_server::{Limits, MeteredClaims, MeteredConfig, MeteredKey, Server, ServerConfig, mint_metered};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use std::net::Ipv4Addr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, client_async};

const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";

pub fn with(limits: Limits) -> ServerConfig {
    let token_keys = vec![MeteredKey { id: "k1".into(), secret: SECRET.to_vec() }];
    let metered = MeteredConfig { publishable_keys: vec!["pk_live_1".into()], token_keys };
    ServerConfig { metered: Some(metered), limits, ..config() }
}

async fn server() -> Server {
    Server::bind(with(Limits::default())).await.unwrap()
}

pub fn claims(id: &str) -> MeteredClaims {
    MeteredClaims {
        sub: Some(id.into()),
        peer_metadata: json!({ "username": id.to_uppercase() }).as_object().cloned(),
        ..MeteredClaims::lasting(Duration::from_secs(600))
    }
}

pub struct Client {
    socket: WebSocketStream<TcpStream>,
    requests: u32,
}

impl Client {
    pub async fn query(server: &Server, query: &str) -> Client {
        let to = server.local_addr();
        let stream = tcp(Ipv4Addr::LOCALHOST, to, false).await.unwrap();
        let opened = soon("a handshake", client_async(format!("ws://{to}/v1?{query}"), stream)).await;
        Client { socket: opened.unwrap().0, requests: 0 }
    }

    pub async fn with(server: &Server, claims: &MeteredClaims) -> Client {
        let token = mint_metered("k1", SECRET, claims).unwrap();
        let mut client = Client::query(server, &format!("token={token}")).await;
        assert_eq!(client.frame().await["type"], "welcome");
        client
    }

    pub async fn open(server: &Server, id: &str) -> Client {
        Client::with(server, &claims(id)).await
    }

    /// One in channel `r`, with its roster read.
    pub async fn inside(server: &Server, id: &str) -> Client {
        let mut client = Client::open(server, id).await;
        client.ask(json!({ "type": "subscribe", "channel": "r" })).await.unwrap();
        assert_eq!(client.frame().await["type"], "presence");
        client
    }

    pub async fn send(&mut self, frame: &Value) {
        self.socket.send(Message::text(frame.to_string())).await.ok();
    }

    pub async fn next(&mut self) -> Result<Value, u16> {
        loop {
            match soon("a frame", self.socket.next()).await {
                Some(Ok(Message::Text(text))) => return Ok(serde_json::from_str(&text).unwrap()),
                Some(Ok(Message::Close(close))) => return Err(close.map_or(1_005, |close| close.code.into())),
                Some(Err(_)) | None => return Err(1_006),
                Some(Ok(_)) => {}
            }
        }
    }

    pub async fn frame(&mut self) -> Value {
        self.next().await.unwrap()
    }

    /// The code of the close frame; what comes before is left out.
    pub async fn closed(&mut self) -> u16 {
        loop {
            if let Err(code) = self.next().await {
                return code;
            }
        }
    }

    /// Asks, and reads the answer, which has to be the next frame.
    pub async fn ask(&mut self, mut frame: Value) -> Result<(), String> {
        self.requests += 1;
        let id = format!("request-{}", self.requests);
        frame["requestId"] = json!(id);
        self.send(&frame).await;
        let answer = self.frame().await;
        assert_eq!(answer["requestId"], *id, "{answer}");
        match answer["type"].as_str() {
            Some("ack") => Ok(()),
            _ => Err(answer["code"].as_str().unwrap().to_owned()),
        }
    }

    pub async fn refused(&mut self, frame: Value, code: &str) {
        assert_eq!(self.ask(frame).await, Err(code.to_owned()));
    }
}

pub fn presence(joined: &[&str], left: &[&str]) -> Value {
    let entry = |id: &&str| json!({ "peerId": id, "metadata": { "username": id.to_uppercase() } });
    let joined: Vec<Value> = joined.iter().map(entry).collect();
    let left: Vec<Value> = left.iter().map(|id| json!({ "peerId": id })).collect();
    json!({ "type": "presence", "channel": "r", "joined": joined, "left": left })
}

#[tokio::test]
async fn a_welcome_says_who_one_is() {
    let server = server().await;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let mut ids = Vec::new();
    for _ in 0..2 {
        let welcome = Client::query(&server, "key=pk_live_1").await.frame().await;
        assert_eq!((&welcome["expiresAt"], &welcome["maxMessageSize"]), (&Value::Null, &json!(65_536)));
        assert!(welcome["serverTime"].as_u64().unwrap() >= now && welcome.get("metadata").is_none());
        ids.push(uuid::Uuid::parse_str(welcome["peerId"].as_str().unwrap()).unwrap());
    }
    assert_ne!(ids[0], ids[1]);
    let own = json!({ "iceServers": [{ "urls": "stun:stun.example.org" }] });
    let claims = MeteredClaims { metadata: own.as_object().cloned(), ..claims("alice") };
    let token = mint_metered("k1", SECRET, &claims).unwrap();
    let welcome = Client::query(&server, &format!("token={token}")).await.frame().await;
    assert_eq!((&welcome["peerId"], &welcome["expiresAt"]), (&json!("alice"), &json!(claims.exp)));
    assert_eq!(welcome["metadata"], own);
}

#[tokio::test]
async fn who_may_not_enter_is_closed_with_a_code_before_any_welcome() {
    let server = server().await;
    let token = |key: &str, secret: &[u8], claims: &MeteredClaims| {
        format!("token={}", mint_metered(key, secret, claims).unwrap())
    };
    let good = token("k1", SECRET, &claims("alice"));
    for (query, code) in [
        (String::new(), 4_001),
        ("key=pk_live_2".into(), 4_001),
        ("token=a.b.c".into(), 4_001),
        (format!("key=pk_live_1&{good}"), 4_001),
        (token("k2", SECRET, &claims("alice")), 4_001),
        (token("k1", b"another secret of thirty-two bytes", &claims("alice")), 4_001),
        (token("k1", SECRET, &MeteredClaims { exp: 1_000, ..claims("alice") }), 4_002),
    ] {
        let mut client = Client::query(&server, &query).await;
        assert_eq!(client.next().await, Err(code), "{query}");
    }
    let server = Server::bind(with(Limits { sockets: 1, ..Limits::default() })).await.unwrap();
    let _alice = Client::open(&server, "alice").await;
    assert_eq!(Client::query(&server, "key=pk_live_1").await.next().await, Err(4_010));
    let answer = http(server.local_addr(), "GET /v1?key=pk_live_1 HTTP/1.1").await;
    assert!(answer.starts_with("HTTP/1.1 400"), "no WebSocket: {answer}");
    let without = crate::support::server().await;
    assert!(http(without.local_addr(), "GET /v1 HTTP/1.1").await.starts_with("HTTP/1.1 404"));
}

#[tokio::test]
async fn a_subscriber_gets_the_ack_then_the_roster_and_the_others_learn_of_it() {
    let server = server().await;
    let mut alice = Client::open(&server, "alice").await;
    let subscribe = json!({ "type": "subscribe", "channel": "r" });
    alice.ask(subscribe.clone()).await.unwrap();
    assert_eq!(alice.frame().await, presence(&[], &[]));
    let mut bob = Client::open(&server, "bob").await;
    bob.ask(subscribe.clone()).await.unwrap();
    assert_eq!(bob.frame().await, presence(&["alice"], &[]));
    bob.ask(json!({ "type": "publish", "channel": "r", "data": 1 })).await.unwrap();
    assert_eq!(alice.frame().await, presence(&["bob"], &[]), "before anything that the newcomer sends");
    assert_eq!(alice.frame().await, json!({ "type": "message", "channel": "r", "from": "bob", "data": 1 }));
    // Again: the whole roster, and nothing for the others.
    alice.ask(subscribe).await.unwrap();
    assert_eq!(alice.frame().await, presence(&["bob"], &[]));
    bob.ask(json!({ "type": "unsubscribe", "channel": "r" })).await.unwrap();
    assert_eq!(alice.frame().await, presence(&[], &["bob"]));
    bob.ask(json!({ "type": "unsubscribe", "channel": "r" })).await.unwrap();
    bob.ask(json!({ "type": "subscribe", "channel": "r" })).await.unwrap();
    assert_eq!(alice.frame().await, presence(&["bob"], &[]));
    drop(bob);
    assert_eq!(alice.frame().await, presence(&[], &["bob"]));
}

#[tokio::test]
async fn messages_go_to_a_channel_and_to_a_peer_in_the_order_in_which_they_were_sent() {
    let server = server().await;
    let mut alice = Client::open(&server, "alice").await;
    let subscribe = json!({ "type": "subscribe", "channel": "r", "includeSenderMetadata": true });
    alice.ask(subscribe).await.unwrap();
    alice.frame().await;
    let mut bob = Client::inside(&server, "bob").await;
    alice.frame().await;
    for number in 0..20 {
        bob.ask(json!({ "type": "publish", "channel": "r", "data": { "n": number } })).await.unwrap();
        bob.ask(json!({ "type": "send", "to": "alice", "data": number })).await.unwrap();
    }
    let metadata = json!({ "username": "BOB" });
    for number in 0..20 {
        let message = json!({ "type": "message", "channel": "r", "from": "bob", "fromMetadata": metadata, "data": { "n": number } });
        assert_eq!(alice.frame().await, message);
        let direct = json!({ "type": "direct", "from": "bob", "fromMetadata": metadata, "data": number });
        assert_eq!(alice.frame().await, direct);
    }
    // Bob has not asked for metadata, and hears nothing of what he says himself; null is data.
    alice.ask(json!({ "type": "publish", "channel": "r", "data": null })).await.unwrap();
    assert_eq!(bob.frame().await, json!({ "type": "message", "channel": "r", "from": "alice", "data": null }));
    // No channel is needed for a peer.
    let mut cat = Client::open(&server, "cat").await;
    cat.ask(json!({ "type": "send", "to": "bob", "data": "hi" })).await.unwrap();
    assert_eq!(bob.frame().await["data"], "hi");
}

#[tokio::test]
async fn what_is_wrong_is_refused_with_a_code() {
    let server = server().await;
    let mut alice = Client::open(&server, "alice").await;
    alice.refused(json!({ "type": "send", "to": "nobody", "data": 1 }), "peer_not_found").await;
    alice.refused(json!({ "type": "send", "to": "", "data": 1 }), "invalid_peer_id").await;
    alice.refused(json!({ "type": "send", "to": "alice" }), "missing_data").await;
    alice.refused(json!({ "type": "subscribe", "channel": "_METERED/x" }), "channel_reserved").await;
    alice.refused(json!({ "type": "subscribe", "channel": "x".repeat(257) }), "invalid_channel").await;
    alice.refused(json!({ "type": "subscribe", "channel": "a\u{7f}" }), "invalid_channel").await;
    alice.refused(json!({ "type": "sing" }), "unknown_type").await;
    alice.refused(json!({ "type": 1 }), "malformed_message").await;
    let large = "x".repeat(65_535);
    alice.refused(json!({ "type": "publish", "channel": "r", "data": large }), "message_too_large").await;
    let most = "x".repeat(65_534);
    alice.ask(json!({ "type": "publish", "channel": "r", "data": most })).await.unwrap();
    alice.send(&json!("no object")).await;
    let error = json!({ "type": "error", "code": "malformed_message", "message": "malformed_message" });
    assert_eq!(alice.frame().await, error);
    for number in 0..100 {
        alice.ask(json!({ "type": "subscribe", "channel": number.to_string() })).await.unwrap();
        alice.frame().await;
    }
    alice.refused(json!({ "type": "subscribe", "channel": "one more" }), "channel_limit_exceeded").await;
    alice.send(&json!({ "type": "ping" })).await;
    assert_eq!(alice.frame().await, json!({ "type": "pong" }));
    alice.socket.send(Message::binary(vec![1, 2])).await.unwrap();
    alice.send(&json!({ "type": "ping" })).await;
    assert_eq!(alice.frame().await["type"], "pong", "binary frames are ignored");
    alice.send(&json!({ "type": "publish", "channel": "r", "data": "x".repeat(80_000) })).await;
    assert_eq!(alice.closed().await, 1_009);
}

#[tokio::test]
async fn a_token_opens_what_it_names_and_permits_what_it_says() {
    let server = server().await;
    let limited = MeteredClaims { channels: Some(vec!["r".into(), "team-*".into()]), ..claims("alice") };
    let mut alice = Client::with(&server, &limited).await;
    for channel in ["hall", "team-a/b"] {
        for kind in ["subscribe", "publish"] {
            alice.refused(json!({ "type": kind, "channel": channel, "data": 1 }), "channel_not_authorized").await;
        }
    }
    alice.ask(json!({ "type": "publish", "channel": "team-a", "data": 1 })).await.unwrap();
    alice.ask(json!({ "type": "subscribe", "channel": "r" })).await.unwrap();
    alice.frame().await;
    let permissions = Some(vec!["subscribe".to_owned()]);
    let mut bob = Client::with(&server, &MeteredClaims { permissions, ..claims("bob") }).await;
    bob.refused(json!({ "type": "publish", "channel": "r", "data": 1 }), "action_not_permitted").await;
    bob.refused(json!({ "type": "send", "to": "alice", "data": 1 }), "action_not_permitted").await;
    bob.ask(json!({ "type": "subscribe", "channel": "r" })).await.unwrap();
    assert_eq!(bob.frame().await, presence(&[], &[]), "without the permission of presence nobody is seen");
    assert_eq!(alice.frame().await, presence(&["bob"], &[]));
    let permissions = Some(vec!["publish".to_owned()]);
    let mut cat = Client::with(&server, &MeteredClaims { permissions, ..claims("cat") }).await;
    cat.refused(json!({ "type": "subscribe", "channel": "r" }), "action_not_permitted").await;
    cat.ask(json!({ "type": "publish", "channel": "r", "data": 1 })).await.unwrap();
    assert_eq!(bob.frame().await["from"], "cat");
}

#[tokio::test]
async fn the_same_id_again_replaces_the_old_socket_and_leaves_and_joins_for_the_others() {
    let server = server().await;
    let mut bob = Client::inside(&server, "bob").await;
    let mut old = Client::inside(&server, "alice").await;
    assert_eq!(bob.frame().await, presence(&["alice"], &[]));
    let _new = Client::inside(&server, "alice").await;
    assert_eq!(old.closed().await, 4_020);
    assert_eq!(bob.frame().await, presence(&[], &["alice"]));
    assert_eq!(bob.frame().await, presence(&["alice"], &[]));
    drop(old);
    bob.ask(json!({ "type": "subscribe", "channel": "r" })).await.unwrap();
    assert_eq!(bob.frame().await, presence(&["alice"], &[]), "the end of the old one takes nobody away");
}

#[tokio::test]
async fn a_client_ends_with_its_token() {
    let server = server().await;
    let mut bob = Client::inside(&server, "bob").await;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let mut alice = Client::with(&server, &MeteredClaims { exp: now + 3, ..claims("alice") }).await;
    alice.send(&json!({ "type": "subscribe", "channel": "r" })).await;
    assert_eq!(alice.closed().await, 4_002);
    assert_eq!(bob.frame().await, presence(&["alice"], &[]));
    assert_eq!(bob.frame().await, presence(&[], &["alice"]));
}

#[tokio::test]
async fn who_sends_too_much_hears_it_and_is_closed() {
    let limits = Limits { messages_per_second: 0, message_burst: 3, dropped_messages: 3, ..Limits::default() };
    let server = Server::bind(with(limits)).await.unwrap();
    let mut alice = Client::open(&server, "alice").await;
    for _ in 0..3 {
        alice.ask(json!({ "type": "publish", "channel": "r", "data": 1 })).await.unwrap();
    }
    for _ in 0..3 {
        alice.refused(json!({ "type": "publish", "channel": "r", "data": 1 }), "over_message_quota").await;
    }
    alice.send(&json!({ "type": "ping" })).await;
    assert_eq!(alice.closed().await, 4_011);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_is_announced_and_reports_nobody_as_gone() {
    let server = server().await;
    let mut alice = Client::inside(&server, "alice").await;
    let mut bob = Client::inside(&server, "bob").await;
    alice.frame().await;
    let stop = tokio::spawn(server.shutdown());
    for client in [&mut alice, &mut bob] {
        assert_eq!(client.frame().await, json!({ "type": "going_away", "retryAfterMs": 1_000 }));
        assert_eq!(client.next().await, Err(1_001));
        client.closed().await;
    }
    soon("the stop", stop).await.unwrap();
}

#[tokio::test]
async fn health_says_whether_pages_from_other_computers_can_use_it() {
    let health = async |config: ServerConfig| {
        let server = Server::bind(config).await.unwrap();
        let answer = http(server.local_addr(), "GET /healthz HTTP/1.1").await;
        serde_json::from_str::<Value>(answer.split_once("\r\n\r\n").unwrap().1).unwrap()["metered"].take()
    };
    let plain = with(Limits::default());
    assert_eq!(health(plain.clone()).await, json!({ "tls": false, "reason": "tls-missing" }));
    let public_url = "https://meet.example.org".parse().ok();
    assert_eq!(health(ServerConfig { public_url, ..plain }).await, json!({ "tls": true }));
}

#[test]
fn the_program_takes_keys_and_makes_tokens() {
    use crate::process::{Program, command, ends};
    let state = tempfile::tempdir().unwrap();
    let refused = |arguments: &[&str], variables: &[(&str, &str)], word: &str| {
        let output = ends(command(state.path()).envs(variables.iter().copied()).args(arguments));
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() == Some(2) && said.contains(word), "{arguments:?} {variables:?}: {said}");
    };
    for key in ["", "live_1", "pk_", "pk_liv e"] {
        refused(&["--metered-key", key], &[], "pk_");
    }
    refused(&[], &[("CONFAB_METERED_SECRETS", "k1=hunter2")], "7 bytes");
    refused(&[], &[("CONFAB_METERED_SECRETS", "k1=")], "0 bytes");
    refused(&["--metered-secret", "hunter2"], &[], "ID=SECRET");
    refused(&["--metered-secret", ""], &[], "ID=SECRET");
    let file = state.path().join("key");
    std::fs::write(&file, "short\n").unwrap();
    refused(&["--metered-secret-file", &format!("k1={}", file.display())], &[], "5 bytes");
    std::fs::write(&file, [SECRET, b"\n"].concat()).unwrap();
    let both = format!("k1={}", String::from_utf8_lossy(SECRET));
    let twice = ["--metered-secret", &both, "--metered-secret-file", &format!("k1={}", file.display())];
    refused(&twice, &[], "two keys");

    let output = ends(command(state.path()).args(["token", "--metered", "k1", "--token-key-file"]).arg(&file).args([
        "--sub",
        "alice",
        "--channel",
        "r",
        "--permission",
        "subscribe",
        "--metadata",
        r#"{"username":"A"}"#,
    ]));
    let token = String::from_utf8(output.stdout).unwrap();
    let program =
        Program::start(command(state.path()).env("CONFAB_METERED_SECRETS", &both).env("CONFAB_METERED_KEYS", ""));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let stream = TcpStream::connect(program.address).await.unwrap();
        let url = format!("ws://{}/v1?token={}", program.address, token.trim());
        let mut client = Client { socket: client_async(url, stream).await.unwrap().0, requests: 0 };
        assert_eq!(client.frame().await["peerId"], "alice");
        client.refused(json!({ "type": "publish", "channel": "r", "data": 1 }), "action_not_permitted").await;
        client.ask(json!({ "type": "subscribe", "channel": "r" })).await.unwrap();
    });
    let logged = program.stop();
    assert!(logged.contains("TLS") && !logged.contains("0123456789abcdef"), "{logged}");
}

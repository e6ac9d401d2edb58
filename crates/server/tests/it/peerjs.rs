//! The PeerServer: every answer and frame of npm's `peer` 1.0, where it differs from that, and its bounds.

use crate::support::{config, http, soon, tcp};
use confab_server::{Limits, PeerServerConfig, Server, ServerConfig};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, client_async};

const NO_ONE: &str = "No id, token, or key supplied to websocket server";

fn with(peerjs: PeerServerConfig) -> ServerConfig {
    ServerConfig { peerjs: Some(peerjs), ..config() }
}

async fn server() -> Server {
    Server::bind(with(PeerServerConfig::default())).await.unwrap()
}

/// A client of PeerJS that says only what the test says.
struct Peer(WebSocketStream<TcpStream>);

/// What a client hears.
#[derive(Debug, PartialEq)]
enum Heard {
    Frame(Value),
    /// The code of the close frame; 1005 for none.
    Closed(u16),
    Broken,
}

impl Peer {
    async fn over(stream: TcpStream, to: SocketAddr, query: &str) -> Result<Peer, u16> {
        let url = format!("ws://{to}/peerjs/peerjs{query}");
        match soon("a handshake", client_async(url, stream)).await {
            Ok((socket, _)) => Ok(Peer(socket)),
            Err(tokio_tungstenite::tungstenite::Error::Http(response)) => Err(response.status().as_u16()),
            Err(error) => panic!("{error}"),
        }
    }

    async fn query(server: &Server, query: &str) -> Peer {
        let to = server.local_addr();
        Peer::over(tcp(Ipv4Addr::LOCALHOST, to, false).await.unwrap(), to, query).await.unwrap()
    }

    async fn connect(server: &Server, id: &str, token: &str) -> Peer {
        Peer::query(server, &format!("?key=peerjs&id={id}&token={token}&version=1.5.5")).await
    }

    /// One that is connected.
    async fn open(server: &Server, id: &str) -> Peer {
        let mut peer = Peer::connect(server, id, "t").await;
        assert_eq!(peer.frame().await, json!({ "type": "OPEN" }));
        peer
    }

    async fn send(&mut self, text: impl Into<String>) {
        self.0.send(Message::text(text.into())).await.ok();
    }

    async fn hear(&mut self) -> Heard {
        loop {
            match soon("a frame", self.0.next()).await {
                Some(Ok(Message::Text(text))) => return Heard::Frame(serde_json::from_str(&text).unwrap()),
                Some(Ok(Message::Close(close))) => {
                    return Heard::Closed(close.map_or(1_005, |close| close.code.into()));
                }
                Some(Err(_)) | None => return Heard::Broken,
                Some(Ok(_)) => {}
            }
        }
    }

    async fn frame(&mut self) -> Value {
        match self.hear().await {
            Heard::Frame(frame) => frame,
            other => panic!("{other:?}"),
        }
    }

    /// Everything that it was sent before now: what it sends to itself comes back.
    async fn frames(&mut self, id: &str) -> Vec<Value> {
        self.send(json!({ "type": "LEAVE", "dst": id, "payload": "now" }).to_string()).await;
        let mut frames = Vec::new();
        loop {
            let frame = self.frame().await;
            if frame["payload"] == "now" {
                return frames;
            }
            frames.push(frame);
        }
    }
}

fn header<'a>(answer: &'a str, name: &str) -> Option<&'a str> {
    let lines = answer.split("\r\n\r\n").next().unwrap().lines();
    let mut headers = lines.filter_map(|line| line.split_once(": "));
    headers.find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

fn body(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").unwrap().1
}

#[tokio::test]
async fn requests_are_answered_as_by_the_stock_server() {
    let server = server().await;
    let ask = async |line: &str| http(server.local_addr(), &format!("{line} HTTP/1.1")).await;
    let mut ids = Vec::new();
    for _ in 0..2 {
        let answer = ask("GET /peerjs/any-key/id?ts=17&version=1.5.5").await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        assert_eq!(header(&answer, "content-type"), Some("text/html; charset=utf-8"));
        let id = uuid::Uuid::parse_str(body(&answer)).unwrap();
        assert_eq!(id.get_version_num(), 4);
        ids.push(id);
    }
    assert_ne!(ids[0], ids[1]);
    let answer = ask("GET /peerjs/peerjs/peers").await;
    assert!(answer.starts_with("HTTP/1.1 401") && body(&answer) == "Unauthorized", "{answer}");
    assert!(header(&answer, "content-type").unwrap().starts_with("text/plain"));
    for root in ["/peerjs", "/peerjs/"] {
        let answer = ask(&format!("GET {root}")).await;
        let root: Value = serde_json::from_str(body(&answer)).unwrap();
        assert!(["name", "description", "website"].iter().all(|key| root[key].is_string()), "{answer}");
    }
    for line in
        ["GET /peerjs/id", "GET /peerjs/a/b/id", "GET /peerjs/a/other", "POST /peerjs/peerjs/id", "GET /peerjs//id"]
    {
        let answer = ask(line).await;
        assert!(answer.starts_with("HTTP/1.1 404"), "{line}: {answer}");
    }
    assert!(ask("GET /peerjsx").await.contains("There is nothing here"));
}

#[tokio::test]
async fn discovery_names_all_who_are_connected() {
    let server = Server::bind(with(PeerServerConfig { allow_discovery: true, ..Default::default() })).await.unwrap();
    let ask = async || http(server.local_addr(), "GET /peerjs/peerjs/peers HTTP/1.1").await;
    assert_eq!(body(&ask().await), "[]");
    let _peers = (Peer::open(&server, "x").await, Peer::open(&server, "y").await);
    let mut ids: Vec<String> = serde_json::from_str(body(&ask().await)).unwrap();
    ids.sort();
    assert_eq!(ids, ["x", "y"]);
}

#[tokio::test]
async fn pages_of_any_origin_may_ask() {
    let server = server().await;
    let origin = "Origin: https://page.example.org";
    let address = server.local_addr();
    for path in ["/peerjs/peerjs/id", "/peerjs/peerjs/peers", "/peerjs/nothing"] {
        let answer = http(address, &format!("GET {path} HTTP/1.1\r\n{origin}")).await;
        assert_eq!(header(&answer, "access-control-allow-origin"), Some("https://page.example.org"), "{answer}");
        assert_eq!(header(&answer, "vary"), Some("Origin"));
    }
    let preflight = format!("OPTIONS /peerjs/peerjs/id HTTP/1.1\r\n{origin}\r\nAccess-Control-Request-Method: GET");
    let answer = http(address, &preflight).await;
    assert!(answer.starts_with("HTTP/1.1 204"), "{answer}");
    assert_eq!(header(&answer, "access-control-allow-methods"), Some("GET,HEAD,PUT,PATCH,POST,DELETE"));
    assert_eq!(header(&answer, "access-control-allow-origin"), Some("https://page.example.org"));
    assert!(header(&http(address, "GET /peerjs/ HTTP/1.1").await, "access-control-allow-origin").is_none());
}

#[tokio::test]
async fn without_a_configuration_there_is_none() {
    let server = crate::support::server().await;
    assert!(http(server.local_addr(), "GET /peerjs/peerjs/id HTTP/1.1").await.starts_with("HTTP/1.1 404"));
}

#[tokio::test]
async fn who_is_refused_hears_why_and_a_close_without_a_code() {
    let server = Server::bind(with(PeerServerConfig { concurrent_limit: 1, ..Default::default() })).await.unwrap();
    let _ann = Peer::open(&server, "ann").await;
    let long = "x".repeat(129);
    for (query, kind, msg) in [
        ("", "ERROR", NO_ONE),
        ("?key=peerjs&id=a", "ERROR", NO_ONE),
        ("?key=peerjs&id=&token=t", "ERROR", NO_ONE),
        ("?id=a&token=t", "ERROR", NO_ONE),
        ("?key=other&id=a&token=t", "ERROR", "Invalid key provided"),
        ("?key=peerjs&id=ann&token=other", "ID-TAKEN", "ID is taken"),
        ("?key=peerjs&id=bob&token=t", "ERROR", "Server has reached its concurrent user limit"),
        (&format!("?key=peerjs&id={long}&token=t"), "ERROR", "Invalid id or token provided"),
    ] {
        let mut peer = Peer::query(&server, query).await;
        assert_eq!(peer.frame().await, json!({ "type": kind, "payload": { "msg": msg } }), "{query}");
        assert_eq!(peer.hear().await, Heard::Closed(1_005), "{query}");
    }
}

#[tokio::test]
async fn a_wrong_path_is_no_websocket() {
    let server = server().await;
    for path in ["/peerjs", "/peerjs/", "/peerjs/peerjs/id", "/peerjs/peerjs/"] {
        let stream = TcpStream::connect(server.local_addr()).await.unwrap();
        let url = format!("ws://{}{path}?key=peerjs&id=a&token=t", server.local_addr());
        let error = client_async(url, stream).await.err().unwrap();
        assert!(error.to_string().contains("400"), "{path}: {error}");
    }
}

#[tokio::test]
async fn an_id_may_hold_anything_that_the_stock_server_takes() {
    let server = server().await;
    let mut peer = Peer::open(&server, "a%20b-%C3%A9_").await;
    peer.send(json!({ "type": "OFFER", "dst": "a b-é_", "payload": 1 }).to_string()).await;
    assert_eq!(peer.frame().await, json!({ "type": "OFFER", "src": "a b-é_", "dst": "a b-é_", "payload": 1 }));
}

#[tokio::test]
async fn the_same_token_takes_over_with_open_and_the_old_socket_is_closed() {
    let server = server().await;
    let mut old = Peer::open(&server, "ann").await;
    let mut new = Peer::open(&server, "ann").await;
    assert_eq!(old.hear().await, Heard::Closed(1_005));
    // What the old one still says is not believed, and its end frees nothing.
    old.send(json!({ "type": "OFFER", "dst": "ann" }).to_string()).await;
    drop(old);
    let mut eve = Peer::connect(&server, "ann", "other").await;
    assert_eq!(eve.frame().await["type"], "ID-TAKEN");
    assert_eq!(new.frames("ann").await, Vec::<Value>::new());
}

#[tokio::test]
async fn messages_are_relayed_with_the_true_sender_and_nothing_else() {
    let server = server().await;
    let (mut ann, mut bob) = (Peer::open(&server, "ann").await, Peer::open(&server, "bob").await);
    for kind in ["OFFER", "ANSWER", "CANDIDATE", "LEAVE"] {
        let message =
            json!({ "dst": "bob", "payload": { "b": [null, 1.5], "a": "é" }, "type": kind, "src": "eve", "x": 1 });
        ann.send(message.to_string()).await;
        let frame = json!({ "type": kind, "src": "ann", "dst": "bob", "payload": { "b": [null, 1.5], "a": "é" } });
        assert_eq!(bob.frame().await, frame);
    }
    // Dropped: unknown types, the server's own, and what no server reads. The socket stays open.
    for text in [
        r#"{"type":"EXPIRE","dst":"bob"}"#,
        r#"{"type":"OPEN","dst":"bob"}"#,
        r#"{"type":"ERROR","dst":"bob"}"#,
        r#"{"type":"SONG","dst":"bob"}"#,
        r#"{"type":"OFFER"}"#,
        r#"{"type":"HEARTBEAT"}"#,
        "null",
        r#"["OFFER","bob",1]"#,
        "17",
        "{",
        "",
    ] {
        ann.send(text).await;
    }
    let binary = json!({ "type": "OFFER", "dst": "bob", "payload": "as bytes" }).to_string();
    ann.0.send(Message::binary(binary.into_bytes())).await.unwrap();
    assert_eq!(bob.frame().await["payload"], "as bytes");
}

#[tokio::test]
async fn what_is_sent_to_nobody_waits_for_them_in_order() {
    let server = server().await;
    let mut ann = Peer::open(&server, "ann").await;
    for (kind, number) in [("OFFER", 0), ("LEAVE", 1), ("CANDIDATE", 2), ("ANSWER", 3)] {
        ann.send(json!({ "type": kind, "dst": "bob", "payload": number }).to_string()).await;
    }
    ann.frames("ann").await;
    let mut bob = Peer::open(&server, "bob").await;
    let numbers: Vec<Value> = bob.frames("bob").await.into_iter().map(|frame| frame["payload"].clone()).collect();
    assert_eq!(numbers, [0, 2, 3], "who leaves does not wait");
}

#[tokio::test]
async fn what_waits_in_vain_expires_once_for_each_sender() {
    let expire_timeout = Duration::from_millis(300);
    let server = Server::bind(with(PeerServerConfig { expire_timeout, ..Default::default() })).await.unwrap();
    let (mut ann, mut bob) = (Peer::open(&server, "ann").await, Peer::open(&server, "bob").await);
    for kind in ["OFFER", "CANDIDATE"] {
        ann.send(json!({ "type": kind, "dst": "ghost" }).to_string()).await;
    }
    assert_eq!(ann.frame().await, json!({ "type": "EXPIRE", "src": "ghost", "dst": "ann" }));
    bob.send(json!({ "type": "OFFER", "dst": "ghost" }).to_string()).await;
    assert_eq!(bob.frame().await, json!({ "type": "EXPIRE", "src": "ghost", "dst": "bob" }));
    assert_eq!(ann.frames("ann").await, Vec::<Value>::new());
    let mut ghost = Peer::open(&server, "ghost").await;
    assert_eq!(ghost.frames("ghost").await, Vec::<Value>::new());
}

#[tokio::test]
async fn who_leaves_without_a_receiver_gives_its_id_back() {
    let server = server().await;
    let mut ann = Peer::open(&server, "ann").await;
    ann.send(r#"{"type":"LEAVE"}"#).await;
    let mut heir = soon("the id", async {
        loop {
            let mut heir = Peer::connect(&server, "ann", "other").await;
            if heir.frame().await["type"] == "OPEN" {
                break heir;
            }
        }
    })
    .await;
    // Its socket lives on, and speaks for nobody.
    ann.send(json!({ "type": "OFFER", "dst": "ann", "payload": "forged" }).to_string()).await;
    ann.0.send(Message::Ping("p".into())).await.unwrap();
    assert!(matches!(soon("a pong", ann.0.next()).await, Some(Ok(Message::Pong(_)))));
    assert_eq!(heir.frames("ann").await, Vec::<Value>::new());
}

#[tokio::test]
async fn only_heartbeats_keep_a_client_alive() {
    let alive_timeout = Duration::from_secs(3);
    let server = Server::bind(with(PeerServerConfig { alive_timeout, ..Default::default() })).await.unwrap();
    let (mut ann, mut bob) = (Peer::open(&server, "ann").await, Peer::open(&server, "bob").await);
    let (mut closed, mut beats) = (false, tokio::time::interval(Duration::from_millis(200)));
    soon("the end of the one without a heartbeat", async {
        while !closed {
            tokio::select! {
                heard = ann.hear() => closed = heard == Heard::Closed(1_005),
                _ = beats.tick() => {
                    ann.send(r#"{"type":"OFFER","dst":"bob"}"#).await;
                    bob.send(r#"{"type":"HEARTBEAT"}"#).await;
                }
            }
        }
    })
    .await;
    assert_eq!(Peer::connect(&server, "ann", "other").await.frame().await["type"], "OPEN");
    bob.send(r#"{"type":"HEARTBEAT"}"#).await;
    bob.frames("bob").await;
}

#[tokio::test]
async fn the_end_of_a_socket_frees_its_id_and_tells_nobody() {
    let server = server().await;
    let (ann, mut bob) = (Peer::open(&server, "ann").await, Peer::open(&server, "bob").await);
    drop(ann);
    soon("the id", async {
        while Peer::connect(&server, "ann", "other").await.frame().await["type"] != "OPEN" {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!(bob.frames("bob").await, Vec::<Value>::new());
}

#[tokio::test]
async fn large_frames_and_floods_end_a_client() {
    let limits = Limits {
        message_bytes: 10_000,
        message_burst: 20,
        messages_per_second: 0,
        dropped_messages: 20,
        ..Limits::default()
    };
    let server = Server::bind(ServerConfig { limits, ..with(PeerServerConfig::default()) }).await.unwrap();
    let mut ann = Peer::open(&server, "ann").await;
    let large = |bytes: usize| json!({ "type": "OFFER", "dst": "ann", "payload": "x".repeat(bytes) }).to_string();
    ann.send(large(9_000)).await;
    assert_eq!(ann.frame().await["payload"].as_str().map(str::len), Some(9_000));
    ann.send(large(11_000)).await;
    assert_eq!(ann.hear().await, Heard::Closed(1_009));
    let mut bob = Peer::open(&server, "bob").await;
    for _ in 0..60 {
        bob.send(r#"{"type":"HEARTBEAT"}"#).await;
    }
    assert_eq!(bob.frame().await, json!({ "type": "ERROR", "payload": { "msg": "Too many messages" } }));
    assert_eq!(bob.hear().await, Heard::Closed(1_005));
}

#[tokio::test]
async fn what_finds_no_room_to_wait_expires_at_once() {
    let limits = Limits { waiting_messages: 1, ..Limits::default() };
    let config = PeerServerConfig { expire_timeout: Duration::from_secs(600), ..Default::default() };
    let server = Server::bind(ServerConfig { limits, ..with(config) }).await.unwrap();
    let mut ann = Peer::open(&server, "ann").await;
    for number in 0..2 {
        ann.send(json!({ "type": "OFFER", "dst": "bob", "payload": number }).to_string()).await;
    }
    assert_eq!(ann.frame().await, json!({ "type": "EXPIRE", "src": "bob", "dst": "ann" }));
    let mut bob = Peer::open(&server, "bob").await;
    assert_eq!(bob.frames("bob").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_takes_nothing_is_cut_and_what_waits_for_it_is_bounded() {
    let limits = Limits {
        write_timeout: Duration::from_secs(1),
        byte_burst: 1 << 30,
        message_burst: 100_000,
        ..Limits::default()
    };
    let server = Server::bind(ServerConfig { limits, ..with(PeerServerConfig::default()) }).await.unwrap();
    let to = server.local_addr();
    let stream = tcp(Ipv4Addr::LOCALHOST, to, true).await.unwrap();
    let slow = Peer::over(stream, to, "?key=peerjs&id=slow&token=t").await.unwrap();
    let mut ann = Peer::open(&server, "ann").await;
    let large = json!({ "type": "OFFER", "dst": "slow", "payload": "x".repeat(250_000) }).to_string();
    for _ in 0..40 {
        ann.send(large.clone()).await;
    }
    soon("the cut", async {
        while Peer::connect(&server, "slow", "other").await.frame().await["type"] != "OPEN" {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await;
    drop(slow);
}

#[tokio::test]
async fn one_address_has_as_many_clients_as_it_may_connections_and_connects_at_a_rate() {
    let limits = Limits { connections_per_address: 2, ..Limits::default() };
    let server = Server::bind(ServerConfig { limits, ..with(PeerServerConfig::default()) }).await.unwrap();
    let _inside = (Peer::open(&server, "a").await, Peer::open(&server, "b").await);
    let to = server.local_addr();
    let third = tcp(Ipv4Addr::LOCALHOST, to, false).await.unwrap();
    assert!(client_async(format!("ws://{to}/peerjs/peerjs?key=peerjs&id=c&token=t"), third).await.is_err());
    let other = tcp(Ipv4Addr::new(127, 0, 0, 2), to, false).await.unwrap();
    assert!(Peer::over(other, to, "?key=peerjs&id=c&token=t").await.is_ok());

    let limits = Limits { connects_per_second: 0, connect_burst: 1, ..Limits::default() };
    let server = Server::bind(ServerConfig { limits, ..with(PeerServerConfig::default()) }).await.unwrap();
    let _one = Peer::open(&server, "a").await;
    let to = server.local_addr();
    let stream = tcp(Ipv4Addr::LOCALHOST, to, false).await.unwrap();
    assert_eq!(Peer::over(stream, to, "?key=peerjs&id=b&token=t").await.err(), Some(429));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_closes_the_sockets() {
    let server = server().await;
    let mut ann = Peer::open(&server, "ann").await;
    let stop = tokio::spawn(server.shutdown());
    assert_eq!(ann.hear().await, Heard::Closed(1_005));
    while ann.hear().await != Heard::Broken {}
    soon("the stop", stop).await.unwrap();
}

#[test]
fn the_program_is_a_peer_server_and_refuses_paths_that_are_taken() {
    use crate::process::{Program, command, ends};
    let state = tempfile::tempdir().unwrap();
    for path in ["/", "v1", "/r/x", "/socket.io", "/a//b", "/é"] {
        let output = ends(command(state.path()).args(["--peerjs-path", path]));
        assert_eq!(output.status.code(), Some(2), "{path}: {}", String::from_utf8_lossy(&output.stderr));
    }
    assert_eq!(ends(command(state.path()).args(["--peerjs-key", ""])).status.code(), Some(2));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let ask = |program: &Program, path: &str| runtime.block_on(http(program.address, &format!("GET {path} HTTP/1.1")));
    let program = Program::start(&mut command(state.path()));
    assert!(ask(&program, "/peerjs/peerjs/id").starts_with("HTTP/1.1 200"));
    let program = Program::start(command(state.path()).args(["--peerjs-path", "calls/here", "--peerjs-discovery"]));
    assert_eq!(body(&ask(&program, "/calls/here/peerjs/peers")), "[]");
    let program = Program::start(command(state.path()).arg("--no-peerjs"));
    assert!(ask(&program, "/peerjs/peerjs/id").starts_with("HTTP/1.1 404"));
}

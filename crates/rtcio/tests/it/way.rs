//! The way to a server: proxies, redirects, certificates; and what the relay on it sees.

use crate::common::PATIENCE;
use crate::common::node::{Node, connected};
use crate::common::proxy_server::{ProxyServer, TlsFront, redirecting};
use confab_rtcio::{ConnectErrorKind, Event, Events, Proxy, ProxyPolicy, Socket, SocketBuilder};
use confab_testkit::body::{self, Body};
use confab_testkit::tcp_proxy::TcpProxy;
use serde_json::json;
use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::time::timeout;
use url::Url;

fn url(text: &str) -> Url {
    Url::parse(text).unwrap()
}

fn address(node: &Node) -> SocketAddr {
    node.url.socket_addrs(|| None).unwrap()[0]
}

/// A name that only a proxy finds.
fn builder(target: &str) -> SocketBuilder {
    Socket::builder(url(target)).force_new(true)
}

fn through(builder: SocketBuilder, proxy: &str) -> SocketBuilder {
    builder.proxy(ProxyPolicy::Through(proxy.parse::<Proxy>().unwrap()))
}

async fn first_error(builder: SocketBuilder) -> (ConnectErrorKind, String) {
    let (socket, mut events) = builder.connect();
    let error = match timeout(PATIENCE, events.recv()).await.expect("an event").expect("no end") {
        Event::ConnectError { error } => error,
        other => panic!("{other:?}"),
    };
    socket.close().await;
    (error.kind, error.detail.unwrap_or_default())
}

async fn disconnected(events: &mut Events) -> String {
    loop {
        if let Event::Disconnected { reason } = timeout(PATIENCE, events.recv()).await.unwrap().expect("no end") {
            return reason;
        }
    }
}

/// It is a connection like any other.
async fn works(socket: &Socket) {
    let answer = socket.server().emit_with_ack("echo-ack", json!("over there")).await;
    assert_eq!(answer, Ok(vec![json!("over there")]));
    assert!(socket.id().is_some_and(|id| id.starts_with("sid-")), "{:?}", socket.id());
}

#[tokio::test(flavor = "multi_thread")]
async fn proxies_lead_to_servers_whose_names_only_they_know() {
    let node = Node::start().await;
    let target = "http://meet.invalid:7420";
    let http = ProxyServer::http(address(&node), None).await;
    let socket = connected(through(builder(target), &format!("http://{}", http.address))).await;
    works(&socket).await;
    socket.close().await;
    assert_eq!(http.asked(), ["CONNECT meet.invalid:7420 HTTP/1.1"]);

    // "ann:secret".
    let locked = ProxyServer::http(address(&node), Some("YW5uOnNlY3JldA==")).await;
    let socket = connected(through(builder(target), &format!("http://ann:secret@{}", locked.address))).await;
    works(&socket).await;
    socket.close().await;
    let refused = first_error(through(builder(target), &format!("http://ann:wrong@{}", locked.address))).await;
    assert_eq!(refused.0, ConnectErrorKind::Unreachable);
    assert!(refused.1.contains("other credentials"), "{}", refused.1);

    let socks = ProxyServer::socks5(address(&node), None).await;
    let socket = connected(through(builder(target), &format!("socks5h://{}", socks.address))).await;
    works(&socket).await;
    socket.close().await;
    let socket = connected(through(builder("http://127.0.0.1:9"), &format!("socks5://{}", socks.address))).await;
    works(&socket).await;
    socket.close().await;
    assert_eq!(socks.asked(), ["meet.invalid:7420", "127.0.0.1:9"]);

    let locked = ProxyServer::socks5(address(&node), Some(("ann", "secret"))).await;
    let socket = connected(through(builder(target), &format!("socks5h://ann:secret@{}", locked.address))).await;
    works(&socket).await;
    socket.close().await;
    for wrong in ["ann:wrong@", ""] {
        let refused = first_error(through(builder(target), &format!("socks5h://{wrong}{}", locked.address))).await;
        assert!(refused.1.contains("other credentials"), "{}", refused.1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_of_the_environment_is_used_and_not_for_this_machine() {
    let node = Node::start().await;
    let http = ProxyServer::http(address(&node), None).await;
    let dir = tempfile::tempdir().unwrap();
    let proxy = format!("http://{}", http.address);
    let variables =
        [("HTTP_PROXY", proxy.as_str()), ("NO_PROXY", "direct.invalid"), ("CONFAB_TEST_URL", node.url.as_str())];
    let body = Body::start_with(module_path!(), "environment", "", dir.path(), &variables).unwrap();
    tokio::task::spawn_blocking(move || body.finish()).await.unwrap().expect("no failure");
    assert_eq!(http.asked(), ["CONNECT meet.invalid:80 HTTP/1.1"]);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "runs inside another test"]
async fn body() {
    assert_eq!(body::name().as_deref(), Some("environment"));
    let socket = connected(builder("http://meet.invalid")).await;
    works(&socket).await;
    socket.close().await;
    // Directly, each of these.
    let socket = connected(builder(&std::env::var("CONFAB_TEST_URL").unwrap())).await;
    works(&socket).await;
    socket.close().await;
    assert_eq!(first_error(builder("http://direct.invalid")).await.0, ConnectErrorKind::Unreachable);
    let direct = builder("http://meet.invalid").proxy(ProxyPolicy::Direct);
    assert_eq!(first_error(direct).await.0, ConnectErrorKind::Unreachable);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_is_not_trusted_has_an_error_of_its_own() {
    let node = Node::start().await;
    let front = TlsFront::start(address(&node), &["localhost"]).await;
    let port = front.address.port();
    let pem = front.certificate.as_bytes();
    let (kind, detail) = first_error(builder(&format!("https://localhost:{port}"))).await;
    assert_eq!(kind, ConnectErrorKind::UntrustedCertificate, "{detail}");
    let trusting = || builder(&format!("https://localhost:{port}")).root_certificate(pem).unwrap();
    let socket = connected(trusting()).await;
    works(&socket).await;
    socket.close().await;
    // The certificate of another name.
    let other = builder(&format!("https://127.0.0.1:{port}")).root_certificate(pem).unwrap();
    assert_eq!(first_error(other).await.0, ConnectErrorKind::UntrustedCertificate);
    // No TLS at all.
    let plain = builder(&format!("https://{}", address(&node)));
    assert_ne!(first_error(plain).await.0, ConnectErrorKind::UntrustedCertificate);
    // Through a proxy it is the server's certificate as well.
    let proxy = ProxyServer::http(front.address, None).await;
    let socket = connected(through(trusting(), &format!("http://{}", proxy.address))).await;
    works(&socket).await;
    socket.close().await;
    assert!(Socket::builder(url("https://localhost")).root_certificate(b"none").is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn redirects_lead_from_http_to_https_of_the_same_host_and_not_back() {
    let node = Node::start().await;
    let front = TlsFront::start(address(&node), &["localhost"]).await;
    let port = front.address.port();
    let http = redirecting(move |target| format!("https://localhost:{port}{target}")).await;
    let socket = connected(
        builder(&format!("http://localhost:{}", http.port())).root_certificate(front.certificate.as_bytes()).unwrap(),
    )
    .await;
    works(&socket).await;
    socket.close().await;

    // To another host.
    let away = redirecting(move |target| format!("https://elsewhere.invalid{target}")).await;
    assert_eq!(first_error(builder(&format!("http://{away}"))).await.0, ConnectErrorKind::NotAServer);
    // From https to http: what the server behind TLS wants.
    let plain = address(&node);
    let down = redirecting(move |target| format!("http://localhost:{}{target}", plain.port())).await;
    let front = TlsFront::start(down, &["localhost"]).await;
    let secure = builder(&format!("https://localhost:{}", front.address.port()));
    let secure = secure.root_certificate(front.certificate.as_bytes()).unwrap();
    assert_eq!(first_error(secure).await.0, ConnectErrorKind::NotAServer);
    assert_eq!(node.accepted.load(Ordering::SeqCst), 1, "only the first one came to the server");
    // In a circle, and in ever new ones.
    let circle = redirecting(str::to_owned).await;
    assert_eq!(first_error(builder(&format!("http://{circle}"))).await.0, ConnectErrorKind::NotAServer);
    let growing = redirecting(|target| format!("{target}x")).await;
    assert_eq!(first_error(builder(&format!("http://{growing}"))).await.0, ConnectErrorKind::NotAServer);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_ends_or_breaks_is_reported_whichever_way() {
    let node = Node::start().await;
    let line = TcpProxy::to(address(&node)).await.unwrap();
    // The server says goodbye (Socket.IO, Engine.IO), or says nothing and is cut.
    for goodbye in ["41", "1", "cut"] {
        let (socket, mut events) = builder(&line.url()).auto_connect(false).build();
        let hello = socket.server().once("hello");
        socket.connect();
        timeout(PATIENCE, hello).await.unwrap().unwrap();
        let mut last = socket.server().on("last");
        if goodbye == "cut" {
            line.cut();
        } else {
            socket.server().emit("say", json!([r#"42["last",1]"#, goodbye]).as_array().unwrap().clone()).await.unwrap();
            assert_eq!(timeout(PATIENCE, last.recv()).await.unwrap().unwrap().args, [json!(1)], "before the end");
        }
        let reason = disconnected(&mut events).await;
        assert!(goodbye == "cut" || reason == "the server closed the connection", "{goodbye}: {reason}");
        line.mend();
        socket.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_called_close_is_no_end() {
    let node = Node::start().await;
    let socket = connected(Socket::builder(node.url.clone()).force_new(true)).await;
    let mut closes = socket.server().on("close");
    socket.server().emit("say", json!(r#"42["close","the window"]"#)).await.unwrap();
    assert_eq!(timeout(PATIENCE, closes.recv()).await.unwrap().unwrap().args, [json!("the window")]);
    works(&socket).await;
    socket.close().await;
}

/// The server stops in the middle of an event with an attachment, on which the library's task fails.
#[tokio::test(flavor = "multi_thread")]
async fn the_end_is_noticed_even_where_the_library_fails() {
    let node = Node::start().await;
    let (socket, mut events) = Socket::builder(node.url.clone()).force_new(true).connect();
    while !matches!(timeout(PATIENCE, events.recv()).await.unwrap(), Some(Event::Connected { .. })) {}
    let half = r#"451-["x",{"_placeholder":true,"num":0}]"#;
    socket.server().emit("say", json!([half, "1"]).as_array().unwrap().clone()).await.unwrap();
    disconnected(&mut events).await;
    socket.close().await;
}

/// Who gives up at any step of the opening leaves no connection to the server behind.
#[tokio::test(flavor = "multi_thread")]
async fn no_connection_stays_of_an_opening_that_is_given_up() {
    // A server that answers nothing, only the handshake, or also the first packet.
    let upgrade =
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ";
    for step in 0..3 {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (socket, _) = builder(&format!("http://{}", listener.local_addr().unwrap())).connect();
        let (mut stream, _) = timeout(PATIENCE, listener.accept()).await.unwrap().unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        if step > 0 {
            let head = String::from_utf8(head).unwrap();
            let key = head.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: ")).unwrap();
            let accept = tokio_tungstenite::tungstenite::handshake::derive_accept_key(key.as_bytes());
            stream.write_all(format!("{upgrade}{accept}\r\n\r\n").as_bytes()).await.unwrap();
        }
        if step > 1 {
            let open = r#"0{"sid":"a","upgrades":[],"pingInterval":25000,"pingTimeout":20000}"#;
            let mut frame = vec![0x81, u8::try_from(open.len()).unwrap()];
            frame.extend_from_slice(open.as_bytes());
            stream.write_all(&frame).await.unwrap();
            // The library's first words: it waits to be let in.
            let mut words = [0; 2];
            timeout(PATIENCE, stream.read_exact(&mut words)).await.unwrap().unwrap();
        }
        timeout(PATIENCE, socket.close()).await.unwrap();
        let mut rest = Vec::new();
        timeout(Duration::from_secs(5), stream.read_to_end(&mut rest)).await.expect("an end").ok();
    }
}

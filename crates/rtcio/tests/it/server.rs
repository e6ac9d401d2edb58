//! The signaling server as an application talks to it: events, acknowledgements both ways, refusals, silence.

use crate::common::node::{Node, connected};
use crate::common::{Member, PATIENCE, pair};
use confab_rtcio::{AckError, ConnectErrorKind, EmitError, Event, Listener, Socket};
use confab_server::{Limits, Server, ServerConfig};
use confab_testkit::tcp_proxy::TcpProxy;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::timeout;
use url::Url;

async fn next<M>(listener: &mut Listener<M>) -> M {
    timeout(PATIENCE, listener.recv()).await.expect("an event").expect("no end")
}

/// All JSON types; and as many arguments as one likes.
fn variety() -> Vec<Vec<Value>> {
    let deep =
        (0..60).fold(json!("bottom"), |inner, n| if n % 2 == 0 { json!([inner]) } else { json!({ "in": inner }) });
    vec![
        vec![],
        vec![json!(null)],
        vec![json!(true), json!(false)],
        vec![json!(0), json!(-1), json!(1.5), json!(9_007_199_254_740_991_i64)],
        vec![json!(""), json!("Zoë 🦊 \u{0} \" \\ \u{2028}")],
        vec![json!([]), json!({}), json!([1, [2, [3]]]), json!({ "a": { "b": { "ü": null } } })],
        vec![deep],
        (0..100).map(|n| json!(n)).collect(),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_argument_goes_to_the_server_and_comes_back() {
    let node = Node::start().await;
    let socket = connected(Socket::builder(node.url.clone()).force_new(true)).await;
    let server = socket.server();
    let mut echoes = server.on("echoed");
    for args in variety() {
        assert_eq!(server.emit_with_ack("echo-ack", args.clone()).await.unwrap(), args);
        server.emit("echo", args.clone()).await.unwrap();
        let echoed = next(&mut echoes).await;
        assert_eq!((echoed.event.as_str(), echoed.args), ("echoed", args));
    }
    socket.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_wait_for_acknowledgements_at_once_and_each_gets_its_own() {
    let node = Node::start().await;
    let socket = connected(Socket::builder(node.url.clone()).force_new(true)).await;
    let server = socket.server();
    let mut waiting = tokio::task::JoinSet::new();
    for number in 0..200 {
        let server = server.clone();
        waiting.spawn(async move { (number, server.emit_with_ack("echo-ack", json!(number)).await) });
    }
    while let Some(done) = waiting.join_next().await {
        let (number, answer) = done.unwrap();
        assert_eq!(answer, Ok(vec![json!(number)]));
    }
    // One that is never answered ends in the caller's time, and the next one has its turn.
    let never = server.emit_with_ack_timeout("nothing", (), Duration::from_millis(300));
    let (never, answer) = tokio::join!(never, server.emit_with_ack("echo-ack", "here"));
    assert_eq!((never, answer), (Err(AckError::Timeout), Ok(vec![json!("here")])));
    socket.close().await;
    assert_eq!(server.emit_with_ack("echo-ack", ()).await, Err(AckError::Closed));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_own_id_is_what_the_room_gives() {
    let node = Node::start().await;
    let (socket, mut events) =
        Socket::builder(node.url.clone()).force_new(true).auth(json!({ "token": "right" })).auto_connect(false).build();
    assert_eq!((socket.id(), socket.is_connected()), (None, false));
    let hello = socket.server().once("hello");
    socket.connect();
    assert_eq!(hello.await.unwrap().args, [json!({ "token": "right" })]);
    assert_eq!((socket.id().as_deref(), socket.is_connected()), (Some("sid-1"), true));
    socket.set_id("resumed");
    assert_eq!(socket.id().as_deref(), Some("resumed"));

    // What is said without a connection waits for the next one.
    let mut hellos = socket.server().on("hello");
    let mut echoes = socket.server().on("echoed");
    socket.disconnect().await;
    while !matches!(timeout(PATIENCE, events.recv()).await.unwrap(), Some(Event::Disconnected { .. })) {}
    assert!(!socket.is_connected());
    assert_eq!(socket.server().emit_with_ack("echo-ack", ()).await, Err(AckError::Offline));
    for number in 0..10 {
        socket.server().emit("echo", json!(number)).await.unwrap();
    }
    socket.connect();
    next(&mut hellos).await;
    for number in 0..10 {
        assert_eq!(next(&mut echoes).await.args, [json!(number)]);
    }
    assert_eq!(socket.id().as_deref(), Some("sid-2"), "a new connection is someone new until the room says who");
    socket.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_comes_with_the_words_of_the_server() {
    let node = Node::start().await;
    let (socket, mut events) =
        Socket::builder(node.url.clone()).force_new(true).auth(json!({ "token": "wrong" })).auto_connect(false).build();
    let mut errors = socket.server().on("connect_error");
    socket.connect();
    let Some(Event::ConnectError { error }) = timeout(PATIENCE, events.recv()).await.unwrap() else {
        panic!("no refusal")
    };
    assert_eq!(
        (error.kind, error.message.as_deref()),
        (ConnectErrorKind::Refused, Some("Your token is not on the list."))
    );
    assert_eq!(error.detail.as_deref(), Some(r#"{"code":7}"#));
    assert_eq!(next(&mut errors).await.args[0]["message"], json!("Your token is not on the list."));
    socket.close().await;

    // The one of confab-server, too.
    let limits = Limits { sockets: 1, ..Limits::default() };
    let config = ServerConfig { listen: "127.0.0.1:0".parse().unwrap(), limits, ..ServerConfig::default() };
    let server = Server::bind(config).await.unwrap();
    let url = Url::parse(&format!("http://{}", server.local_addr())).unwrap();
    let ann = Member::join(&url, "full", "Ann").await;
    let (second, _) = Socket::builder(url).force_new(true).auto_connect(false).build();
    let mut errors = second.server().on("connect_error");
    second.connect();
    let error = next(&mut errors).await.args.swap_remove(0);
    assert!(error["message"].as_str().unwrap().contains("server is full"), "{error}");
    second.close().await;
    ann.socket.close().await;
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_path_of_the_address_is_the_namespace() {
    let node = Node::start().await;
    let (socket, _) = Socket::builder(node.url.join("/admin").unwrap()).force_new(true).auto_connect(false).build();
    let hello = socket.server().once("hello");
    socket.connect();
    hello.await.unwrap();
    let answer = socket.server().emit_with_ack("echo-ack", "in the namespace").await.unwrap();
    assert_eq!(answer, [json!("in the namespace")]);
    socket.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rubbish_of_the_server_costs_a_connection_at_most() {
    let node = Node::start().await;
    let socket = connected(Socket::builder(node.url.clone()).force_new(true)).await;
    let server = socket.server();
    let mut echoes = server.on("echoed");
    server.emit("rubbish", ()).await.unwrap();
    // What was said on a connection that breaks over it goes out on the next one.
    let said = async {
        loop {
            if server.emit_with_ack("echo-ack", "still here").await == Ok(vec![json!("still here")]) {
                break;
            }
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, said).await.unwrap();
    server.emit("echo", "and heard").await.unwrap();
    assert_eq!(next(&mut echoes).await.args, [json!("and heard")]);
    socket.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn names_of_the_client_are_not_sent() {
    let node = Node::start().await;
    let socket = connected(Socket::builder(node.url.clone()).force_new(true)).await;
    let server = socket.server();
    for name in ["connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"] {
        assert_eq!(server.emit(name, ()).await, Err(EmitError::Reserved(name.to_owned())));
    }
    // The third way of `emit`.
    let mut echoes = server.on("echoed");
    socket.emit("#rtcio:whatever", "to the server").await.unwrap();
    server.emit("echo", "after it").await.unwrap();
    assert_eq!(next(&mut echoes).await.args, [json!("after it")]);
    socket.close().await;
}

/// Takes what is said and answers nothing: only its silence tells.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_freezes_is_left_and_found_again_and_the_call_goes_on() {
    let limits = Limits {
        ping_interval: Duration::from_millis(300),
        ping_timeout: Duration::from_millis(700),
        ..Limits::default()
    };
    let config = ServerConfig { listen: "127.0.0.1:0".parse().unwrap(), limits, ..ServerConfig::default() };
    crate::common::logging();
    let server = Server::bind(config).await.unwrap();
    let proxy = TcpProxy::to(server.local_addr()).await.unwrap();
    let (mut ann, mut ben) = pair(&proxy.url().parse().unwrap(), "freeze").await;
    proxy.freeze();
    for member in [&mut ann, &mut ben] {
        member.wait("disconnected", |event| matches!(event, Event::Disconnected { .. }).then_some(())).await;
    }
    ann.socket.emit("chat", "the server is frozen").await.unwrap();
    ben.message(&ann.id, "chat").await;
    proxy.mend();
    let others = [ben.id.clone(), ann.id.clone()];
    for (member, other) in [&mut ann, &mut ben].into_iter().zip(others) {
        member.wait("connected", |event| matches!(event, Event::Connected { reconnect: true }).then_some(())).await;
        let resume = member.welcome.resume.clone();
        let others = [json!(other)];
        member.rejoin(json!({ "roomId": "freeze", "name": "back", "resume": resume, "connected": others })).await;
    }
    ben.socket.emit("chat", "and back").await.unwrap();
    ann.message(&ben.id, "chat").await;
    for member in [&mut ann, &mut ben] {
        let lost = member.seen().iter().any(|event| matches!(event, Event::PeerDisconnect { .. }));
        assert!(!lost, "{:?}", member.seen());
    }
    ann.socket.close().await;
    ben.socket.close().await;
    server.shutdown().await;
}

/// The application waits for an answer where it should read its events, and they fill all queues.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_awaited_instead_of_events_is_not_awaited_for_ever() {
    let node = Node::start().await;
    let (socket, mut events) = Socket::builder(node.url.clone()).force_new(true).connect();
    while !matches!(timeout(PATIENCE, events.recv()).await.unwrap(), Some(Event::Connected { .. })) {}
    let flood: Vec<Value> = (0..4_000).map(|number| json!(format!("42{}", json!(["flood", number])))).collect();
    for some in flood.chunks(500) {
        socket.server().emit("say", some.to_vec()).await.unwrap();
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    let server = socket.server();
    let answer = server.emit_with_ack_timeout("echo-ack", (), Duration::from_millis(500));
    let answer = timeout(PATIENCE, answer).await.expect("an end of the wait");
    assert_eq!(answer, Err(AckError::Timeout));
    // When they are read, everything comes.
    let reading = tokio::spawn(async move { while events.recv().await.is_some() {} });
    assert_eq!(socket.server().emit_with_ack("echo-ack", "after").await, Ok(vec![json!("after")]));
    socket.close().await;
    reading.await.unwrap();
}

/// Requests take turns: the time of one begins when it is sent.
#[tokio::test(flavor = "multi_thread")]
async fn the_time_of_a_request_begins_when_it_is_sent_and_what_nobody_awaits_is_not_sent() {
    let node = Node::start().await;
    let socket = connected(Socket::builder(node.url.clone()).force_new(true)).await;
    let server = socket.server();
    // Never answered: the next one goes after two seconds, and has its own time from then on.
    let silent = server.emit_with_ack_timeout("nothing", (), Duration::from_millis(300));
    let patient = server.emit_with_ack_timeout("echo-ack", "in turn", Duration::from_millis(1_500));
    let (silent, patient) = tokio::join!(silent, patient);
    assert_eq!((silent, patient), (Err(AckError::Timeout), Ok(vec![json!("in turn")])));

    let mut echoes = server.on("echoed");
    let silent = server.emit_with_ack_timeout("nothing", (), Duration::from_millis(300));
    let given_up = timeout(Duration::from_millis(200), server.emit_with_ack("echo", "nobody waits for this"));
    let (silent, given_up) = tokio::join!(silent, given_up);
    assert!(silent == Err(AckError::Timeout) && given_up.is_err());
    assert_eq!(server.emit_with_ack("echo-ack", "next").await, Ok(vec![json!("next")]));
    server.emit("echo", "the first that is heard").await.unwrap();
    assert_eq!(next(&mut echoes).await.args, [json!("the first that is heard")]);
    socket.close().await;
}

/// A server that takes a connection and lets nobody in: who gives up leaves no connection behind.
#[tokio::test(flavor = "multi_thread")]
async fn an_opening_that_is_given_up_leaves_no_connection() {
    let node = Node::start().await;
    let silent = node.url.join("/silent").unwrap();
    let (socket, _) = Socket::builder(silent).force_new(true).auto_connect(false).build();
    socket.connect();
    let wait = async |open: usize| {
        let until = async {
            while node.open.load(std::sync::atomic::Ordering::SeqCst) != open {
                tokio::task::yield_now().await
            }
        };
        timeout(Duration::from_secs(5), until).await.unwrap_or_else(|_| panic!("not {open} connections"));
    };
    wait(1).await;
    socket.disconnect().await;
    wait(0).await;
    socket.close().await;
}

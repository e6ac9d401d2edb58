//! `debug`: the log is tagged with the end of the own id, and holds no word of what people say. A process has one
//! subscriber, so this is a program of its own.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)] // A test says what it expected by panicking.

#[path = "it/common/mod.rs"]
mod common;

use common::Member;
use confab_rtcio::Socket;
use serde_json::json;
use std::io::Write;
use std::sync::{Arc, Mutex};
use tracing_subscriber::fmt::MakeWriter;

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Log;

    fn make_writer(&'a self) -> Log {
        self.clone()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn with_debug_each_step_is_tagged_with_the_end_of_the_own_id() {
    let log = Log::default();
    tracing_subscriber::fmt()
        .with_env_filter("confab_rtcio=debug")
        .with_writer(log.clone())
        .with_ansi(false)
        .try_init()
        .expect("the only subscriber of this process");
    let (server, url) = common::server().await;
    let (socket, events) = Socket::builder(url.clone()).force_new(true).debug(true).connect();
    let mut ann = Member::enter(socket, events, "debug", "Ann").await;
    // A socket without it logs no step.
    let mut ben = Member::join(&url, "debug", "Ben").await;
    ann.peer_connect(&ben.id).await;
    ben.peer_connect(&ann.id).await;
    ben.socket.emit("chat", json!({ "text": "between the two of us" })).await.unwrap();
    ann.message(&ben.id, "chat").await;
    ann.socket.close().await;
    ben.socket.close().await;

    // Nobody there: a warning, before there is an id, whatever `debug` says.
    let address = server.local_addr();
    server.shutdown().await;
    let nobody = url::Url::parse(&format!("http://{address}")).unwrap();
    let (socket, _) = Socket::builder(nobody).force_new(true).auto_connect(false).build();
    let error = socket.server().once("connect_error");
    socket.connect();
    error.await.unwrap();
    socket.close().await;

    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    let end = |id: &str| id[id.len() - 6..].to_owned();
    let lines =
        |tag: &str| -> Vec<&str> { log.lines().filter(|line| line.contains(&format!("[rtc-io][{tag}]"))).collect() };
    let anns = lines(&end(&ann.id));
    for step in ["offer", "answer", "Ctrl channel open", "Event \"chat\"", "Connected"] {
        assert!(anns.iter().any(|line| line.contains(step) && line.contains("DEBUG")), "no {step} in {anns:#?}");
    }
    assert!(lines(&end(&ben.id)).iter().all(|line| !line.contains("DEBUG")), "{log}");
    assert!(anns.iter().any(|line| line.contains("Signaling connected")), "the server says the id: {log}");
    assert!(lines("------").iter().any(|line| line.contains("WARN") && line.contains("connect error")), "{log}");
    assert!(!log.contains("between the two of us"));
}

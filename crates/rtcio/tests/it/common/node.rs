//! A Socket.IO server to the letter of the protocol, for what confab-server does not do: it echoes, refuses by name, and speaks in a namespace.

use confab_rtcio::{Socket, SocketBuilder};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_tungstenite::accept_async;
use tokio_tungstenite::tungstenite::Message;
use url::Url;

/// The server. Ends when dropped.
pub struct Node {
    pub url: Url,
    /// How many connections it has accepted.
    pub accepted: Arc<AtomicUsize>,
    /// How many of them stand.
    pub open: Arc<AtomicUsize>,
    task: tokio::task::JoinHandle<()>,
}

impl Node {
    pub async fn start() -> Self {
        super::logging();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
        let accepted = Arc::new(AtomicUsize::new(0));
        let open = Arc::new(AtomicUsize::new(0));
        let (count, standing) = (Arc::clone(&accepted), Arc::clone(&open));
        let task = tokio::spawn(async move {
            let mut clients = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let number = count.fetch_add(1, Ordering::SeqCst) + 1;
                let standing = Arc::clone(&standing);
                clients.spawn(async move {
                    standing.fetch_add(1, Ordering::SeqCst);
                    client(stream, number).await;
                    standing.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        Self { url, accepted, open, task }
    }
}

/// A socket to a [`Node`] that has heard its `hello`.
pub async fn connected(builder: SocketBuilder) -> Socket {
    let (socket, _) = builder.auto_connect(false).build();
    let hello = socket.server().once("hello");
    socket.connect();
    tokio::time::timeout(super::PATIENCE, hello).await.expect("a hello").expect("no end");
    socket
}

impl Drop for Node {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// One client: `4[kind][namespace,][id][body]`, taken apart and put together by hand.
async fn client(stream: TcpStream, number: usize) {
    let Ok(mut socket) = accept_async(stream).await else { return };
    let open = json!({ "sid": "engine", "upgrades": [], "pingInterval": 25_000, "pingTimeout": 20_000, "maxPayload": 1_000_000 });
    if socket.send(Message::text(format!("0{open}"))).await.is_err() {
        return;
    }
    while let Some(Ok(message)) = socket.next().await {
        let Message::Text(text) = message else { continue };
        if text.as_str() == "1" {
            return;
        }
        let Some(rest) = text.strip_prefix('4') else { continue };
        let (kind, rest) = rest.split_at(1);
        let (namespace, rest) = match rest.split_once(',') {
            Some((namespace, rest)) if namespace.starts_with('/') => (format!("{namespace},"), rest),
            _ => (String::new(), rest),
        };
        let body = rest.trim_start_matches(|c: char| c.is_ascii_digit());
        let id = &rest[..rest.len() - body.len()];
        let said: Vec<String> = match kind {
            // It lets nobody in here.
            "0" if namespace == "/silent," => vec![],
            "0" => {
                let auth: Value = serde_json::from_str(body).unwrap_or_default();
                if auth["token"] == json!("wrong") {
                    let refusal = json!({ "message": "Your token is not on the list.", "data": { "code": 7 } });
                    vec![format!("44{namespace}{refusal}")]
                } else {
                    let hello = json!(["hello", auth]);
                    vec![
                        format!("40{namespace}{}", json!({ "sid": format!("sid-{number}") })),
                        format!("42{namespace}{hello}"),
                    ]
                }
            }
            "1" => return,
            "2" => {
                let event: Vec<Value> = serde_json::from_str(body).unwrap();
                let args = &event[1..];
                match event[0].as_str().unwrap() {
                    "echo" => vec![format!("42{namespace}{}", echo("echoed", args))],
                    "echo-ack" => vec![format!("43{namespace}{id}{}", json!(args))],
                    // Frames to say as they are.
                    "say" => args.iter().filter_map(|frame| frame.as_str().map(str::to_owned)).collect(),
                    // Which connection this is.
                    "who" => vec![format!("43{namespace}{id}[{number}]")],
                    // An attachment comes after it, which nobody wants; and words that are none.
                    "rubbish" => ["451-[\"x\",{\"_placeholder\":true,\"num\":0}]", "42{", "42[7]", "43[]", "9", ""]
                        .map(str::to_owned)
                        .to_vec(),
                    _ => vec![],
                }
            }
            _ => vec![],
        };
        for text in said {
            if socket.send(Message::text(text)).await.is_err() {
                return;
            }
        }
    }
}

fn echo(event: &str, args: &[Value]) -> Value {
    let mut message = vec![json!(event)];
    message.extend_from_slice(args);
    json!(message)
}

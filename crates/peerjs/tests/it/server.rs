//! A PeerServer as the stock one is: what it relays, refuses and keeps quiet about.

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::sleep;
use tokio_tungstenite::accept_hdr_async;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};

/// How long messages to somebody who is absent wait.
const EXPIRE: Duration = Duration::from_millis(500);

#[derive(Default)]
struct Client {
    token: String,
    /// Grows with each socket; only the newest is written to.
    socket: u64,
    sender: Option<mpsc::UnboundedSender<Message>>,
}

#[derive(Default)]
struct State {
    clients: HashMap<String, Client>,
    /// Messages that wait, by destination.
    waiting: HashMap<String, Vec<Value>>,
    /// Every message that came, with who sent it.
    received: Vec<(String, Value)>,
    discovery: bool,
    /// What a new client is told instead of `OPEN`.
    refusal: Option<Value>,
    sockets: u64,
}

/// A running one.
#[derive(Clone)]
pub struct Server {
    pub port: u16,
    state: Arc<Mutex<State>>,
}

impl Server {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Self { port: listener.local_addr().unwrap().port(), state: Arc::default() };
        let running = server.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(running.clone().serve(stream));
            }
        });
        server
    }

    pub fn allow_discovery(&self) {
        self.state.lock().unwrap().discovery = true;
    }

    /// Tells new clients this, and closes.
    pub fn refuse(&self, refusal: Value) {
        self.state.lock().unwrap().refusal = Some(refusal);
    }

    /// Sends a frame to a client.
    pub fn push(&self, id: &str, frame: &str) {
        let state = self.state.lock().unwrap();
        state.clients[id].sender.as_ref().unwrap().send(Message::text(frame)).unwrap();
    }

    /// Cuts a client's connection.
    pub fn cut(&self, id: &str) {
        self.state.lock().unwrap().clients.remove(id);
    }

    /// The messages that came of a kind.
    pub fn received(&self, kind: &str) -> Vec<(String, Value)> {
        let state = self.state.lock().unwrap();
        state.received.iter().filter(|(_, message)| message["type"] == kind).cloned().collect()
    }

    async fn serve(self, mut stream: TcpStream) {
        let mut head = [0; 2048];
        let read = stream.peek(&mut head).await.unwrap_or_default();
        let head = String::from_utf8_lossy(&head[..read]).into_owned();
        if head.to_ascii_lowercase().contains("upgrade: websocket") {
            self.socket(stream).await;
            return;
        }
        let mut request = vec![0; read];
        stream.read_exact(&mut request).await.unwrap();
        let (status, body) = if head.contains("/peerjs/id?") {
            ("200 OK", "fresh-id".to_owned())
        } else if head.contains("/peerjs/peers?") && self.state.lock().unwrap().discovery {
            let ids: Vec<String> = self.state.lock().unwrap().clients.keys().cloned().collect();
            ("200 OK", json!(ids).to_string())
        } else {
            ("401 Unauthorized", "Unauthorized".to_owned())
        };
        let answer = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len());
        stream.write_all(answer.as_bytes()).await.unwrap();
    }

    async fn socket(self, stream: TcpStream) {
        let mut query = HashMap::new();
        #[allow(clippy::result_large_err)] // The library's type.
        let read = |request: &Request, response: Response| -> Result<Response, ErrorResponse> {
            for (key, value) in
                request.uri().query().unwrap_or_default().split('&').filter_map(|pair| pair.split_once('='))
            {
                query.insert(key.to_owned(), value.to_owned());
            }
            Ok(response)
        };
        let Ok(mut socket) = accept_hdr_async(stream, read).await else { return };
        let (id, token) = (query["id"].clone(), query["token"].clone());
        let (sender, mut messages) = mpsc::unbounded_channel();
        let admitted = {
            let mut state = self.state.lock().unwrap();
            state.sockets += 1;
            let number = state.sockets;
            let refusal = state.refusal.clone();
            match (refusal, state.clients.get_mut(&id)) {
                (Some(refusal), _) => Err(refusal),
                (None, Some(client)) if client.token != token => {
                    Err(json!({ "type": "ID-TAKEN", "payload": { "msg": "ID is taken" } }))
                }
                (None, Some(client)) => {
                    // A takeover: not a word.
                    (client.socket, client.sender) = (number, Some(sender));
                    Ok(number)
                }
                (None, None) => {
                    sender.send(Message::text(r#"{"type":"OPEN"}"#)).unwrap();
                    for message in state.waiting.remove(&id).unwrap_or_default() {
                        sender.send(Message::text(message.to_string())).unwrap();
                    }
                    state.clients.insert(id.clone(), Client { token, socket: number, sender: Some(sender) });
                    Ok(number)
                }
            }
        };
        let number = match admitted {
            Ok(number) => number,
            Err(refusal) => {
                socket.send(Message::text(refusal.to_string())).await.ok();
                socket.close(None).await.ok();
                return;
            }
        };
        loop {
            tokio::select! {
                message = messages.recv() => match message {
                    Some(message) => {
                        if socket.send(message).await.is_err() {
                            break;
                        }
                    }
                    None => break,
                },
                message = socket.next() => match message {
                    Some(Ok(Message::Text(text))) => self.message(&id, &text),
                    Some(Ok(Message::Close(_)) | Err(_)) | None => break,
                    Some(Ok(_)) => {}
                },
            }
        }
        let mut state = self.state.lock().unwrap();
        if state.clients.get(&id).is_some_and(|client| client.socket == number) {
            state.clients.remove(&id);
        }
    }

    fn message(&self, src: &str, text: &str) {
        let mut message: Value = serde_json::from_str(text).unwrap();
        let mut state = self.state.lock().unwrap();
        state.received.push((src.to_owned(), message.clone()));
        message["src"] = json!(src);
        let Some(dst) = message["dst"].as_str().map(str::to_owned) else { return };
        if let Some(sender) = state.clients.get(&dst).and_then(|client| client.sender.clone()) {
            sender.send(Message::text(message.to_string())).ok();
            return;
        }
        let waiting = state.waiting.entry(dst.clone()).or_default();
        waiting.push(message);
        if waiting.len() == 1 {
            let (server, src) = (self.clone(), src.to_owned());
            tokio::spawn(async move {
                sleep(EXPIRE).await;
                let mut state = server.state.lock().unwrap();
                if state.waiting.remove(&dst).is_some()
                    && let Some(sender) = state.clients.get(&src).and_then(|client| client.sender.clone())
                {
                    sender.send(Message::text(json!({ "type": "EXPIRE", "src": dst, "dst": src }).to_string())).ok();
                }
            });
        }
    }
}

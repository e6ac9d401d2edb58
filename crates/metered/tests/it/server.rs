//! A Metered server for tests: does what the wire's description asks, and, on demand, what a good server never does.

use futures_util::{SinkExt, StreamExt};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio_tungstenite::accept_hdr_async;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

/// What the server does otherwise than it should.
#[derive(Debug, Clone, Default)]
pub struct Faults {
    /// Closes with this code before `welcome`.
    pub refuse: Option<u16>,
    /// Says no `welcome`.
    pub mute: bool,
    /// Answers no request, and no ping.
    pub deaf: bool,
    /// Sends the roster before the `ack`.
    pub roster_first: bool,
    /// Refuses to subscribe.
    pub refuse_subscribe: bool,
    /// Sends no roster.
    pub no_roster: bool,
    /// Does not say who left.
    pub silent_leave: bool,
}

#[derive(Debug)]
enum Out {
    Frame(Value),
    Close(u16),
    Drop,
}

struct Client {
    number: u64,
    metadata: Option<Map<String, Value>>,
    out: mpsc::UnboundedSender<Out>,
    /// Channels, and whether the sender's metadata is asked for.
    channels: BTreeMap<String, bool>,
}

#[derive(Default)]
struct Hub {
    clients: HashMap<String, Client>,
    faults: Faults,
    /// Metadata of tokens: `sub` → (`peerMetadata`, `metadata`).
    tokens: HashMap<String, (Value, Value)>,
    /// Frames of clients, with their sender.
    frames: Vec<(String, Value)>,
    /// Queries of the connections.
    queries: Vec<String>,
    next: u64,
    max_message_size: usize,
}

/// The server; it ends with the runtime.
#[derive(Clone)]
pub struct Server {
    pub url: String,
    hub: Arc<Mutex<Hub>>,
    changed: watch::Sender<u64>,
}

impl Server {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("ws://{}", listener.local_addr().unwrap());
        let hub = Arc::new(Mutex::new(Hub { max_message_size: 65_536, ..Hub::default() }));
        let server = Self { url, hub, changed: watch::Sender::new(0) };
        let accepting = server.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(accepting.clone().serve(stream));
            }
        });
        server
    }

    fn hub(&self) -> MutexGuard<'_, Hub> {
        self.hub.lock().unwrap()
    }

    pub fn set_faults(&self, faults: Faults) {
        self.hub().faults = faults;
    }

    pub fn set_max_message_size(&self, size: usize) {
        self.hub().max_message_size = size;
    }

    /// What a token with this `sub` says.
    pub fn set_token(&self, sub: &str, peer_metadata: Value, metadata: Value) {
        self.hub().tokens.insert(sub.to_owned(), (peer_metadata, metadata));
    }

    pub fn close(&self, id: &str, code: u16) {
        self.out(id, Out::Close(code));
    }

    /// Ends the connection without a goodbye.
    pub fn drop_client(&self, id: &str) {
        self.out(id, Out::Drop);
    }

    pub fn push(&self, id: &str, frame: Value) {
        self.out(id, Out::Frame(frame));
    }

    fn out(&self, id: &str, out: Out) {
        self.hub().clients[id].out.send(out).unwrap();
    }

    pub fn queries(&self) -> Vec<String> {
        self.hub().queries.clone()
    }

    /// Frames of one client so far.
    pub fn frames(&self, id: &str) -> Vec<Value> {
        self.hub().frames.iter().filter(|(from, _)| from == id).map(|(_, frame)| frame.clone()).collect()
    }

    /// Waits until `found` makes something of the frames of all clients.
    pub async fn wait<T>(&self, what: &str, mut found: impl FnMut(&[(String, Value)]) -> Option<T>) -> T {
        let mut changes = self.changed.subscribe();
        let search = async {
            loop {
                if let Some(found) = found(&self.hub().frames) {
                    return found;
                }
                changes.changed().await.unwrap();
            }
        };
        tokio::time::timeout(super::PATIENCE, search).await.unwrap_or_else(|_| panic!("{what} does not come"))
    }

    async fn serve(self, stream: TcpStream) {
        let mut query = String::new();
        #[allow(clippy::result_large_err)] // The library's type.
        let read = |request: &Request, response: Response| -> Result<Response, ErrorResponse> {
            query = format!("{}?{}", request.uri().path(), request.uri().query().unwrap_or_default());
            Ok(response)
        };
        let Ok(socket) = accept_hdr_async(stream, read).await else { return };
        let (mut sink, mut source) = socket.split();
        let (out, mut outgoing) = mpsc::unbounded_channel();
        let (id, number) = {
            let mut hub = self.hub();
            hub.queries.push(query.clone());
            let faults = hub.faults.clone();
            hub.next += 1;
            let number = hub.next;
            let id = match query.strip_prefix("/v1?token=") {
                Some(sub) => sub.to_owned(),
                None => format!("peer-{number}"),
            };
            if let Some(code) = faults.refuse {
                out.send(Out::Close(code)).unwrap();
            } else if !faults.mute {
                let (peer, own) = hub.tokens.get(&id).cloned().unwrap_or((Value::Null, json!({})));
                out.send(Out::Frame(
                    json!({ "type": "welcome", "peerId": id, "expiresAt": null, "serverTime": 1_796_055_386,
                    "maxMessageSize": hub.max_message_size, "metadata": own }),
                ))
                .unwrap();
                // A token's peer that is there already leaves first.
                leave(&mut hub, &id, None);
                let metadata = peer.as_object().cloned();
                let client = Client { number, metadata, out: out.clone(), channels: BTreeMap::new() };
                if let Some(old) = hub.clients.insert(id.clone(), client) {
                    old.out.send(Out::Close(4020)).ok();
                }
            }
            (id, number)
        };
        self.changed.send_modify(|version| *version += 1);
        loop {
            tokio::select! {
                biased;
                next = outgoing.recv() => match next.unwrap() {
                    Out::Frame(frame) => drop(sink.send(Message::text(frame.to_string())).await),
                    Out::Close(code) => {
                        let frame = CloseFrame { code: code.into(), reason: "as asked".into() };
                        sink.send(Message::Close(Some(frame))).await.ok();
                        while let Some(Ok(_)) = source.next().await {}
                        break;
                    }
                    Out::Drop => break,
                },
                message = source.next() => match message {
                    Some(Ok(Message::Text(text))) => {
                        self.frame(&id, serde_json::from_str(&text).unwrap());
                        self.changed.send_modify(|version| *version += 1);
                    }
                    Some(Ok(_)) => {}
                    _ => break,
                },
            }
        }
        leave(&mut self.hub(), &id, Some(number));
    }

    fn frame(&self, id: &str, frame: Value) {
        let mut hub = self.hub();
        let hub = &mut *hub;
        hub.frames.push((id.to_owned(), frame.clone()));
        if hub.faults.deaf || !hub.clients.contains_key(id) {
            return;
        }
        let text = |key: &str| frame[key].as_str().unwrap_or_default().to_owned();
        let send = |hub: &Hub, to: &str, frame: Value| {
            if let Some(client) = hub.clients.get(to) {
                client.out.send(Out::Frame(frame)).ok();
            }
        };
        let ack = json!({ "type": "ack", "requestId": frame["requestId"] });
        let error =
            |code: &str| json!({ "type": "error", "requestId": frame["requestId"], "code": code, "message": code });
        let metadata = hub.clients[id].metadata.clone();
        match text("type").as_str() {
            "subscribe" if hub.faults.refuse_subscribe => send(hub, id, error("channel_not_authorized")),
            "subscribe" => {
                let channel = text("channel");
                let there: Vec<Value> = hub
                    .clients
                    .iter()
                    .filter(|(other, client)| *other != id && client.channels.contains_key(&channel))
                    .map(|(other, client)| json!({ "peerId": other, "metadata": client.metadata }))
                    .collect();
                let roster = json!({ "type": "presence", "channel": channel, "joined": there, "left": [] });
                let (first, second) = if hub.faults.roster_first { (roster, ack) } else { (ack, roster) };
                send(hub, id, first);
                if !hub.faults.no_roster {
                    send(hub, id, second);
                }
                let wants = frame["includeSenderMetadata"] == true;
                let fresh = hub.clients.get_mut(id).unwrap().channels.insert(channel.clone(), wants).is_none();
                if fresh {
                    let joined = json!([{ "peerId": id, "metadata": metadata }]);
                    for (other, client) in &hub.clients {
                        if other != id && client.channels.contains_key(&channel) {
                            send(
                                hub,
                                other,
                                json!({ "type": "presence", "channel": channel, "joined": joined, "left": [] }),
                            );
                        }
                    }
                }
            }
            "unsubscribe" => {
                hub.clients.get_mut(id).unwrap().channels.remove(&text("channel"));
                send(hub, id, ack);
            }
            "publish" => {
                let channel = text("channel");
                for (other, client) in &hub.clients {
                    let Some(wants) = client.channels.get(&channel) else { continue };
                    let mut message =
                        json!({ "type": "message", "channel": channel, "from": id, "data": frame["data"] });
                    if *wants {
                        message["fromMetadata"] = json!(metadata);
                    }
                    send(hub, other, message);
                }
                send(hub, id, ack);
            }
            "send" => {
                let to = text("to");
                if hub.clients.contains_key(&to) {
                    send(
                        hub,
                        &to,
                        json!({ "type": "direct", "from": id, "fromMetadata": metadata, "data": frame["data"] }),
                    );
                    send(hub, id, ack);
                } else {
                    send(hub, id, error("peer_not_found"));
                }
            }
            "ping" => send(hub, id, json!({ "type": "pong" })),
            _ => send(hub, id, json!({ "type": "error", "code": "unknown_type", "message": "" })),
        }
    }
}

/// A client is gone: `number` of it, or whichever there is.
fn leave(hub: &mut Hub, id: &str, number: Option<u64>) {
    let Some(client) = hub.clients.get(id).filter(|client| number.is_none_or(|number| client.number == number)) else {
        return;
    };
    let channels: Vec<String> = client.channels.keys().cloned().collect();
    for channel in channels {
        if hub.faults.silent_leave {
            continue;
        }
        let left = json!({ "type": "presence", "channel": channel, "joined": [], "left": [{ "peerId": id }] });
        for (other, client) in &hub.clients {
            if other != id && client.channels.contains_key(&channel) {
                client.out.send(Out::Frame(left.clone())).ok();
            }
        }
    }
    if number.is_some() {
        hub.clients.remove(id);
    }
}

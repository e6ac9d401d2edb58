//! A server, and clients of three kinds. Nothing here waits for a time to pass: every wait is for an event, and
//! `WAIT` only bounds how long a broken test takes.

use confab_server::{Server, ServerConfig};
use confab_wire::signaling::{JoinReply, Welcome};
use futures_util::{FutureExt, SinkExt, StreamExt};
use rust_socketio::asynchronous::{Client as Socket, ClientBuilder};
use rust_socketio::{Event, Payload, TransportType};
use serde_json::{Value, json};
use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::{mpsc, oneshot};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderName;
use tokio_tungstenite::{WebSocketStream, client_async};

pub const WAIT: Duration = Duration::from_secs(30);

pub async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(WAIT, future).await.unwrap_or_else(|_| panic!("nothing came of: {what}"))
}

pub fn config() -> ServerConfig {
    ServerConfig { listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), ..ServerConfig::default() }
}

pub async fn server() -> Server {
    Server::bind(config()).await.unwrap()
}

/// rust_socketio, with its events in one ordered stream.
pub struct Client {
    socket: Socket,
    events: mpsc::UnboundedReceiver<(String, Value)>,
    /// Own member id, once it has joined.
    pub id: String,
}

impl Client {
    pub async fn connect(server: &Server) -> Client {
        Client::connect_as(server, Value::Null).await
    }

    /// Connects with this auth payload.
    pub async fn connect_as(server: &Server, auth: Value) -> Client {
        let (events_in, events) = mpsc::unbounded_channel();
        let (opened, mut open) = mpsc::unbounded_channel();
        let other = events_in.clone();
        let socket = ClientBuilder::new(format!("http://{}/", server.local_addr()))
            .transport_type(TransportType::Websocket)
            .reconnect(false)
            .auth(auth)
            .on(Event::Connect, move |_, _| {
                opened.send(()).ok();
                async {}.boxed()
            })
            .on(Event::Close, move |_, _| {
                other.send(("(close)".into(), Value::Null)).ok();
                async {}.boxed()
            })
            .on_any(move |event, payload, _| {
                events_in.send((event.to_string(), first(payload))).ok();
                async {}.boxed()
            })
            .connect();
        let socket = soon("a connection", socket).await.unwrap();
        soon("the namespace", open.recv()).await.unwrap();
        Client { socket, events, id: String::new() }
    }

    pub async fn member(server: &Server, room: &str, name: &str) -> Client {
        let mut client = Client::connect(server).await;
        client.join(json!({ "roomId": room, "name": name })).await;
        client
    }

    pub async fn emit(&self, event: &str, data: Value) {
        self.socket.emit(event, data).await.unwrap();
    }

    pub async fn call(&self, event: &str, data: Value) -> Value {
        let (answered, answer) = oneshot::channel();
        let mut answered = Some(answered);
        let callback = move |payload: Payload, _: Socket| {
            if let Some(answered) = answered.take() {
                answered.send(first(payload)).ok();
            }
            async {}.boxed()
        };
        self.socket.emit_with_ack(event, data, WAIT, callback).await.unwrap();
        soon("an acknowledgement", answer).await.unwrap()
    }

    pub async fn ask_to_join(&self, wish: Value) -> JoinReply {
        serde_json::from_value(self.call("join-room", wish).await).unwrap()
    }

    pub async fn join(&mut self, wish: Value) -> Welcome {
        match self.ask_to_join(wish).await {
            JoinReply::Welcome(welcome) => {
                self.id.clone_from(&welcome.id);
                welcome
            }
            JoinReply::Refused { error } => panic!("refused: {error}"),
        }
    }

    pub async fn message(&self, target: &str, data: Value) {
        self.emit("#rtcio:message", json!({ "target": target, "data": data })).await;
    }

    pub async fn next(&mut self) -> (String, Value) {
        soon("an event", self.events.recv()).await.unwrap()
    }

    /// The data of the next event, which must be `event`.
    pub async fn expect(&mut self, event: &str) -> Value {
        let (name, data) = self.next().await;
        assert_eq!(name, event, "with {data}");
        data
    }

    /// Everything that the server had sent by now: its answers come in the same order as its events.
    pub async fn heard(&mut self) -> Vec<(String, Value)> {
        self.call("ask-ice", Value::Null).await;
        std::iter::from_fn(|| self.events.try_recv().ok()).collect()
    }

    /// Everything up to the moment when the server ends the connection.
    pub async fn heard_until_closed(&mut self) -> Vec<(String, Value)> {
        let mut heard = Vec::new();
        while heard.last().is_none_or(|(event, _)| event != "(close)") {
            heard.push(self.next().await);
        }
        heard
    }

    /// Leaves without a word to the room.
    pub async fn disconnect(self) {
        self.socket.disconnect().await.unwrap();
    }
}

/// The first argument. rust_socketio gives the array of an acknowledgement as one argument.
fn first(payload: Payload) -> Value {
    let Payload::Text(mut arguments) = payload else { return Value::Null };
    match arguments.first_mut().map(Value::take) {
        Some(Value::Array(mut inner)) if !inner.is_empty() => inner.swap_remove(0),
        other => other.unwrap_or_default(),
    }
}

/// The path of the engine, without a session.
pub const ENGINE: &str = "/socket.io/?EIO=4&transport";

/// A WebSocket that has done the handshake of Engine.IO 4 and Socket.IO 5 and says what the test wants after it.
pub struct Raw(WebSocketStream<TcpStream>);

/// A TCP connection from this address of the loopback network, with a small receive buffer if `small`.
pub async fn tcp(from: Ipv4Addr, to: SocketAddr, small: bool) -> std::io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    if small {
        socket.set_recv_buffer_size(4_096)?;
    }
    socket.bind((from, 0).into())?;
    socket.connect(to).await
}

impl Raw {
    pub async fn connect(server: &Server) -> Raw {
        Raw::connect_as(server, "").await
    }

    /// Wishes for the default namespace with this auth payload.
    pub async fn connect_as(server: &Server, auth: &str) -> Raw {
        Raw::connect_from(Ipv4Addr::LOCALHOST, server.local_addr(), auth).await.unwrap()
    }

    /// The same from another address. `None` if the server takes no connection from there.
    pub async fn connect_from(from: Ipv4Addr, to: SocketAddr, auth: &str) -> Option<Raw> {
        let mut raw = Raw::over(tcp(from, to, false).await.ok()?, to, "").await?;
        raw.send(format!("40{auth}")).await;
        Some(raw)
    }

    /// One that takes as little as it can while it does not read.
    pub async fn narrow(to: SocketAddr) -> Raw {
        let mut raw = Raw::over(tcp(Ipv4Addr::LOCALHOST, to, true).await.unwrap(), to, "").await.unwrap();
        raw.send("40").await;
        assert!(raw.next().await.unwrap().starts_with("40{"));
        raw
    }

    /// The handshake over a TCP stream, with more headers.
    pub async fn over(stream: TcpStream, to: SocketAddr, headers: &str) -> Option<Raw> {
        let mut request = format!("ws://{to}{ENGINE}=websocket").into_client_request().unwrap();
        for (name, value) in headers.lines().filter_map(|line| line.split_once(": ")) {
            request.headers_mut().append(HeaderName::try_from(name).unwrap(), value.parse().unwrap());
        }
        let mut raw = Raw(soon("a handshake", client_async(request, stream)).await.ok()?.0);
        raw.next().await?.starts_with("0{").then_some(raw)
    }

    /// Joins, and returns the answer; what comes before it is left out.
    pub async fn join(&mut self, wish: Value) -> Option<Value> {
        self.send(format!("427{}", json!(["join-room", wish]))).await;
        loop {
            if let Some(answer) = self.next().await?.strip_prefix("437") {
                return Some(serde_json::from_str::<Value>(answer).unwrap()[0].take());
            }
        }
    }

    /// False when the connection is over.
    pub async fn ping(&mut self) -> bool {
        self.0.send(Message::Ping(vec![0; 125].into())).await.is_ok()
    }

    /// The connection, with the answer to the wish for the default namespace read.
    pub async fn open(server: &Server) -> Raw {
        let mut raw = Raw::connect(server).await;
        assert!(raw.next().await.unwrap().starts_with("40{"));
        raw
    }

    pub async fn send(&mut self, text: impl Into<String>) {
        // The server may have closed already; what it did before is what the test looks at.
        self.0.send(Message::text(text.into())).await.ok();
    }

    pub async fn send_binary(&mut self, bytes: Vec<u8>) {
        self.0.send(Message::binary(bytes)).await.ok();
    }

    pub async fn event(&mut self, event: &str, data: Value) {
        self.send(format!("42{}", json!([event, data]))).await;
    }

    /// The next text, pings answered. `None` when the connection is over.
    pub async fn next(&mut self) -> Option<String> {
        loop {
            match soon("a frame", self.0.next()).await {
                Some(Ok(Message::Text(text))) if text.as_str() == "2" => self.send("3").await,
                Some(Ok(Message::Text(text))) => return Some(text.as_str().to_owned()),
                Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
                Some(Ok(_)) => {}
            }
        }
    }

    /// What came right before Socket.IO's disconnect packet.
    pub async fn rest_until_disconnect(&mut self) -> String {
        let mut last = String::new();
        while let Some(text) = self.next().await {
            if text == "41" {
                return last;
            }
            last = text;
        }
        panic!("no disconnect packet after {last}");
    }

    /// Everything up to the end of the connection.
    pub async fn rest(&mut self) -> Vec<String> {
        let mut texts = Vec::new();
        while let Some(text) = self.next().await {
            texts.push(text);
        }
        texts
    }
}

/// One HTTP request on a connection of its own; the whole answer as text.
pub async fn http(address: SocketAddr, head: &str) -> String {
    http_with_body(address, head, "").await
}

/// The same with a body.
pub async fn http_with_body(address: SocketAddr, head: &str, body: &str) -> String {
    let mut stream = soon("a connection", TcpStream::connect(address)).await.unwrap();
    let request = format!("{head}\r\nHost: {address}\r\nConnection: close\r\n\r\n{body}");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    soon("an answer", stream.read_to_end(&mut answer)).await.unwrap();
    String::from_utf8(answer).unwrap()
}

/// The session that long polling opens.
pub async fn polling_session(address: SocketAddr) -> String {
    let open = http(address, &format!("GET {ENGINE}=polling HTTP/1.1")).await;
    open.split_once("\"sid\":\"").expect(&open).1.split_once('"').unwrap().0.to_owned()
}

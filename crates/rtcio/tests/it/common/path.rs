//! A path between members that can be cut, or loses packets: a proxy before the signaling server puts a UDP relay in front of
//! each address that a member names, so that every packet between two engines passes a relay of the test.

use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::{accept_hdr_async, connect_async};
use url::Url;

/// The path. What is under way when the test ends goes with its runtime.
#[derive(Clone)]
pub struct Path {
    /// Address of the proxy; members join here.
    pub url: Url,
    inner: Arc<Inner>,
}

struct Inner {
    server: Url,
    fate: Mutex<Fate>,
    relays: Mutex<HashMap<SocketAddr, SocketAddr>>,
}

/// What becomes of packets.
#[derive(Default)]
enum Fate {
    #[default]
    Passes,
    Cut,
    /// One of `every` that have more than `bytes` is lost; `seen` are those that had.
    Lossy {
        every: usize,
        bytes: usize,
        seen: usize,
    },
}

impl Inner {
    fn loses(&self, packet: &[u8]) -> bool {
        match &mut *self.fate.lock().unwrap() {
            Fate::Passes => false,
            Fate::Cut => true,
            Fate::Lossy { every, bytes, seen } => {
                *seen += usize::from(packet.len() > *bytes);
                packet.len() > *bytes && seen.is_multiple_of(*every)
            }
        }
    }
}

impl Path {
    pub async fn to(server: &Url) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
        let inner = Inner { server: server.clone(), fate: Mutex::default(), relays: Mutex::default() };
        let path = Self { url, inner: Arc::new(inner) };
        let this = path.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let this = this.clone();
                tokio::spawn(async move { this.proxy(stream).await });
            }
        });
        path
    }

    /// From now on every packet between members is lost; signaling is not touched.
    pub fn cut(&self) {
        *self.inner.fate.lock().unwrap() = Fate::Cut;
    }

    /// From now on one of `every` packets of more than `bytes` is lost.
    pub fn lose_one_of(&self, every: usize, bytes: usize) {
        *self.inner.fate.lock().unwrap() = Fate::Lossy { every, bytes, seen: 0 };
    }

    /// From now on every packet passes. How many were lost, of a path that was lossy.
    pub fn mend(&self) -> usize {
        match std::mem::take(&mut *self.inner.fate.lock().unwrap()) {
            Fate::Lossy { every, seen, .. } => seen / every,
            Fate::Passes | Fate::Cut => 0,
        }
    }

    async fn proxy(&self, stream: TcpStream) {
        let mut target = String::new();
        #[allow(clippy::result_large_err)]
        let note = |request: &Request, response: Response| -> Result<Response, ErrorResponse> {
            target = request.uri().path_and_query().map(ToString::to_string).unwrap_or_default();
            Ok(response)
        };
        let Ok(mut client) = accept_hdr_async(stream, note).await else { return };
        let mut upstream = self.inner.server.clone();
        upstream.set_scheme("ws").unwrap();
        let Ok((mut server, _)) = connect_async(format!("{}{target}", upstream.as_str().trim_end_matches('/'))).await
        else {
            return;
        };
        loop {
            let sent = tokio::select! {
                message = client.next() => match message {
                    Some(Ok(Message::Text(text))) => server.send(Message::text(self.rewrite(text.as_str()).await)).await,
                    Some(Ok(message)) => server.send(message).await,
                    _ => break,
                },
                message = server.next() => match message {
                    Some(Ok(message)) => client.send(message).await,
                    _ => break,
                },
            };
            if sent.is_err() {
                break;
            }
        }
        client.close(None).await.ok();
        server.close(None).await.ok();
    }

    /// Puts relays in the place of the addresses in a Socket.IO message.
    async fn rewrite(&self, text: &str) -> String {
        let Some(start) = text.find('[').filter(|_| text.starts_with("42") && text.contains("candidate")) else {
            return text.to_owned();
        };
        let mut message: Value = serde_json::from_str(&text[start..]).unwrap();
        let data = &mut message[1]["data"];
        if let Some(candidate) = data["candidate"]["candidate"].as_str() {
            data["candidate"]["candidate"] = self.candidate(candidate).await.into();
        }
        if let Some(sdp) = data["description"]["sdp"].as_str() {
            let mut lines = Vec::new();
            for line in sdp.lines() {
                lines.push(match line.strip_prefix("a=") {
                    Some(candidate) if candidate.starts_with("candidate:") => {
                        format!("a={}", self.candidate(candidate).await)
                    }
                    _ => line.to_owned(),
                });
            }
            data["description"]["sdp"] = (lines.join("\r\n") + "\r\n").into();
        }
        format!("{}{message}", &text[..start])
    }

    async fn candidate(&self, candidate: &str) -> String {
        let mut parts: Vec<String> = candidate.split(' ').map(str::to_owned).collect();
        if parts.len() < 6 {
            return candidate.to_owned();
        }
        let address = SocketAddr::new(parts[4].parse().unwrap(), parts[5].parse().unwrap());
        let relay = self.relay(address).await;
        (parts[4], parts[5]) = (relay.ip().to_string(), relay.port().to_string());
        parts.join(" ")
    }

    /// A socket in front of `address`. Each one who sends to it gets a socket of its own on the other side, so that
    /// answers find the way back.
    async fn relay(&self, address: SocketAddr) -> SocketAddr {
        if let Some(relay) = self.inner.relays.lock().unwrap().get(&address) {
            return *relay;
        }
        let front = Arc::new(UdpSocket::bind((address.ip(), 0)).await.unwrap());
        let relay = front.local_addr().unwrap();
        self.inner.relays.lock().unwrap().insert(address, relay);
        let inner = Arc::clone(&self.inner);
        tokio::spawn(async move {
            let mut backs: HashMap<SocketAddr, Arc<UdpSocket>> = HashMap::new();
            let mut packet = vec![0; 65_536];
            while let Ok((size, from)) = front.recv_from(&mut packet).await {
                if let Entry::Vacant(entry) = backs.entry(from) {
                    let back = Arc::new(UdpSocket::bind((address.ip(), 0)).await.unwrap());
                    entry.insert(Arc::clone(&back));
                    let (front, inner) = (Arc::clone(&front), Arc::clone(&inner));
                    tokio::spawn(async move {
                        let mut packet = vec![0; 65_536];
                        while let Ok(size) = back.recv(&mut packet).await {
                            if !inner.loses(&packet[..size]) {
                                front.send_to(&packet[..size], from).await.ok();
                            }
                        }
                    });
                }
                if !inner.loses(&packet[..size]) {
                    backs[&from].send_to(&packet[..size], address).await.ok();
                }
            }
        });
        relay
    }
}

//! Unordered and lossy channels over a path that loses packets: a proxy in front of the signaling server puts a relay
//! that does so into every candidate.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod common;

use bytes::Bytes;
use common::{Member, PATIENCE, server};
use confab_rtcio::{Channel, ChannelEvent, ChannelEvents, ChannelOptions};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::time::timeout;
use url::Url;

const MESSAGES: u32 = 400;
/// One for each packet.
const BYTES: usize = 1_000;
/// Only packets with such a message are lost, one of this many.
const LOST: usize = 6;

#[derive(Default)]
struct Path {
    lossy: AtomicBool,
    data: AtomicUsize,
    lost: AtomicUsize,
    /// Port that stands for each address.
    relays: Mutex<HashMap<SocketAddr, u16>>,
}

impl Path {
    fn loses(&self, packet: &[u8]) -> bool {
        let is_data = packet.len() > BYTES && self.lossy.load(Ordering::SeqCst);
        let lost = is_data && self.data.fetch_add(1, Ordering::SeqCst) % LOST == LOST - 1;
        self.lost.fetch_add(usize::from(lost), Ordering::SeqCst);
        lost
    }

    /// The port of a relay to `target`, on the same address.
    fn relay(self: &Arc<Self>, target: SocketAddr) -> u16 {
        let mut relays = self.relays.lock().unwrap();
        *relays.entry(target).or_insert_with(|| {
            let socket = std::net::UdpSocket::bind((target.ip(), 0)).unwrap();
            socket.set_nonblocking(true).unwrap();
            let port = socket.local_addr().unwrap().port();
            tokio::spawn(Arc::clone(self).forward(Arc::new(UdpSocket::from_std(socket).unwrap()), target));
            port
        })
    }

    /// Like a NAT: for each that sends here a socket of its own towards the target.
    async fn forward(self: Arc<Self>, front: Arc<UdpSocket>, target: SocketAddr) {
        let mut backs: HashMap<SocketAddr, Arc<UdpSocket>> = HashMap::new();
        let mut packet = vec![0; 65_536];
        while let Ok((len, from)) = front.recv_from(&mut packet).await {
            if let Entry::Vacant(entry) = backs.entry(from) {
                let back = Arc::new(UdpSocket::bind((target.ip(), 0)).await.unwrap());
                entry.insert(Arc::clone(&back));
                let (path, front) = (Arc::clone(&self), Arc::clone(&front));
                tokio::spawn(async move {
                    let mut packet = vec![0; 65_536];
                    while let Ok(len) = back.recv(&mut packet).await {
                        if !path.loses(&packet[..len]) {
                            front.send_to(&packet[..len], from).await.ok();
                        }
                    }
                });
            }
            if !self.loses(&packet[..len]) {
                backs[&from].send_to(&packet[..len], target).await.ok();
            }
        }
    }

    /// Puts the ports of relays where those of candidates are. Both have five digits, so no length changes.
    fn rewrite(self: &Arc<Self>, text: &mut [u8]) {
        let ends: Vec<_> = (0..text.len()).filter(|at| text[*at..].starts_with(b" typ host")).collect();
        for end in ends {
            let blank = |before: usize| text[..before].iter().rposition(|byte| *byte == b' ');
            let Some(port_at) = blank(end) else { continue };
            let Some(ip_at) = blank(port_at) else { continue };
            let read = |range: std::ops::Range<usize>| String::from_utf8_lossy(&text[range]).into_owned();
            let (ip, port) = (read(ip_at + 1..port_at), read(port_at + 1..end));
            let (Ok(ip), Ok(port)) = (ip.parse::<IpAddr>(), port.parse::<u16>()) else { continue };
            let relay = self.relay((ip, port).into()).to_string();
            assert_eq!(relay.len(), end - port_at - 1, "ports of five digits");
            text[port_at + 1..end].copy_from_slice(relay.as_bytes());
        }
    }
}

/// A proxy to the server that rewrites what the server says.
async fn proxy(url: &Url, path: &Arc<Path>) -> Url {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut through = url.clone();
    through.set_port(Some(listener.local_addr().unwrap().port())).unwrap();
    let server = format!("{}:{}", url.host_str().unwrap(), url.port().unwrap());
    let path = Arc::clone(path);
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let server = TcpStream::connect(&server).await.unwrap();
            let (mut from_client, mut to_client) = client.into_split();
            let (mut from_server, mut to_server) = server.into_split();
            tokio::spawn(async move { tokio::io::copy(&mut from_client, &mut to_server).await });
            let path = Arc::clone(&path);
            tokio::spawn(async move {
                let mut held = Vec::new();
                while from_server.read_buf(&mut held).await.is_ok_and(|read| read > 0) {
                    let whole = whole(&held);
                    path.rewrite(&mut held[..whole]);
                    to_client.write_all(&held[..whole]).await.ok();
                    held.drain(..whole);
                }
            });
        }
    });
    through
}

/// How much of `bytes` is whole HTTP heads and WebSocket frames (RFC 6455 section 5.2) without a mask.
fn whole(bytes: &[u8]) -> usize {
    let mut at = 0;
    loop {
        let rest = &bytes[at..];
        let len = if rest.starts_with(b"HTTP/") {
            rest.windows(4).position(|four| four == b"\r\n\r\n").map(|end| end + 4)
        } else {
            rest.get(1).and_then(|short| match short {
                126 => Some(4 + usize::from(u16::from_be_bytes([*rest.get(2)?, *rest.get(3)?]))),
                127 => Some(10 + u64::from_be_bytes(rest.get(2..10)?.try_into().ok()?) as usize),
                short => Some(2 + usize::from(*short)),
            })
        };
        match len {
            Some(len) if rest.len() >= len => at += len,
            _ => return at,
        }
    }
}

async fn next(events: &mut ChannelEvents) -> ChannelEvent {
    timeout(PATIENCE, events.recv()).await.expect("an event in time").expect("a channel that goes on")
}

/// Sends the numbers over a path that loses some, then an end over one that does not. The numbers in the order in which
/// they came.
async fn transfer(path: &Path, from: &Member, to: &Member, name: &str, options: ChannelOptions) -> Vec<u32> {
    // Drains only when the peer has, or was denied, everything.
    let options = ChannelOptions { low_watermark: 0, ..options };
    let out: Channel = from.socket.peer(&to.id).create_channel(name, options.clone()).unwrap();
    let into = to.socket.peer(&from.id).create_channel(name, options).unwrap();
    let (mut told, mut heard) = (out.events(), into.events());
    assert_eq!((next(&mut told).await, next(&mut heard).await), (ChannelEvent::Open, ChannelEvent::Open));
    path.lossy.store(true, Ordering::SeqCst);
    for number in 0..MESSAGES {
        let mut message = number.to_be_bytes().to_vec();
        message.resize(BYTES, 0);
        assert!(out.send(message).await);
    }
    while next(&mut told).await != ChannelEvent::Drain || out.buffered_amount().await > 0 {}
    path.lossy.store(false, Ordering::SeqCst);
    assert!(out.send(Bytes::from_static(b"end")).await);
    let mut came = Vec::new();
    loop {
        match next(&mut heard).await {
            ChannelEvent::Data(data) if data[..] == *b"end" => return came,
            ChannelEvent::Data(data) => came.push(u32::from_be_bytes(data[..4].try_into().unwrap())),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn unordered_channels_overtake_and_channels_without_retransmission_lose() {
    let (server, url) = server().await;
    let path = Arc::new(Path::default());
    let (ann_url, ben_url) = (proxy(&url, &path).await, proxy(&url, &path).await);
    let mut ann = Member::join(&ann_url, "loss", "Ann").await;
    let mut ben = Member::join(&ben_url, "loss", "Ben").await;
    ann.peer_connect(&ben.id).await;
    ben.peer_connect(&ann.id).await;
    let all: Vec<u32> = (0..MESSAGES).collect();

    let ordered = transfer(&path, &ann, &ben, "ordered", ChannelOptions::default()).await;
    assert_eq!(ordered, all);
    assert!(path.lost.swap(0, Ordering::SeqCst) > 0, "the path lost something");

    let unordered = ChannelOptions { ordered: Some(false), ..ChannelOptions::default() };
    let mut overtaken = transfer(&path, &ann, &ben, "unordered", unordered.clone()).await;
    assert!(!overtaken.is_sorted(), "some overtook those that were lost");
    overtaken.sort_unstable();
    assert_eq!(overtaken, all);
    assert!(path.lost.swap(0, Ordering::SeqCst) > 0, "the path lost something");

    let lossy = ChannelOptions { max_retransmits: Some(0), ..unordered };
    let came = transfer(&path, &ann, &ben, "lossy", lossy).await;
    let lost = path.lost.swap(0, Ordering::SeqCst);
    assert!(lost > 0 && !came.is_empty() && came.len() < all.len(), "{} came, the path lost {lost}", came.len());
    ann.socket.close().await;
    ben.socket.close().await;
    server.shutdown().await;
}

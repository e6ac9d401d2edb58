//! What the tests of the engine share: a real server on loopback, and members of a room that remember their events.

#![allow(dead_code, missing_docs, clippy::unwrap_used, clippy::expect_used)]

pub mod bystander;
pub mod call;
pub mod eve;
pub mod node;
pub mod path;
pub mod picture;
pub mod proxy_server;

use bytes::{BufMut, Bytes, BytesMut};
use confab_rtcio::{Codec, EncodedFrame, Event, Events, FrameLayer, LocalTrack, RemoteTrack, Socket, Watchdog};
use confab_server::{Limits, Server, ServerConfig};
use confab_wire::signaling::{JOIN_ROOM, JoinReply, Welcome};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::timeout;
use url::Url;

/// Far more than anything here takes on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

pub fn logging() {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "off".into());
    tracing_subscriber::fmt().with_env_filter(filter).with_test_writer().try_init().ok();
}

pub async fn server() -> (Server, Url) {
    server_at("127.0.0.1:0".parse().unwrap()).await
}

pub async fn server_at(listen: SocketAddr) -> (Server, Url) {
    server_with(ServerConfig { listen, ..ServerConfig::default() }).await
}

/// A server that relays whatever comes, as stock ones do.
pub async fn boundless_server() -> (Server, Url) {
    let most = u32::MAX;
    let limits = Limits {
        messages_per_second: most,
        message_burst: most,
        bytes_per_second: most,
        byte_burst: most,
        ..Limits::default()
    };
    server_with(ServerConfig { listen: "127.0.0.1:0".parse().unwrap(), limits, ..ServerConfig::default() }).await
}

async fn server_with(config: ServerConfig) -> (Server, Url) {
    logging();
    let server = Server::bind(config).await.expect("a server on loopback");
    let url = Url::parse(&format!("http://{}", server.local_addr())).unwrap();
    (server, url)
}

/// A socket in a room.
pub struct Member {
    pub socket: Socket,
    pub id: String,
    pub welcome: Welcome,
    events: Events,
    log: Vec<Event>,
}

impl Member {
    pub async fn join(url: &Url, room: &str, name: &str) -> Self {
        Self::join_with(url, room, name, Watchdog::default()).await
    }

    pub async fn join_with(url: &Url, room: &str, name: &str, watchdog: Watchdog) -> Self {
        let (socket, events) = Socket::builder(url.clone()).watchdog(watchdog).force_new(true).connect();
        Self::enter(socket, events, room, name).await
    }

    /// Joins with a socket that may have streams already.
    pub async fn enter(socket: Socket, events: Events, room: &str, name: &str) -> Self {
        let welcome = Welcome { id: String::new(), members: Vec::new(), ice_servers: Vec::new(), resume: None };
        let mut member = Self { socket, id: String::new(), welcome, events, log: Vec::new() };
        member.wait("connected", |event| matches!(event, Event::Connected { .. }).then_some(())).await;
        member.rejoin(json!({ "roomId": room, "name": name })).await;
        member
    }

    /// Joins on a server that answers no joins.
    pub async fn join_unanswered(url: &Url, room: &str, name: &str) -> Self {
        let (socket, events) = Socket::builder(url.clone()).force_new(true).connect();
        Self::enter_unanswered(socket, events, room, name).await
    }

    /// The same with a socket that may have streams already.
    pub async fn enter_unanswered(socket: Socket, events: Events, room: &str, name: &str) -> Self {
        let welcome = Welcome { id: String::new(), members: Vec::new(), ice_servers: Vec::new(), resume: None };
        let mut member = Self { socket, id: String::new(), welcome, events, log: Vec::new() };
        member.rejoin_unanswered(false, room, name).await;
        member
    }

    /// Waits for the connection and joins on a server that answers no joins.
    pub async fn rejoin_unanswered(&mut self, again: bool, room: &str, name: &str) {
        let connected = |event: &Event| matches!(event, Event::Connected { reconnect } if *reconnect == again);
        self.wait("connected", |event| connected(event).then_some(())).await;
        self.socket.server().emit(JOIN_ROOM, json!({ "roomId": room, "name": name })).await.unwrap();
        self.socket.set_joined();
        self.id = self.socket.id().expect("the id of the connection");
    }

    /// Says `join-room` and takes the id.
    pub async fn rejoin(&mut self, request: Value) {
        let answer =
            self.socket.server().emit_with_ack(JOIN_ROOM, vec![request]).await.expect("an answer to join-room");
        let reply: JoinReply = serde_json::from_value(answer[0].clone()).expect("a welcome");
        let JoinReply::Welcome(welcome) = reply else { panic!("refused: {reply:?}") };
        self.socket.set_id(&welcome.id);
        self.id.clone_from(&welcome.id);
        self.welcome = welcome;
    }

    /// The first event, past or future, that `pick` takes. It is taken out; the others stay.
    pub async fn wait<T>(&mut self, what: &str, mut pick: impl FnMut(&Event) -> Option<T>) -> T {
        if let Some((index, found)) = self.log.iter().enumerate().find_map(|(index, event)| Some((index, pick(event)?)))
        {
            self.log.remove(index);
            return found;
        }
        let search = async {
            loop {
                let event = self.events.recv().await.unwrap_or_else(|| panic!("events ended before {what}"));
                tracing::debug!(?event, "event");
                if let Some(found) = pick(&event) {
                    return found;
                }
                self.log.push(event);
            }
        };
        match timeout(PATIENCE, search).await {
            Ok(found) => found,
            Err(_) => panic!("no {what}; there was {:#?}", self.log),
        }
    }

    /// The socket alone: nobody reads its events any more.
    pub fn into_socket(self) -> Socket {
        self.socket
    }

    /// Everything that came so far and was not waited for.
    pub fn seen(&mut self) -> &[Event] {
        while let Some(Some(event)) = futures_util::FutureExt::now_or_never(self.events.recv()) {
            self.log.push(event);
        }
        &self.log
    }

    pub async fn peer_connect(&mut self, id: &str) {
        self.wait("peer-connect", |event| matches!(event, Event::PeerConnect { peer } if peer == id).then_some(()))
            .await;
    }

    pub async fn peer_disconnect(&mut self, id: &str) {
        self.wait("peer-disconnect", |event| {
            matches!(event, Event::PeerDisconnect { peer } if peer == id).then_some(())
        })
        .await;
    }

    pub async fn message(&mut self, from: &str, name: &str) -> Vec<Value> {
        self.wait(name, |event| match event {
            Event::Message { peer, event, args } if peer == from && event == name => Some(args.clone()),
            _ => None,
        })
        .await
    }

    /// The next track that comes from `from`.
    pub async fn track(&mut self, from: &str) -> RemoteTrack {
        self.wait("track-added", |event| match event {
            Event::TrackAdded { peer, track, .. } if peer == from => Some(track.clone()),
            _ => None,
        })
        .await
    }
}

/// Two members of one room, connected.
pub async fn pair(url: &Url, room: &str) -> (Member, Member) {
    let mut ann = Member::join(url, room, "Ann").await;
    let mut ben = Member::join(url, room, "Ben").await;
    ann.peer_connect(&ben.id).await;
    ben.peer_connect(&ann.id).await;
    (ann, ben)
}

/// A frame with the head of a VP8 key frame of 640×360 or of a delta frame, and a body that tells its number.
pub fn frame(number: u32, key: bool, bytes: usize) -> EncodedFrame {
    let mut data = BytesMut::new();
    if key {
        data.put_slice(&[0x10, 0, 0, 0x9d, 0x01, 0x2a, 0x80, 0x02, 0x68, 0x01]);
    } else {
        data.put_slice(&[0x11, 0, 0]);
    }
    data.put_u32(number);
    while data.len() < bytes {
        data.put_u8((data.len() as u32 ^ number) as u8);
    }
    EncodedFrame {
        data: data.freeze(),
        codec: Codec::Vp8,
        key,
        timestamp: number.wrapping_mul(3_000),
        width: if key { 640 } else { 0 },
        height: if key { 360 } else { 0 },
        layer: FrameLayer::default(),
    }
}

/// The number of a [`frame`].
pub fn number_of(frame: &EncodedFrame) -> u32 {
    let head = if frame.key { 10 } else { 3 };
    u32::from_be_bytes(frame.data[head..head + 4].try_into().unwrap())
}

/// Writes frames like an encoder at about 30 fps that obeys the demand, until dropped.
pub struct Camera {
    task: tokio::task::JoinHandle<()>,
}

impl Camera {
    pub fn start(track: &LocalTrack, bytes: usize) -> Self {
        let track = track.clone();
        let task = tokio::spawn(async move {
            let mut demand = track.demand();
            let mut answered = 0;
            let mut ticks = tokio::time::interval(Duration::from_millis(33));
            for number in 0.. {
                ticks.tick().await;
                let now = *demand.borrow_and_update();
                let key = now.key_frames() > answered || number == 0;
                answered = now.key_frames();
                track.write_frame(frame(number, key, if key { 4 * bytes } else { bytes }));
            }
        });
        Self { task }
    }
}

impl Drop for Camera {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Reads `count` frames and checks each byte; they begin with a key frame and are in order. Gives the receiver back.
pub async fn watch_frames(track: &RemoteTrack, bytes: usize, count: usize) -> mpsc::Receiver<EncodedFrame> {
    let mut frames = track.take_video().expect("a video track that is read once");
    let mut last = None;
    for index in 0..count {
        let received = timeout(PATIENCE, frames.recv()).await.expect("a frame in time").expect("a track that goes on");
        assert!(index > 0 || received.key, "the first frame must be a key frame");
        let number = number_of(&received);
        let sent = frame(number, received.key, if received.key { 4 * bytes } else { bytes });
        assert_eq!(received.data, sent.data, "frame {number}");
        assert_eq!((received.width, received.height), (640, 360));
        assert!(last.is_none_or(|last| number > last), "{number} after {last:?}");
        last = Some(number);
    }
    frames
}

/// A packet like Opus makes, with a number in it.
pub fn sound(number: u32) -> Bytes {
    let mut data = BytesMut::from(&[0x78][..]);
    data.put_u32(number);
    data.freeze()
}

/// Resident memory of this process, in bytes.
pub fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1_024
}

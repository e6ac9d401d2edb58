//! A peer of a test, with what it reported.

use crate::PATIENCE;
use crate::server::Server;
use confab_metered::{
    Credentials, MeteredEvent, MeteredEvents, MeteredPeer, PeerOptions, Reconnection, RemotePeer, RemotePeerEvent,
    RemotePeerEvents, SignallingOptions, TokenProvider,
};
use confab_transport::addresses::Addresses;
use confab_transport::receive::remote_track::RemoteTrack;
use confab_transport::send::local_stream::LocalStream;
use confab_transport::send::local_track::LocalTrack;
use confab_wire::media::{Codec, EncodedFrame};
use serde_json::{Map, Value};
use std::net::Ipv4Addr;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

pub struct Member {
    pub peer: MeteredPeer,
    pub events: MeteredEvents,
}

pub fn key() -> Credentials {
    Credentials::ApiKey("pk_live_1".to_owned())
}

/// A token whose `sub` it is itself, as the tests' server has it.
pub fn token(sub: &'static str) -> Credentials {
    Credentials::Tokens(TokenProvider::new(move || async move { Ok::<_, std::io::Error>(sub.to_owned()) }))
}

pub fn object(value: Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap()
}

impl Member {
    pub fn new(server: &Server, credentials: Credentials) -> Self {
        tracing_subscriber::fmt()
            .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
            .with_writer(std::io::stderr)
            .try_init()
            .ok();
        let mut signalling = SignallingOptions::new(&server.url, credentials).unwrap();
        signalling.reconnection = Reconnection { delay: Duration::from_millis(50), ..Reconnection::default() };
        let mut options = PeerOptions::new(signalling);
        let (_, addresses) = watch::channel(Addresses::exactly([Ipv4Addr::LOCALHOST.into()]));
        options.addresses = Some(addresses);
        let (peer, events) = MeteredPeer::new(options).unwrap();
        Self { peer, events }
    }

    /// One that is in the room.
    pub async fn join(server: &Server, credentials: Credentials) -> Self {
        let member = Self::new(server, credentials);
        member.peer.join("room", true).await.unwrap();
        member
    }

    pub fn id(&self) -> String {
        self.peer.peer_id().unwrap()
    }

    /// The next event of which `found` makes something.
    pub async fn wait<T>(&mut self, what: &str, mut found: impl FnMut(MeteredEvent) -> Option<T>) -> T {
        let search = async {
            loop {
                let event = self.events.recv().await.unwrap_or_else(|| panic!("the events end before {what}"));
                if let Some(found) = found(event) {
                    return found;
                }
            }
        };
        timeout(PATIENCE, search).await.unwrap_or_else(|_| panic!("{what} does not come"))
    }

    pub async fn peer_joined(&mut self) -> RemotePeer {
        self.wait("a peer", |event| if let MeteredEvent::PeerJoined(peer) = event { Some(peer) } else { None }).await
    }

    pub async fn peer_left(&mut self) -> RemotePeer {
        self.wait("a leave", |event| if let MeteredEvent::PeerLeft(peer) = event { Some(peer) } else { None }).await
    }

    /// Sends a stream with one video.
    pub fn send_video(&self, metadata: Option<Value>) -> (LocalStream, LocalTrack) {
        let (stream, track) = (LocalStream::default(), LocalTrack::video(Codec::Vp8));
        self.peer.add_track(&track, &stream, metadata.map(object)).unwrap();
        (stream, track)
    }
}

/// The next event of a remote of which `found` makes something.
pub async fn wait<T>(
    events: &mut RemotePeerEvents,
    what: &str,
    mut found: impl FnMut(RemotePeerEvent) -> Option<T>,
) -> T {
    let search = async {
        loop {
            let event = events.recv().await.unwrap_or_else(|| panic!("the events end before {what}"));
            if let Some(found) = found(event) {
                return found;
            }
        }
    };
    timeout(PATIENCE, search).await.unwrap_or_else(|_| panic!("{what} does not come"))
}

/// The next track of a remote, and what is said of it.
pub async fn track(events: &mut RemotePeerEvents) -> (RemoteTrack, Option<Map<String, Value>>) {
    wait(events, "a track", |event| match event {
        RemotePeerEvent::Track { track, metadata, .. } => Some((track, metadata)),
        _ => None,
    })
    .await
}

/// Sends key frames until one arrives.
pub async fn shows(from: &LocalTrack, to: &RemoteTrack) {
    let mut frames = to.take_video().expect("nobody has it yet");
    let sending = async {
        for timestamp in (0..).map(|number: u32| number.wrapping_mul(9_000)) {
            from.write_frame(key_frame(timestamp));
            sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::select! {
        () = sending => {}
        frame = timeout(PATIENCE, frames.recv()) => assert!(frame.expect("a picture in time").expect("a picture").key),
    }
}

/// A key frame of VP8, as far as anybody looks before decoding it.
fn key_frame(timestamp: u32) -> EncodedFrame {
    let data = bytes::Bytes::from_static(&[0x10, 0, 0, 0x9d, 0x01, 0x2a, 0x80, 0x02, 0x68, 0x01]);
    let (codec, layer) = (Codec::Vp8, Default::default());
    EncodedFrame { data, codec, key: true, timestamp, width: 640, height: 360, layer }
}

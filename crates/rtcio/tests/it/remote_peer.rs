//! What survives when a connection is lost and comes back: one test for each row of the table in Metered's documentation
//! of `RemotePeer`, between two engines whose path the test cuts.

use crate::common::path::Path;
use crate::common::{Camera, Member, PATIENCE, server, watch_frames};
use confab_rtcio::{
    ChannelEvent, ChannelOptions, Codec, Event, LocalTrack, ReadyState, RemotePeer, RemotePeerEvent, RemotePeerEvents,
    RemotePeerState, RemoteSendError, RemoteTrack, RtcioStream, Socket, Watchdog,
};
use confab_server::{Claims, Server, ServerConfig, TokenConfig, mint};
use confab_wire::limits::DIRECT_MESSAGE_BYTES;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::timeout;

/// Short, so that a test takes seconds.
const WATCHDOG: Watchdog = Watchdog {
    timeout: Duration::from_secs(2),
    hint_timeout: Duration::from_secs(1),
    hint_ttl: Duration::from_secs(30),
};

async fn next(events: &mut RemotePeerEvents) -> RemotePeerEvent {
    timeout(PATIENCE, events.recv()).await.expect("an event of a remote").expect("an event before the end")
}

/// The events up to the change to `wanted`, without it.
async fn until(events: &mut RemotePeerEvents, wanted: RemotePeerState) -> Vec<RemotePeerEvent> {
    let mut seen = Vec::new();
    loop {
        match next(events).await {
            RemotePeerEvent::StateChange { to, .. } if to == wanted => return seen,
            event => seen.push(event),
        }
    }
}

async fn stream_added(events: &mut RemotePeerEvents) -> (String, String, Option<Value>) {
    loop {
        if let RemotePeerEvent::StreamAdded { stream, metadata } = next(events).await {
            return (stream.id.unwrap_or_default(), stream.msid, metadata.map(Value::Object));
        }
    }
}

/// Two members on a path that can be cut; Ann shows a camera. The events are those that Ben has of Ann.
struct Pair {
    _server: Server,
    path: Path,
    ann: Member,
    ben: Member,
    remote: RemotePeer,
    events: RemotePeerEvents,
    stream: RtcioStream,
    _camera: Camera,
}

impl Pair {
    async fn connect(watchdog: Watchdog) -> Self {
        let (server, url) = server().await;
        let path = Path::to(&url).await;
        let mut ann = Member::join_with(&path.url, "room", "Ann", watchdog).await;
        let mut ben = Member::join_with(&path.url, "room", "Ben", watchdog).await;
        let wanted = ann.id.clone();
        let remote = ben
            .wait("remote peer", move |event| match event {
                Event::RemotePeer { remote } if remote.id() == wanted => Some(remote.clone()),
                _ => None,
            })
            .await;
        let mut events = remote.events();
        until(&mut events, RemotePeerState::Connected).await;
        ann.peer_connect(&ben.id).await;
        ben.peer_connect(&ann.id).await;
        let (stream, video) = (RtcioStream::new(), LocalTrack::video(Codec::Vp8));
        stream.add_track(&video);
        let camera = Camera::start(&video, 1_000);
        let args = vec![json!({ "stream": stream.placeholder(), "name": "Ann" })];
        ann.socket.emit_stream("camera", args, &stream).await.unwrap();
        Self { _server: server, path, ann, ben, remote, events, stream, _camera: camera }
    }

    /// Cuts the path until both watchdogs have bitten, so that only a new connection helps, and waits for it.
    async fn replace(&mut self) {
        self.lose().await;
        self.path.mend();
        self.ben.peer_connect(&self.ann.id).await;
        self.ann.peer_connect(&self.ben.id).await;
    }

    async fn lose(&mut self) {
        self.path.cut();
        self.ben.peer_disconnect(&self.ann.id).await;
        self.ann.peer_disconnect(&self.ben.id).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_object_its_id_and_its_listeners_survive_a_replaced_connection() {
    let mut pair = Pair::connect(WATCHDOG).await;
    pair.replace().await;
    assert_eq!(pair.ben.socket.remote_peer(&pair.ann.id).as_ref(), Some(&pair.remote));
    assert_eq!(pair.remote.id(), pair.ann.id);
    assert_eq!(pair.ben.socket.remote_peers().len(), 1);
    until(&mut pair.events, RemotePeerState::Connected).await;
    let again = |event: &Event| matches!(event, Event::RemotePeer { .. });
    assert!(!pair.ben.seen().iter().any(again), "it never left, so it does not come again");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_state_goes_from_connected_over_reconnecting_to_connected() {
    let mut pair = Pair::connect(WATCHDOG).await;
    pair.replace().await;
    until(&mut pair.events, RemotePeerState::Reconnecting).await;
    let between = until(&mut pair.events, RemotePeerState::Connected).await;
    assert!(!between.iter().any(|event| matches!(event, RemotePeerEvent::StateChange { .. })), "{between:?}");
    assert_eq!(pair.remote.state(), RemotePeerState::Connected);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_reset_is_told_before_the_new_connection_stands() {
    let mut pair = Pair::connect(WATCHDOG).await;
    pair.replace().await;
    let before = until(&mut pair.events, RemotePeerState::Reconnecting).await;
    assert!(!before.iter().any(|event| matches!(event, RemotePeerEvent::ConnectionReset)));
    let between = until(&mut pair.events, RemotePeerState::Connected).await;
    assert!(between.iter().any(|event| matches!(event, RemotePeerEvent::ConnectionReset)), "{between:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn remote_streams_come_again_with_their_ids_and_metadata_and_are_not_removed() {
    let mut pair = Pair::connect(WATCHDOG).await;
    let first = stream_added(&mut pair.events).await;
    assert_eq!(first, (pair.stream.id().into(), pair.stream.msid().into(), Some(json!({ "name": "Ann" }))));
    pair.replace().await;
    let mut added = 0;
    while added == 0 {
        match next(&mut pair.events).await {
            RemotePeerEvent::StreamRemoved { .. } => panic!("removed"),
            RemotePeerEvent::StreamAdded { stream, metadata } => {
                added += 1;
                let again = (stream.id.unwrap_or_default(), stream.msid, metadata.map(Value::Object));
                assert_eq!(again, first);
            }
            _ => {}
        }
    }
    // Taken away by its owner, it is removed.
    pair.stream.remove_track(&pair.stream.tracks()[0]);
    loop {
        match next(&mut pair.events).await {
            RemotePeerEvent::StreamRemoved { stream } => break assert_eq!(stream.msid, pair.stream.msid()),
            RemotePeerEvent::StreamAdded { .. } => panic!("added twice"),
            _ => {}
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn own_streams_are_sent_on_the_new_connection_without_being_asked() {
    let mut pair = Pair::connect(WATCHDOG).await;
    let track: RemoteTrack = pair.ben.track(&pair.ann.id).await;
    watch_frames(&track, 1_000, 5).await;
    pair.replace().await;
    let again = pair.ben.track(&pair.ann.id).await;
    watch_frames(&again, 1_000, 10).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn events_on_ctrl_pass_both_ways_on_the_new_connection() {
    let mut pair = Pair::connect(WATCHDOG).await;
    pair.lose().await;
    // Said while there is no connection: it waits for the next one.
    pair.ann.socket.emit("waiting", vec![json!(1)]).await.unwrap();
    pair.path.mend();
    pair.ben.message(&pair.ann.id, "waiting").await;
    pair.ben.socket.emit("hello", vec![json!(2)]).await.unwrap();
    assert_eq!(pair.ann.message(&pair.ben.id, "hello").await, [json!(2)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_through_the_server_pass_before_during_and_after() {
    let mut pair = Pair::connect(WATCHDOG).await;
    async fn passes(pair: &mut Pair, n: u32) {
        pair.ben.socket.send_to(&pair.remote, json!({ "n": n })).await.unwrap();
        let from = pair.ben.id.clone();
        let data = pair.ann.wait("direct message", move |event| match event {
            Event::Direct { peer, data } if *peer == from => Some(data.clone()),
            _ => None,
        });
        assert_eq!(data.await, json!({ "n": n }));
    }
    passes(&mut pair, 1).await;
    pair.lose().await;
    passes(&mut pair, 2).await;
    pair.path.mend();
    pair.ben.peer_connect(&pair.ann.id).await;
    passes(&mut pair, 3).await;
    let size = DIRECT_MESSAGE_BYTES + 2;
    let large = pair.ben.socket.send_to(&pair.remote, json!("x".repeat(DIRECT_MESSAGE_BYTES))).await;
    assert_eq!(large, Err(RemoteSendError::TooLarge { size, cap: DIRECT_MESSAGE_BYTES }));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_sides_exactly_one_is_polite_before_and_after() {
    let mut pair = Pair::connect(WATCHDOG).await;
    let other = pair.ann.socket.remote_peer(&pair.ben.id).unwrap();
    assert!(other.polite() && !pair.remote.polite(), "who was in the room before is polite");
    pair.replace().await;
    assert_ne!(other.polite(), pair.remote.polite());
}

#[tokio::test(flavor = "multi_thread")]
async fn closed_is_final_and_who_comes_back_is_someone_else() {
    let mut pair = Pair::connect(WATCHDOG).await;
    pair.ann.socket.close().await;
    until(&mut pair.events, RemotePeerState::Closed).await;
    assert!(pair.events.recv().await.is_none());
    assert!(pair.ben.socket.remote_peer(&pair.ann.id).is_none());
    assert_eq!(pair.ben.socket.send_to(&pair.remote, json!(1)).await, Err(RemoteSendError::Closed));

    let resume = pair.ann.welcome.resume.clone();
    let (socket, events) = Socket::builder(pair.path.url.clone()).force_new(true).watchdog(WATCHDOG).connect();
    let mut ann = Member::enter(socket, events, "lobby", "Ann").await;
    ann.rejoin(json!({ "roomId": "room", "name": "Ann", "resume": resume })).await;
    assert_eq!(ann.id, pair.ann.id);
    pair.ben.peer_connect(&ann.id).await;
    let again = pair.ben.socket.remote_peer(&ann.id).unwrap();
    assert_ne!(again, pair.remote);
    assert_eq!(pair.remote.state(), RemotePeerState::Closed);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_peer_is_closed_when_the_server_says_that_it_left() {
    let mut pair = Pair::connect(WATCHDOG).await;
    pair.lose().await;
    assert_eq!(pair.remote.state(), RemotePeerState::Reconnecting);
    pair.ann.socket.server().emit("leave-room", vec![json!({ "roomId": "room" })]).await.unwrap();
    until(&mut pair.events, RemotePeerState::Closed).await;
    assert!(pair.ben.socket.remote_peers().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_ice_can_heal_is_not_replaced() {
    let mut pair = Pair::connect(Watchdog { timeout: Duration::from_secs(40), ..WATCHDOG }).await;
    pair.path.cut();
    until(&mut pair.events, RemotePeerState::Reconnecting).await;
    pair.path.mend();
    let between = until(&mut pair.events, RemotePeerState::Connected).await;
    assert!(!between.iter().any(|event| matches!(event, RemotePeerEvent::ConnectionReset)), "{between:?}");
    assert!(!pair.ben.seen().iter().any(|event| matches!(event, Event::PeerDisconnect { .. })));
    pair.ann.socket.emit("still", vec![json!(1)]).await.unwrap();
    pair.ben.message(&pair.ann.id, "still").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn metadata_is_kept_and_a_newer_token_refreshes_it_before_connected() {
    let key = b"0123456789abcdef0123456789abcdef".to_vec();
    let tokens = Some(TokenConfig { key: key.clone(), require: true });
    crate::common::logging();
    let config = ServerConfig { listen: "127.0.0.1:0".parse().unwrap(), tokens, ..ServerConfig::default() };
    let server = Server::bind(config).await.unwrap();
    let path = Path::to(&server.urls().pop().unwrap()).await;
    let builder = |role: &str| {
        let metadata = json!({ "role": role }).as_object().cloned();
        let claims = Claims { peer_metadata: metadata, ..Claims::lasting(Duration::from_secs(600)) };
        let auth = json!({ "token": mint(&key, &claims).unwrap() });
        Socket::builder(path.url.clone()).force_new(true).auth(auth).watchdog(WATCHDOG)
    };
    let role = |remote: &RemotePeer| remote.metadata().unwrap()["role"].clone();
    let (socket, events) = builder("host").connect();
    let mut ann = Member::enter(socket, events, "room", "Ann").await;
    let (socket, events) = builder("guest").connect();
    let mut ben = Member::enter(socket, events, "room", "Ben").await;
    ann.peer_connect(&ben.id).await;
    ben.peer_connect(&ann.id).await;
    let remote = ben.socket.remote_peer(&ann.id).unwrap();
    assert_eq!((role(&remote), role(&ann.socket.remote_peer(&ben.id).unwrap())), (json!("host"), json!("guest")));
    let debug = format!("{remote:?} {:?} {:?}", ben.socket, builder("secret role"));
    assert!(!debug.contains("host") && !debug.contains("token") && !debug.contains("eyJ"), "{debug}");

    let mut events = remote.events();
    path.cut();
    until(&mut events, RemotePeerState::Reconnecting).await;
    assert_eq!(role(&remote), "host");
    // Ann's program starts anew, with a newer token, and takes her place.
    let resume = ann.welcome.resume.clone();
    let (socket, engine) = builder("speaker").connect();
    let mut again = Member::enter(socket, engine, "lobby", "Ann").await;
    path.mend();
    again.rejoin(json!({ "roomId": "room", "name": "Ann", "resume": resume })).await;
    until(&mut events, RemotePeerState::Connected).await;
    assert_eq!(role(&remote), "speaker");
    assert_eq!(ben.socket.remote_peer(&again.id), Some(remote));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_of_the_old_connection_is_gone_and_a_broadcast_channel_joins_the_new_one() {
    let mut pair = Pair::connect(WATCHDOG).await;
    let (ann, ben) = (pair.ann.socket.clone(), pair.ben.socket.clone());
    let options = ChannelOptions::default;
    let file = ben.peer(&pair.ann.id).create_channel("file", options()).unwrap();
    ann.peer(&pair.ben.id).create_channel("file", options()).unwrap();
    let (chat, heard) =
        (ann.create_channel("chat", options()).unwrap(), ben.create_channel("chat", options()).unwrap());
    let mut opened = Vec::new();
    while opened.len() < 2 {
        if let RemotePeerEvent::DataChannel { name } = next(&mut pair.events).await {
            opened.push(name);
        }
    }
    opened.sort();
    assert_eq!(opened, ["chat", "file"]);

    pair.replace().await;
    while !matches!(next(&mut pair.events).await, RemotePeerEvent::ConnectionReset) {}
    assert_eq!(file.ready_state(), ReadyState::Closed);
    let hello = heard.once("hello");
    assert!(chat.emit("hello", vec![json!("again")]).await);
    assert_eq!(timeout(PATIENCE, hello).await.unwrap().unwrap().args, [json!("again")]);
    // Made again, it is a channel of the new connection.
    let file = ben.peer(&pair.ann.id).create_channel("file", options()).unwrap();
    let other = ann.peer(&pair.ben.id).create_channel("file", options()).unwrap();
    let (mut here, mut there) = (file.events(), other.events());
    assert_eq!(timeout(PATIENCE, here.recv()).await.unwrap(), Some(ChannelEvent::Open));
    assert_eq!(timeout(PATIENCE, there.recv()).await.unwrap(), Some(ChannelEvent::Open));
    assert!(file.send("text").await || file.ready_state() == ReadyState::Open);
}

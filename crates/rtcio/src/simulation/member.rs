//! An application in a world: joins its room each time it can, answers what the server says as `confab-call` does, and
//! remembers what it got from whom.

use crate::{
    AckError, AudioPacket, Codec, EncodedFrame, Event, Events, FrameLayer, LocalTrack, MediaKind, RemoteTrack,
    RtcioStream, Socket,
};
use bytes::Bytes;
use confab_wire::signaling::{
    JOIN_ROOM, JoinReply, JoinRoom, Member as Named, PeerRef, USER_CONNECTED, USER_DISCONNECTED,
};
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
use url::Url;

/// How long somebody may be in the room without a connection before the room is joined again, to be offered to.
const LOST: Duration = Duration::from_secs(5);

/// MediaStream id → its tracks by kind.
pub(super) type Tracks = BTreeMap<String, (usize, usize)>;

/// What a member knows.
#[derive(Debug, Default)]
struct View {
    /// Id and token.
    id: Option<String>,
    joining: bool,
    /// Whom the server named, and since when there is no connection to them.
    present: HashMap<String, Option<Instant>>,
    /// Peer → MediaStream id and track id → track.
    tracks: HashMap<String, BTreeMap<(String, String), RemoteTrack>>,
    /// Peer → MediaStream ids of which the owner told the event.
    told: HashMap<String, HashSet<String>>,
    messages: Vec<String>,
    log: Vec<String>,
    /// What must never happen.
    faults: Vec<String>,
}

/// A member.
pub(super) struct Member {
    pub(super) host: String,
    pub(super) socket: Socket,
    pub(super) streams: Vec<RtcioStream>,
    view: Arc<Mutex<View>>,
    tasks: Vec<JoinHandle<()>>,
}

impl Drop for Member {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

impl Member {
    pub(super) fn enter(host: &str) -> Self {
        let url = Url::parse(&format!("http://{host}/")).unwrap();
        let (socket, events) = Socket::builder(url).connect();
        let view = Arc::new(Mutex::new(View::default()));
        let tasks = vec![
            tokio::spawn(read(socket.clone(), events, Arc::clone(&view))),
            tokio::spawn(look_after(socket.clone(), Arc::clone(&view))),
        ];
        Self { host: host.to_owned(), socket, streams: Vec::new(), view, tasks }
    }

    pub(super) fn id(&self) -> Option<String> {
        self.view.lock().unwrap().id.clone()
    }

    /// What this member sends.
    pub(super) fn sends(&self) -> Tracks {
        let kinds = self.streams.iter().map(|stream| {
            let tracks = stream.tracks();
            let video = tracks.iter().filter(|track| track.kind() == MediaKind::Video).count();
            (stream.msid().to_owned(), (video, tracks.len() - video))
        });
        kinds.filter(|(_, count)| *count != (0, 0)).collect()
    }

    /// What this member has from `peer`.
    pub(super) fn receives(&self, peer: &str) -> Tracks {
        let mut tracks = Tracks::new();
        for ((msid, _), track) in self.view.lock().unwrap().tracks.get(peer).into_iter().flatten() {
            let count = tracks.entry(msid.clone()).or_default();
            match track.kind() {
                MediaKind::Video => count.0 += 1,
                MediaKind::Audio => count.1 += 1,
            }
        }
        tracks
    }

    /// Sends something on every track.
    pub(super) fn play(&self) {
        for track in self.streams.iter().flat_map(RtcioStream::tracks) {
            let data = Bytes::from_static(&[0x10, 0, 0, 0x9d, 0x01, 0x2a, 0x80, 0x02, 0x68, 0x01]);
            match track.kind() {
                MediaKind::Video => {
                    let codec = Codec::Vp8;
                    let (timestamp, width, height, layer) = (1, 640, 360, FrameLayer::default());
                    track.write_frame(EncodedFrame { data, codec, key: true, timestamp, width, height, layer });
                }
                MediaKind::Audio => track.write_audio(AudioPacket { data, timestamp: 1, sequence: 1, level: None }),
            }
        }
    }

    /// Packets that came on each track of `peer`.
    pub(super) fn packets(&self, peer: &str) -> Vec<u64> {
        let view = self.view.lock().unwrap();
        view.tracks.get(peer).into_iter().flatten().map(|(_, track)| track.stats().packets).collect()
    }

    /// True if `peer` has told the event of each of these streams.
    pub(super) fn was_told(&self, peer: &str, streams: &Tracks) -> bool {
        let view = self.view.lock().unwrap();
        streams.keys().all(|msid| view.told.get(peer).is_some_and(|told| told.contains(msid)))
    }

    pub(super) fn heard(&self, message: &str) -> bool {
        self.view.lock().unwrap().messages.iter().any(|heard| heard == message)
    }

    /// What must never happen, and did.
    pub(super) fn faults(&self) -> Vec<String> {
        self.view.lock().unwrap().faults.clone()
    }

    pub(super) fn log(&self) -> Vec<String> {
        self.view.lock().unwrap().log.clone()
    }

    /// Joins again as one that knows of no connection: everybody begins anew with it.
    pub(super) fn forget(&self) {
        join(&self.socket, &self.view, Vec::new());
    }

    pub(super) async fn share(&mut self, tracks: &[LocalTrack]) {
        let stream = RtcioStream::new();
        for track in tracks {
            stream.add_track(track);
        }
        let args = vec![json!({ "stream": stream.placeholder() })];
        self.socket.emit_stream("share", args, &stream).await.unwrap();
        self.streams.push(stream);
    }
}

fn join(socket: &Socket, view: &Arc<Mutex<View>>, connected: Vec<String>) {
    let resume = {
        let mut view = view.lock().unwrap();
        if std::mem::replace(&mut view.joining, true) {
            return;
        }
        view.id.clone()
    };
    let (socket, view) = (socket.clone(), Arc::clone(view));
    tokio::spawn(async move {
        let request = JoinRoom { room_id: "room".into(), name: "x".into(), resume, connected };
        let answer = socket.server().emit_with_ack(JOIN_ROOM, vec![json!(request)]).await;
        view.lock().unwrap().joining = false;
        let args = match answer {
            Ok(args) => args,
            Err(AckError::Offline | AckError::Timeout) => return,
            Err(error) => panic!("{error}"),
        };
        let JoinReply::Welcome(welcome) = serde_json::from_value(args[0].clone()).unwrap() else { panic!("refused") };
        socket.set_id(&welcome.id);
        let mut view = view.lock().unwrap();
        view.id = Some(welcome.id);
        view.present = welcome.members.into_iter().map(|member| (member.id, None)).collect();
    });
}

/// Joins the room again while somebody is there to whom there is no connection of any state, as `confab-call` does it: of
/// two the one with the smaller id, so that their tries do not cross.
async fn look_after(socket: Socket, view: Arc<Mutex<View>>) {
    loop {
        sleep(Duration::from_secs(1)).await;
        let connections: Vec<String> = socket.peer_stats().await.into_iter().map(|report| report.id).collect();
        let retry = {
            let mut view = view.lock().unwrap();
            let now = Instant::now();
            let Some(me) = view.id.clone() else { continue };
            let mut retry = false;
            for (id, missing) in &mut view.present {
                if connections.contains(id) {
                    *missing = None;
                    continue;
                }
                let since = missing.get_or_insert(now);
                if me < *id && *since + LOST <= now {
                    (*since, retry) = (now, true);
                }
            }
            retry
        };
        if retry {
            let connected = socket.peers().await;
            join(&socket, &view, connected);
        }
    }
}

async fn read(socket: Socket, mut events: Events, view: Arc<Mutex<View>>) {
    let started = Instant::now();
    while let Some(event) = events.recv().await {
        if matches!(event, Event::Connected { .. }) {
            view.lock().unwrap().joining = false;
            let connected = socket.peers().await;
            join(&socket, &view, connected);
        }
        let mut state = view.lock().unwrap();
        let at = started.elapsed().as_millis();
        let line = format!("{at:>6} {}", brief(&event));
        state.log.push(line);
        match event {
            Event::Server { event, args } => server_event(&mut state, &event, args),
            Event::TrackAdded { peer, stream, track, .. } => {
                let place = (stream.msid.clone(), track.id().to_owned());
                let before = state.tracks.entry(peer).or_default().insert(place, track);
                if before.is_some() {
                    state.faults.push("a track was added twice".to_owned());
                }
            }
            Event::TrackRemoved { peer, stream, track } => {
                let place = (stream.msid.clone(), track.id().to_owned());
                let known = state.tracks.entry(peer).or_default().remove(&place);
                if known.is_none() {
                    state.faults.push("a track was removed that was never added".to_owned());
                }
            }
            Event::Stream { peer, stream, .. } => {
                state.told.entry(peer).or_default().insert(stream.msid);
            }
            Event::Message { event, .. } => state.messages.push(event),
            Event::Misbehaving { what, .. } => state.faults.push(format!("said to misbehave: {what}")),
            _ => {}
        }
    }
}

fn server_event(view: &mut View, event: &str, args: Vec<Value>) {
    let argument = args.into_iter().next().unwrap_or_default();
    match event {
        USER_CONNECTED => {
            let member: Named = serde_json::from_value(argument).unwrap();
            if view.id.as_ref() != Some(&member.id) {
                view.present.entry(member.id).or_default();
            }
        }
        USER_DISCONNECTED => {
            let gone: PeerRef = serde_json::from_value(argument).unwrap();
            view.present.remove(&gone.id);
        }
        _ => {}
    }
}

fn brief(event: &Event) -> String {
    match event {
        Event::TrackAdded { stream, track, .. } => format!("track-added {:.8} {:.8}", stream.msid, track.id()),
        Event::TrackRemoved { stream, track, .. } => format!("track-removed {:.8} {:.8}", stream.msid, track.id()),
        Event::Stream { stream, .. } => format!("stream {:.8}", stream.msid),
        other => format!("{other:?}"),
    }
}

//! A peer of ours: `confab_rtcio::Socket`, with real pictures and tones.

use crate::Outcome;
use confab_media::{
    AudioCapture, AudioSource, VideoCapture, VideoConfig, VideoEvent, VideoSource, Vp8Decoder, pattern,
};
use confab_rtcio::{Codec, Event, Events, LocalTrack, MediaKind, RemoteTrack, RtcioStream, Socket, Watchdog};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc;
use url::Url;

/// The socket, what it sends, and what came.
pub struct Ours {
    socket: Socket,
    log: mpsc::UnboundedReceiver<Value>,
    streams: HashMap<String, Sent>,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    listeners: Vec<Listening>,
    received: Vec<Received>,
    /// The event that told what a stream is, by peer and MediaStream id.
    known: HashMap<(String, String), (String, String)>,
}

struct Listening {
    tag: String,
    event: String,
    peer: Option<String>,
    once: bool,
}

struct Received {
    peer: String,
    msid: String,
    track: RemoteTrack,
    meter: Arc<Mutex<Meter>>,
}

#[derive(Default, Clone, Copy)]
struct Meter {
    moving: u32,
    number: u32,
    width: u32,
    height: u32,
}

/// A stream of ours with what feeds its tracks.
struct Sent {
    stream: RtcioStream,
    sources: Vec<Source>,
}

struct Source {
    track: LocalTrack,
    /// Dropping it ends the device.
    _capture: Box<dyn std::any::Any + Send>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Ours {
    pub fn start(server: &str, options: &Value) -> Outcome<Self> {
        let mut builder = Socket::builder(Url::parse(server)?);
        if let Some(watchdog) = options.get("watchdog") {
            let mut times = Watchdog::default();
            let ms = |key: &str| watchdog.get(key).and_then(Value::as_u64).map(Duration::from_millis);
            times.timeout = ms("timeout").unwrap_or(times.timeout);
            times.hint_timeout = ms("hintTimeout").unwrap_or(times.hint_timeout);
            times.hint_ttl = ms("hintTTL").unwrap_or(times.hint_ttl);
            builder = builder.watchdog(times);
        }
        if let Some(auth) = options.get("auth") {
            builder = builder.auth(auth.clone());
        }
        let (socket, events) = builder.connect();
        let (sender, log) = mpsc::unbounded_channel();
        let state = Arc::new(Mutex::new(State::default()));
        tokio::spawn(listen(events, sender, Arc::clone(&state)));
        Ok(Self { socket, log, streams: HashMap::new(), state })
    }

    pub fn joined(&self, id: &str) {
        self.socket.set_id(id);
    }

    pub async fn next(&mut self) -> Outcome<Vec<Value>> {
        Ok(vec![self.log.recv().await.ok_or("the socket ended")?])
    }

    pub async fn emit(&mut self, event: &str, args: Value) -> Outcome {
        let mut stream = None;
        let args = self.revive(args, &mut stream);
        match stream {
            Some(stream) => self.socket.emit_stream(event, list(args), &stream).await?,
            None => self.socket.emit(event, list(args)).await?,
        }
        Ok(())
    }

    pub async fn emit_to(&mut self, id: &str, event: &str, args: Value) -> Outcome {
        Ok(self.socket.peer(id).emit(event, list(args)).await?)
    }

    pub async fn raw(&mut self, _: &str, _: Value) -> Outcome {
        Err("only a page can send what the library does not".into())
    }

    pub async fn on(&mut self, tag: &str, event: &str, options: Value) -> Outcome {
        let peer = options.get("peer").and_then(Value::as_str).map(str::to_owned);
        let once = options.get("once").and_then(Value::as_bool) == Some(true);
        lock(&self.state).listeners.push(Listening { tag: tag.to_owned(), event: event.to_owned(), peer, once });
        Ok(())
    }

    pub async fn off(&mut self, tag: &str) -> Outcome {
        lock(&self.state).listeners.retain(|listener| listener.tag != tag);
        Ok(())
    }

    pub async fn server_emit(&mut self, event: &str, args: Value) -> Outcome {
        Ok(self.socket.server().emit(event, list(args)).await?)
    }

    pub async fn server_ask(&mut self, event: &str, args: Value) -> Outcome<Value> {
        Ok(Value::Array(self.socket.server().emit_with_ack(event, list(args)).await?))
    }

    pub async fn stream(&mut self, name: &str, tracks: Value, _options: Value) -> Outcome<Value> {
        let stream = RtcioStream::new();
        let mut sources = Vec::new();
        for wish in list(tracks) {
            let source = source(&wish).await?;
            stream.add_track(&source.track);
            sources.push(source);
        }
        let ids = json!({ "id": stream.id(), "msid": stream.msid() });
        self.streams.insert(name.to_owned(), Sent { stream, sources });
        Ok(ids)
    }

    fn sent(&mut self, name: &str) -> Outcome<&mut Sent> {
        Ok(self.streams.get_mut(name).ok_or_else(|| format!("there is no stream {name}"))?)
    }

    pub async fn add_track(&mut self, name: &str, track: Value) -> Outcome {
        let source = source(&track).await?;
        let sent = self.sent(name)?;
        sent.stream.add_track(&source.track);
        sent.sources.push(source);
        Ok(())
    }

    pub async fn remove_track(&mut self, name: &str, kind: &str) -> Outcome {
        let kind = if kind == "video" { MediaKind::Video } else { MediaKind::Audio };
        let sent = self.sent(name)?;
        for source in sent.sources.extract_if(.., |source| source.track.kind() == kind) {
            sent.stream.remove_track(&source.track);
        }
        Ok(())
    }

    pub async fn replace_track(&mut self, name: &str, track: Value) -> Outcome {
        let source = source(&track).await?;
        let sent = self.sent(name)?;
        let old = sent.sources.iter().position(|old| old.track.kind() == source.track.kind());
        match old {
            Some(index) => {
                let old = std::mem::replace(&mut sent.sources[index], source);
                sent.stream.replace_track(&old.track, &sent.sources[index].track);
            }
            None => {
                sent.stream.add_track(&source.track);
                sent.sources.push(source);
            }
        }
        Ok(())
    }

    pub async fn untrack(&mut self, name: &str) -> Outcome {
        let stream = self.sent(name)?.stream.clone();
        self.socket.untrack_stream(&stream).await;
        Ok(())
    }

    pub async fn tracks(&mut self) -> Outcome<Value> {
        let state = lock(&self.state);
        let tracks = state.received.iter().filter_map(|received| {
            // As in the page: what no event has told of is nobody's yet.
            let (event, id) = state.known.get(&(received.peer.clone(), received.msid.clone()))?;
            let meter = *lock(&received.meter);
            Some(json!({
                "event": event, "kind": kind(received.track.kind()), "stream": id, "msid": received.msid,
                "moving": meter.moving, "number": meter.number, "width": meter.width, "height": meter.height,
            }))
        });
        Ok(tracks.collect())
    }

    pub async fn disconnect(&mut self) -> Outcome {
        self.socket.disconnect().await;
        Ok(())
    }

    pub async fn close(&mut self) -> Outcome {
        self.socket.close().await;
        Ok(())
    }

    /// Puts the placeholder of a stream where its mark is.
    fn revive(&self, value: Value, found: &mut Option<RtcioStream>) -> Value {
        match value {
            Value::Array(parts) => parts.into_iter().map(|part| self.revive(part, found)).collect(),
            Value::Object(fields) => {
                let name = fields.get("$stream").and_then(Value::as_str);
                if let Some(sent) = name.and_then(|name| self.streams.get(name)) {
                    *found = Some(sent.stream.clone());
                    return json!(sent.stream.placeholder());
                }
                fields.into_iter().map(|(key, part)| (key, self.revive(part, found))).collect()
            }
            other => other,
        }
    }
}

fn list(value: Value) -> Vec<Value> {
    match value {
        Value::Array(list) => list,
        other => vec![other],
    }
}

fn kind(kind: MediaKind) -> &'static str {
    match kind {
        MediaKind::Audio => "audio",
        MediaKind::Video => "video",
    }
}

/// A track that sends the test picture (`{ width, height, fps }`) or a tone (`{ tone }`).
async fn source(wish: &Value) -> Outcome<Source> {
    if let Some(hz) = wish["tone"].as_f64() {
        let track = LocalTrack::audio();
        let (capture, mut packets) = AudioCapture::start(AudioSource::Tone(hz as f32)).await?;
        let sink = track.clone();
        tokio::spawn(async move {
            while let Some(packet) = packets.recv().await {
                sink.write_audio(packet);
            }
        });
        return Ok(Source { track, _capture: Box::new(capture) });
    }
    let number = |key: &str, otherwise: u32| wish[key].as_u64().map_or(otherwise, |number| number as u32);
    let config = VideoConfig {
        width: number("width", 320),
        height: number("height", 180),
        fps: number("fps", 15),
        bitrate: 400_000,
    };
    let track = LocalTrack::video(Codec::Vp8);
    let (capture, mut events) = VideoCapture::start(VideoSource::Pattern, config, track.demand()).await?;
    let sink = track.clone();
    tokio::spawn(async move {
        while let Some(VideoEvent::Frame(frame)) = events.recv().await {
            sink.write_frame(frame);
        }
    });
    Ok(Source { track, _capture: Box::new(capture) })
}

/// Looks at what a remote track brings, until it ends.
fn measure(track: &RemoteTrack) -> Arc<Mutex<Meter>> {
    let meter = Arc::new(Mutex::new(Meter::default()));
    let written = Arc::clone(&meter);
    if let Some(mut frames) = track.take_video() {
        tokio::spawn(async move {
            let mut decoder = Vp8Decoder::new();
            while let Some(frame) = frames.recv().await {
                let Ok(Some(picture)) = decoder.decode(&frame) else { continue };
                let Some(reading) = pattern::read(&picture) else { continue };
                let mut meter = lock(&written);
                let moving = meter.moving + 1;
                *meter = Meter { moving, number: reading.number, width: picture.width(), height: picture.height() };
            }
        });
    } else if let Some(mut packets) = track.take_audio() {
        tokio::spawn(async move {
            while packets.recv().await.is_some() {
                lock(&written).moving += 1;
            }
        });
    }
    meter
}

/// `args` of an event with a stream as the log has them: the mark of the stream in place of its string.
fn marked(value: &Value, msid: &str) -> Value {
    match value {
        Value::String(text) => match text.strip_prefix("[RTCIOStream] ") {
            Some(id) => json!({ "$stream": id, "msid": msid }),
            None => value.clone(),
        },
        Value::Array(parts) => parts.iter().map(|part| marked(part, msid)).collect(),
        Value::Object(fields) => fields.iter().map(|(key, part)| (key.clone(), marked(part, msid))).collect(),
        other => other.clone(),
    }
}

/// Writes what happens into the log.
async fn listen(mut events: Events, log: mpsc::UnboundedSender<Value>, state: Arc<Mutex<State>>) {
    let lifecycle = |event: &str, args: Value| {
        // A test that has ended reads nothing.
        let _ = log.send(json!({ "tag": event, "event": event, "args": [args] }));
    };
    let dispatch = |peer: &str, event: &str, args: &[Value]| {
        let mut state = lock(&state);
        // Global listeners first.
        for global in [true, false] {
            let hears = |one: &Listening| {
                one.event == event && one.peer.as_deref().is_none_or(|id| id == peer) && one.peer.is_none() == global
            };
            for listener in state.listeners.iter().filter(|one| hears(one)) {
                let _ = log.send(json!({ "tag": listener.tag, "event": event, "args": args }));
            }
            state.listeners.retain(|one| !(one.once && hears(one)));
        }
    };
    while let Some(event) = events.recv().await {
        match event {
            Event::Connected { .. } => lifecycle("connect", Value::Null),
            Event::Disconnected { reason } => lifecycle("disconnect", json!(reason)),
            Event::ConnectError { error } => lifecycle("connect_error", json!({ "message": error.message })),
            Event::PeerConnect { peer } => lifecycle("peer-connect", json!({ "id": peer })),
            Event::PeerDisconnect { peer } => {
                lock(&state).listeners.retain(|listener| listener.peer.as_ref() != Some(&peer));
                lifecycle("peer-disconnect", json!({ "id": peer }));
            }
            Event::Message { peer, event, args } => dispatch(&peer, &event, &args),
            Event::Server { event, args } => dispatch("", &event, &args),
            Event::Stream { peer, event, args, stream } => {
                let id = stream.id.clone().unwrap_or_default();
                lock(&state).known.insert((peer.clone(), stream.msid.clone()), (event.clone(), id));
                let args: Vec<_> = args.iter().map(|arg| marked(arg, &stream.msid)).collect();
                dispatch(&peer, &event, &args);
            }
            Event::TrackAdded { peer, stream, track, first } => {
                let meter = measure(&track);
                let kind = kind(track.kind());
                let entry = json!({ "peerId": peer, "stream": { "msid": stream.msid }, "track": { "kind": kind } });
                lock(&state).received.push(Received { peer, msid: stream.msid, track, meter });
                if !first {
                    lifecycle("track-added", entry);
                }
            }
            Event::TrackRemoved { peer, stream, track } => {
                lock(&state).received.retain(|received| {
                    received.peer != peer || received.msid != stream.msid || received.track.id() != track.id()
                });
                let kind = kind(track.kind());
                lifecycle(
                    "track-removed",
                    json!({ "peerId": peer, "stream": { "msid": stream.msid }, "track": { "kind": kind } }),
                );
            }
            _ => {}
        }
    }
}

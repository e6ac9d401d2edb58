//! A peer of ours: `confab_rtcio::Socket`.

use crate::conformance::Outcome;
use crate::conformance::ours_channels::AnyChannel;
use crate::conformance::ours_media::{Received, Sent};
use confab_rtcio::{Args, Event, Events, IceTransportPolicy, Message, RtcioStream, Socket, Watchdog};
use futures_util::{Stream, StreamExt, stream};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use url::Url;

/// What happened, as the log has it.
pub type Entries = Pin<Box<dyn Stream<Item = Value> + Send>>;

/// The socket, what it sends, and what came.
pub struct Ours {
    pub socket: Socket,
    events: Events,
    /// What listens, by tag.
    pub listening: Vec<(String, Entries)>,
    /// Channels by tag.
    pub channels: HashMap<String, AnyChannel>,
    /// Streams that are sent, by name.
    pub streams: HashMap<String, Sent>,
    pub received: Vec<Received>,
    /// The event that told what a stream is, and its id, by peer and MediaStream id.
    pub known: HashMap<(String, String), (String, String)>,
    /// Read, but not yet given to who waits.
    read: Vec<Value>,
}

impl Ours {
    pub fn start(server: &str, options: &Value) -> Outcome<Self> {
        let mut builder = Socket::builder(Url::parse(server)?).force_new(true);
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
        if let Some(servers) = options.get("iceServers") {
            builder = builder.ice_servers(serde_json::from_value(servers.clone())?);
        }
        if let Some(decoders) = options.get("decoders") {
            builder = builder.decoders(serde_json::from_value(decoders.clone())?);
        }
        if options.get("iceTransportPolicy") == Some(&json!("relay")) {
            builder = builder.ice_transport_policy(IceTransportPolicy::Relay);
        }
        let flag = |key: &str| options.get(key).and_then(Value::as_bool);
        builder = builder.auto_connect(flag("autoConnect").unwrap_or(true));
        // Two peers in one process are two members, not one that is there twice.
        builder = builder.force_new(flag("forceNew").unwrap_or(true)).debug(flag("debug").unwrap_or(false));
        let (socket, events) = builder.build();
        Ok(Self {
            socket,
            events,
            listening: Vec::new(),
            channels: HashMap::new(),
            streams: HashMap::new(),
            received: Vec::new(),
            known: HashMap::new(),
            read: Vec::new(),
        })
    }

    pub fn joined(&self, id: &str) {
        self.socket.set_id(id);
    }

    pub async fn next(&mut self) -> Outcome<Vec<Value>> {
        poll_fn(|context| {
            self.sweep(context);
            if self.read.is_empty() {
                return Poll::Pending;
            }
            // What was fired before something that is read by now, is read by now as well.
            self.sweep(context);
            Poll::Ready(())
        })
        .await;
        Ok(std::mem::take(&mut self.read))
    }

    /// Reads everything that is there, without waiting.
    pub async fn read_all(&mut self) {
        poll_fn(|context| {
            self.sweep(context);
            Poll::Ready(())
        })
        .await;
    }

    fn sweep(&mut self, context: &mut Context<'_>) {
        for (tag, entries) in &mut self.listening {
            while let Poll::Ready(Some(mut entry)) = entries.as_mut().poll_next(context) {
                if entry.get("channel").is_none() {
                    entry["tag"] = json!(tag);
                }
                self.read.push(entry);
            }
        }
        while let Poll::Ready(Some(event)) = self.events.poll_next_unpin(context) {
            self.note(event);
        }
    }

    pub async fn emit(&mut self, event: &str, args: Value) -> Outcome {
        let mut streams = Vec::new();
        let values = self.revive(args, &mut streams);
        let args = streams.iter().fold(Args::new(list(values)), |args, stream| args.with_stream(stream));
        Ok(self.socket.emit(event, args).await?)
    }

    pub async fn emit_to(&mut self, id: &str, event: &str, args: Value) -> Outcome {
        Ok(self.socket.peer(id).emit(event, list(args)).await?)
    }

    pub async fn raw(&mut self, _: &str, _: Value) -> Outcome {
        Err("only a page can send what the library does not".into())
    }

    pub async fn on(&mut self, tag: &str, event: &str, options: Value) -> Outcome {
        let peer = options.get("peer").and_then(Value::as_str);
        let once = options.get("once").and_then(Value::as_bool) == Some(true);
        let entries: Entries = match (peer, once) {
            (None, false) => {
                // One table of listeners serves peers and server in rtc.io.
                let server = self.socket.server().on(event).map(|message| heard(&message.event, &message.args, ""));
                Box::pin(stream::select(self.socket.on(event).map(|message| entry(&message)), server))
            }
            (None, true) => once_only(self.socket.once(event)),
            (Some(id), false) => Box::pin(self.socket.peer(id).on(event).map(|message| entry(&message))),
            (Some(id), true) => once_only(self.socket.peer(id).once(event)),
        };
        self.listening.push((tag.to_owned(), entries));
        Ok(())
    }

    pub async fn off(&mut self, tag: &str) -> Outcome {
        self.listening.retain(|(known, _)| known != tag);
        Ok(())
    }

    pub async fn server_emit(&mut self, event: &str, args: Value) -> Outcome {
        Ok(self.socket.server().emit(event, list(args)).await?)
    }

    pub async fn server_ask(&mut self, event: &str, args: Value) -> Outcome<Value> {
        Ok(Value::Array(self.socket.server().emit_with_ack(event, list(args)).await?))
    }

    pub async fn connect(&mut self) -> Outcome {
        self.socket.connect();
        Ok(())
    }

    pub async fn is_connected(&mut self) -> Outcome<bool> {
        Ok(self.socket.is_connected())
    }

    pub async fn restart_ice(&mut self, id: &str) -> Outcome {
        self.socket.peer(id).restart_ice().await;
        Ok(())
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
    fn revive(&self, value: Value, found: &mut Vec<RtcioStream>) -> Value {
        match value {
            Value::Array(parts) => parts.into_iter().map(|part| self.revive(part, found)).collect(),
            Value::Object(fields) => {
                let name = fields.get("$stream").and_then(Value::as_str);
                if let Some(sent) = name.and_then(|name| self.streams.get(name)) {
                    found.push(sent.stream.clone());
                    return json!(sent.stream.placeholder());
                }
                fields.into_iter().map(|(key, part)| (key, self.revive(part, found))).collect()
            }
            other => other,
        }
    }
}

pub fn list(value: Value) -> Vec<Value> {
    match value {
        Value::Array(list) => list,
        other => vec![other],
    }
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

/// What a listener heard, as the log has it.
fn heard(event: &str, args: &[Value], msid: &str) -> Value {
    let args: Vec<_> = args.iter().map(|arg| marked(arg, msid)).collect();
    json!({ "event": event, "args": args })
}

fn entry(message: &Message) -> Value {
    heard(&message.event, &message.args, message.stream.as_ref().map_or("", |stream| &stream.msid))
}

fn once_only(message: impl Future<Output = Option<Message>> + Send + 'static) -> Entries {
    Box::pin(stream::once(message).filter_map(async |message| message.as_ref().map(entry)))
}

impl Ours {
    fn lifecycle(&mut self, event: &str, args: Value) {
        self.read.push(json!({ "tag": event, "event": event, "args": [args] }));
    }

    /// Keeps what came in, and logs the events of the library itself.
    fn note(&mut self, event: Event) {
        match event {
            Event::Connected { .. } => self.lifecycle("connect", Value::Null),
            Event::Disconnected { reason } => self.lifecycle("disconnect", json!(reason)),
            Event::ConnectError { error } => {
                self.lifecycle("connect_error", json!({ "message": error.message.unwrap_or_default() }))
            }
            Event::PeerConnect { peer } => self.lifecycle("peer-connect", json!({ "id": peer })),
            Event::PeerDisconnect { peer } => self.lifecycle("peer-disconnect", json!({ "id": peer })),
            Event::PeerState { peer, state } => self.lifecycle("peer-state", json!({ "id": peer, "state": state })),
            Event::Stream { peer, event, stream, .. } => {
                let id = stream.id.unwrap_or_default();
                self.known.insert((peer, stream.msid), (event, id));
            }
            Event::TrackAdded { peer, stream, track, first } => {
                let received = Received::new(peer, stream.msid, track);
                let entry = received.entry();
                self.received.push(received);
                if !first {
                    self.lifecycle("track-added", entry);
                }
            }
            Event::TrackRemoved { peer, stream, track } => {
                let is_gone = |received: &mut Received| {
                    received.peer == peer && received.msid == stream.msid && received.track.id() == track.id()
                };
                let gone: Vec<_> = self.received.extract_if(.., is_gone).collect();
                for received in gone {
                    self.lifecycle("track-removed", received.entry());
                }
            }
            Event::Direct { peer, data } => self.lifecycle("direct-message", json!({ "source": peer, "data": data })),
            _ => {}
        }
    }
}

//! The verbs of a peer, whoever's it is, and the log of what happened to it.

use crate::conformance::Outcome;
use crate::conformance::ours::Ours;
use crate::conformance::page::PagePeer;
use crate::conformance::world::Kind;
use confab_testkit::browser::Browser;
use confab_testkit::process::PATIENCE;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// A peer under test.
///
/// Its log holds `{ tag, event, args }` for what a listener heard, `{ channel, event, args }` for channels. In arguments
/// `{ "$stream": name }` is a stream of ours when sent and `{ "$stream": id, "msid": … }` one of theirs when received.
pub struct Peer {
    side: Side,
    log: Vec<Value>,
    id: String,
    /// Token of the server, to be the same member again.
    resume: Value,
}

/// The two implementations.
enum Side {
    Ours(Box<Ours>),
    Page(PagePeer),
}

/// Calls the method of the same name, whichever side it is.
macro_rules! verbs {
    ($($(#[$doc:meta])* $name:ident($($arg:ident: $type:ty),*) $(-> $result:ty)?;)*) => {
        impl Peer {
            $($(#[$doc])* pub async fn $name(&mut self, $($arg: $type),*) -> Outcome$(<$result>)? {
                match &mut self.side {
                    Side::Ours(ours) => ours.$name($($arg),*).await,
                    Side::Page(page) => page.$name($($arg),*).await,
                }
            })*
        }
    };
}

verbs! {
    /// `socket.emit`; arguments may hold streams.
    emit(event: &str, args: Value);
    /// `socket.peer(id).emit`.
    emit_to(id: &str, event: &str, args: Value);
    /// A frame on ctrl, below the library: text, or bytes.
    raw(id: &str, frame: Value);
    /// `socket.on` (or `once`), heard under `tag`; `peer` in the options makes it `socket.peer(id).on`.
    on(tag: &str, event: &str, options: Value);
    /// `off` of what listens under `tag`.
    off(tag: &str);
    /// `socket.server.emit`.
    server_emit(event: &str, args: Value);
    /// `socket.server.emit` with an acknowledgement.
    server_ask(event: &str, args: Value) -> Value;
    /// `new RTCIOStream` called `name`; answers with its `id` and `msid`.
    stream(name: &str, tracks: Value, options: Value) -> Value;
    /// `stream.addTrack`.
    add_track(name: &str, track: Value);
    /// `stream.removeTrack` of its tracks of one kind.
    remove_track(name: &str, kind: &str);
    /// `stream.replaceTrack`.
    replace_track(name: &str, track: Value);
    /// `stream.replace` of all its tracks by these.
    replace(name: &str, tracks: Value);
    /// `stream.setEncoding`.
    set_encoding(name: &str, change: Value);
    /// `socket.untrackStream`.
    untrack(name: &str);
    /// `createChannel`, called `tag` from now on; `peer` in the options makes it one to that peer only.
    channel(tag: &str, name: &str, options: Value);
    /// `channel.on` (or `once`) of an event that travels as text.
    channel_on(tag: &str, event: &str, options: Value);
    /// `channel.emit`.
    channel_emit(tag: &str, event: &str, args: Value);
    /// `channel.send` of `{ text }`, or of `count` times `size` bytes that begin with their number; what each returned.
    channel_send(tag: &str, data: Value) -> Value;
    /// `{ readyState, bufferedAmount, peerCount, closed }`, as far as the channel has them.
    channel_state(tag: &str) -> Value;
    /// `channel.close`.
    channel_close(tag: &str);
    /// True if both are one object.
    same_channel(one: &str, other: &str) -> bool;
    /// What comes in now: `[{ event, kind, stream, msid, moving, width }]`.
    tracks() -> Value;
    /// What comes in from a peer, as `inbound-rtp` reports of W3C webrtc-stats with the `codec`'s MIME type.
    inbound(id: &str) -> Value;
    /// What the headers of the sound that comes in from a peer say of its level: RMS, 0 to 1.
    levels(id: &str) -> Value;
    /// The `transport` report of the connection to a peer.
    transport(id: &str) -> Value;
    /// Types of the candidates on the way to a peer: of this side, and of the other, null where it is not known.
    path(id: &str) -> Value;
    /// Audio and video m-lines of the connection to a peer, idle ones included.
    lines(id: &str) -> usize;
    /// Asks for new ICE credentials on the connection to a peer.
    restart_ice(id: &str);
    /// `socket.connect`.
    connect();
    /// `socket.connected`.
    is_connected() -> bool;
    /// Leaves the server; peers stay.
    disconnect();
    /// Ends as a person does who closes the window.
    close();
}

impl Peer {
    /// A peer that begins to connect to `server`.
    pub async fn start(kind: Kind, browser: &Browser, name: &str, server: &str, options: Value) -> Outcome<Self> {
        let side = match kind {
            Kind::Ours => Side::Ours(Box::new(Ours::start(server, &options)?)),
            Kind::Page => Side::Page(PagePeer::start(browser, name, server, &options).await?),
        };
        Ok(Self { side, log: Vec::new(), id: String::new(), resume: Value::Null })
    }

    /// Joins `room` once the server is there.
    pub async fn join(&mut self, room: &str) -> Outcome {
        self.wait(json!({ "tag": "connect" })).await?;
        self.rejoin(room).await
    }

    /// Joins `room` on a connection that stands, as somebody new.
    pub async fn rejoin(&mut self, room: &str) -> Outcome {
        self.ask_to_join(json!({ "roomId": room, "name": "someone" })).await
    }

    /// Joins `room` again as who it was, with a connection to `other` that stands.
    pub async fn resume(&mut self, room: &str, other: &str) -> Outcome {
        let before = self.id.clone();
        self.ask_to_join(self.comeback(room, other)).await?;
        assert_eq!(self.id, before, "the token gives back the id");
        Ok(())
    }

    /// What it says to join `room` again as who it was.
    pub fn comeback(&self, room: &str, other: &str) -> Value {
        json!({ "roomId": room, "name": "someone", "resume": self.resume, "connected": [other] })
    }

    async fn ask_to_join(&mut self, wish: Value) -> Outcome {
        let answer = self.server_ask("join-room", json!([wish])).await?;
        self.id = answer[0]["id"].as_str().ok_or_else(|| format!("not joined: {answer}"))?.to_owned();
        self.resume = answer[0]["resume"].clone();
        self.entered();
        Ok(())
    }

    /// Is in its room under its id, as far as it knows.
    pub fn entered(&self) {
        if let Side::Ours(ours) = &self.side {
            ours.joined(&self.id);
        }
    }

    /// Its id in the room.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Whose it is.
    pub fn kind(&self) -> Kind {
        match self.side {
            Side::Ours(_) => Kind::Ours,
            Side::Page(_) => Kind::Page,
        }
    }

    /// The peer of ours, if it is one.
    pub fn ours(&self) -> Outcome<&Ours> {
        match &self.side {
            Side::Ours(ours) => Ok(ours),
            Side::Page(_) => Err("it is a page".into()),
        }
    }

    /// The page, if it is one.
    pub fn page(&self) -> Outcome<&PagePeer> {
        match &self.side {
            Side::Page(page) => Ok(page),
            Side::Ours(_) => Err("it is one of ours".into()),
        }
    }

    /// The socket, if it is one of ours.
    pub fn socket(&self) -> Option<&confab_rtcio::Socket> {
        match &self.side {
            Side::Ours(ours) => Some(&ours.socket),
            Side::Page(_) => None,
        }
    }

    /// Negotiations since `ctrl` opened and transceivers of the connection to `other`, as a page sees them.
    pub async fn negotiations(&self, other: &Peer) -> Outcome<Option<Value>> {
        match &self.side {
            Side::Ours(_) => Ok(None),
            Side::Page(page) => Ok(Some(page.call("connection", json!([other.id])).await?)),
        }
    }

    /// Waits until it has a connection to `other`, open or not.
    pub async fn knows(&mut self, other: &Peer) -> Outcome {
        match &mut self.side {
            Side::Ours(_) => {
                self.wait(json!({ "tag": "peer-state", "args": [{ "id": other.id }] })).await?;
                Ok(())
            }
            Side::Page(page) => page.wait(&format!("peer.connection('{}')", other.id)).await,
        }
    }

    /// Waits until it notices that the connection to `id` is not well.
    pub async fn notices_trouble(&mut self, id: &str) -> Outcome {
        match &mut self.side {
            Side::Ours(_) => {
                self.wait(json!({ "tag": "peer-state", "args": [{ "id": id, "state": "reconnecting" }] })).await?;
                Ok(())
            }
            Side::Page(page) => {
                page.wait(&format!("['disconnected', 'failed'].includes(peer.connection('{id}').state)")).await
            }
        }
    }

    /// Ends the page's process, as nobody does.
    pub async fn crash(&mut self) -> Outcome {
        match &mut self.side {
            Side::Ours(_) => Err("this process goes on".into()),
            Side::Page(page) => page.crash().await,
        }
    }

    /// The first entry of the log, past or future, that has everything `pattern` has. It is taken out.
    pub async fn wait(&mut self, pattern: Value) -> Outcome<Value> {
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(index) = self.log.iter().position(|entry| has(entry, &pattern)) {
                return Ok(self.log.remove(index));
            }
            let more = match &mut self.side {
                Side::Ours(ours) => timeout_at(end, ours.next()).await.ok(),
                Side::Page(page) => timeout_at(end, page.next()).await.ok(),
            };
            let Some(more) = more else {
                let recent = &self.log[self.log.len().saturating_sub(12)..];
                return Err(format!("{:?} waited in vain for {pattern}; there was {recent:#?}", self.kind()).into());
            };
            self.log.extend(more?);
        }
    }

    /// The entries so far that have everything `pattern` has.
    pub fn seen(&self, pattern: &Value) -> usize {
        self.log.iter().filter(|entry| has(entry, pattern)).count()
    }

    /// Waits until what comes in satisfies `condition`.
    pub async fn wait_for_tracks(&mut self, what: &str, condition: impl Fn(&[Value]) -> bool) -> Outcome<Vec<Value>> {
        let end = Instant::now() + PATIENCE;
        loop {
            let tracks = self.tracks().await?;
            let list = tracks.as_array().cloned().unwrap_or_default();
            if condition(&list) {
                return Ok(list);
            }
            if Instant::now() > end {
                return Err(format!("{:?} waited in vain for {what}; there is {tracks:#}", self.kind()).into());
            }
            // A condition of pictures has nothing that could wake anybody.
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// Looks again and again until there is something.
pub async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Outcome<Option<T>>) -> Outcome<T> {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look().await? {
            return Ok(found);
        }
        if Instant::now() > end {
            return Err(format!("waited in vain for {what}").into());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// True if `entry` has everything that `pattern` has.
fn has(entry: &Value, pattern: &Value) -> bool {
    match (entry, pattern) {
        (Value::Object(entry), Value::Object(pattern)) => {
            pattern.iter().all(|(key, wanted)| entry.get(key).is_some_and(|value| has(value, wanted)))
        }
        (Value::Array(entry), Value::Array(pattern)) => {
            entry.len() == pattern.len() && entry.iter().zip(pattern).all(|(value, wanted)| has(value, wanted))
        }
        (Value::Number(one), Value::Number(other)) => one.as_f64() == other.as_f64(),
        _ => entry == pattern,
    }
}

//! What one socket may ask of the server.
//!
//! All of it happens inside socketioxide's handlers, which run one after the other for one socket as long as they are
//! plain closures (an async handler is spawned, and messages overtake each other). Nothing here waits, so nothing has to.

use crate::config::{Limits, TokenConfig};
use crate::hub::{Hub, Join, Outlet};
use crate::ice::Ice;
use crate::jwt::{self, Claims, TokenError};
use crate::lock;
use crate::request::{Refusal, Request, refuse};
use confab_wire::{
    ErrorCode, UserError,
    rate_limit::RateLimiter,
    signaling::{
        DIRECT_MESSAGE, DirectCode, DirectDelivery, DirectMessage, DirectRefusal, DirectReply, JoinReply, MESSAGE,
        PeekReply, Relayed, SERVER_ERROR, Welcome,
    },
};
use serde::Serialize;
use serde_json::{Value, json};
use socketioxide::SocketIo;
use socketioxide::adapter::Adapter;
use socketioxide::extract::{AckSender, SocketRef, TryData};
use socketioxide::handler::{ConnectHandler, FromMessage};
use socketioxide::socket::Socket;
use std::convert::Infallible;
use std::future::ready;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Instant, SystemTime};

impl Outlet for SocketRef {
    fn socket_id(&self) -> String {
        self.id.to_string()
    }

    fn emit<T: Serialize>(&self, event: &str, data: &T) {
        // Bound and drop rule of the queue behind this: see `Limits::send_queue`.
        if let Err(error) = Socket::emit(self, event, data) {
            tracing::debug!(socket = %self.id, event, %error, "a message found no place and is dropped");
        }
    }
}

/// What all sockets of a server share.
pub(crate) struct Shared {
    pub(crate) hub: Hub<SocketRef>,
    pub(crate) ice: Ice,
    pub(crate) tokens: Option<TokenConfig>,
    pub(crate) limits: Limits,
    pub(crate) sockets: AtomicUsize,
}

/// Serves the default namespace.
pub(crate) fn serve(io: &SocketIo, shared: Arc<Shared>) {
    // The handlers are in place before the client is told that it is connected: a message that follows at once must not
    // be lost. socketioxide runs a middleware there.
    let prepare = move |socket: SocketRef, TryData(auth): TryData<Value>| {
        ready(Session::open(&socket, &shared, &auth.unwrap_or_default()))
    };
    io.ns("/", (|| ready(())).with(prepare));
}

/// A message as it came, not parsed yet: its size decides whether it will be.
struct Incoming {
    text: Option<socketioxide_core::Str>,
    wants_answer: bool,
}

impl<A: Adapter> FromMessage<A> for Incoming {
    type Error = Infallible;

    fn from_message(_: Arc<Socket<A>>, value: socketioxide_core::Value, ack: Option<i64>) -> Result<Self, Self::Error> {
        let text = match value {
            socketioxide_core::Value::Str(text, None) => Some(text),
            // Nothing on this wire is binary.
            _ => None,
        };
        Ok(Self { text, wants_answer: ack.is_some() })
    }
}

impl Incoming {
    fn bytes(&self) -> usize {
        self.text.as_ref().map_or(0, |text| text.len())
    }

    fn parse(&self) -> Result<Request, Refusal> {
        Request::parse(self.text.as_ref().map_or("", |text| text.as_str()))
    }
}

/// One connected socket.
struct Session {
    shared: Arc<Shared>,
    /// What the socket's token says, if it brought one.
    claims: Option<Claims>,
    state: Mutex<State>,
}

struct State {
    rooms: Vec<String>,
    messages: RateLimiter,
    bytes: RateLimiter,
    direct: RateLimiter,
    peeks: RateLimiter,
    dropped: u32,
    /// The socket is gone, or told to go: it must not get a seat any more.
    ended: bool,
}

impl Session {
    fn open(socket: &SocketRef, shared: &Arc<Shared>, auth: &Value) -> Result<(), UserError> {
        let bounds = &shared.limits;
        let claims = claims(shared.tokens.as_ref(), auth, SystemTime::now()).map_err(|error| {
            tracing::debug!(socket = %socket.id, %error, "a connection is refused");
            UserError::with_message(ErrorCode::JoinRefused, error.to_string())
        })?;
        if shared.sockets.fetch_add(1, Ordering::Relaxed) >= bounds.sockets {
            shared.sockets.fetch_sub(1, Ordering::Relaxed);
            tracing::warn!(sockets = bounds.sockets, "the server is full: a connection is refused");
            return Err(UserError::with_message(
                ErrorCode::JoinRefused,
                "The server is full. Try again later, or use another server.",
            ));
        }
        let session = Arc::new(Session {
            shared: Arc::clone(shared),
            claims,
            state: Mutex::new(State {
                rooms: Vec::new(),
                messages: RateLimiter::per_second(bounds.messages_per_second, bounds.message_burst),
                bytes: RateLimiter::per_second(bounds.bytes_per_second, bounds.byte_burst),
                direct: RateLimiter::per_second(bounds.direct_per_second, bounds.direct_burst),
                peeks: RateLimiter::per_second(bounds.peeks_per_second, bounds.peek_burst),
                dropped: 0,
                ended: false,
            }),
        });
        tracing::debug!(socket = %socket.id, "connected");
        let receiver = Arc::clone(&session);
        socket.on_fallback(move |socket: SocketRef, ack: AckSender, incoming: Incoming| {
            receiver.receive(&socket, ack, &incoming);
            ready(())
        });
        socket.on_disconnect(move |socket: SocketRef| {
            session.end(&socket);
            ready(())
        });
        Ok(())
    }

    fn receive(&self, socket: &SocketRef, ack: AckSender, incoming: &Incoming) {
        if !self.within_rate(socket, incoming.bytes()) {
            return;
        }
        match incoming.parse() {
            Ok(Request::Relay { target, data }) => self.relay(socket, target, data),
            Ok(Request::Join(join)) => self.join(socket, ack, incoming.wants_answer, Ok(join)),
            Err(Refusal::Join(error)) => self.join(socket, ack, incoming.wants_answer, Err(error)),
            Ok(Request::Direct(message)) => {
                let error = self.direct(socket, message).err();
                answer(ack, &DirectReply { error });
            }
            Err(Refusal::Direct(error)) => answer(ack, &DirectReply { error: Some(error) }),
            Ok(Request::Peek(room)) => answer(ack, &self.peek(&room)),
            Err(Refusal::Peek(error)) => answer(ack, &PeekReply::Refused { error }),
            Ok(Request::Leave(room)) => self.leave(socket, room.as_deref()),
            Ok(Request::Probe) => answer(ack, &json!({})),
            Ok(Request::AskIce) => answer(ack, &json!({ "iceServers": self.shared.ice.servers(SystemTime::now()) })),
            // Applications of stock clients send events of their own, which are meant for servers of their own.
            Ok(Request::Other) => tracing::trace!(socket = %socket.id, "an event of an application is ignored"),
            Err(Refusal::Dropped(why)) => tracing::debug!(socket = %socket.id, why, "a message is dropped"),
        }
    }

    /// Pays for a message. The one that cannot be paid is dropped; a socket that goes on is, too.
    fn within_rate(&self, socket: &SocketRef, bytes: usize) -> bool {
        let now = Instant::now();
        {
            let mut state = lock(&self.state);
            if state.ended {
                return false;
            }
            if state.messages.admit(now) && state.bytes.take(bytes, now) {
                return true;
            }
            state.dropped += 1;
            if state.dropped == 1 {
                tracing::warn!(socket = %socket.id, "a socket sends more than it may: messages are dropped");
            }
            if state.dropped <= self.shared.limits.dropped_messages {
                return false;
            }
            state.ended = true;
        }
        tracing::warn!(socket = %socket.id, "a socket sends more than it may: disconnected");
        let error = "This program sends more than the server takes, so the server closed the connection. Join again.";
        Outlet::emit(socket, SERVER_ERROR, &UserError::with_message(ErrorCode::PeerMisbehaving, error));
        self.end(socket);
        disconnect(socket);
        false
    }

    fn join(&self, socket: &SocketRef, ack: AckSender, wants_answer: bool, join: Result<Join, UserError>) {
        let mut ack = Some(ack);
        let mut reply = |reply: JoinReply| {
            if let Some(ack) = ack.take() {
                answer(ack, &reply);
            }
        };
        let seated = join.and_then(|join| self.take_seat(socket, join, |welcome| reply(JoinReply::Welcome(welcome))));
        match seated {
            Ok(Some(replaced)) => disconnect(&replaced),
            Ok(None) => {}
            Err(error) => {
                tracing::debug!(socket = %socket.id, code = ?error.code, "a join is refused");
                if wants_answer {
                    reply(JoinReply::Refused { error });
                } else {
                    Outlet::emit(socket, SERVER_ERROR, &error);
                }
            }
        }
    }

    /// Refuses a room that the socket's token does not open.
    fn may_enter(&self, room: &str) -> Result<(), UserError> {
        if self.claims.as_ref().is_none_or(|claims| claims.opens(room)) {
            return Ok(());
        }
        let why = "The token does not open this room. Ask its issuer for one that does.";
        Err(UserError::with_message(ErrorCode::JoinRefused, why))
    }

    /// Says who is in a room, to who may enter it and does not ask for many: names are not to be collected.
    fn peek(&self, room: &str) -> PeekReply {
        let peeked = self.may_enter(room).and_then(|()| {
            let paid = lock(&self.state).peeks.admit(Instant::now());
            paid.then(|| self.shared.hub.peek(room)).ok_or_else(|| {
                UserError::with_message(ErrorCode::JoinRefused, "Too many questions. Wait a moment, then ask again.")
            })
        });
        match peeked {
            Ok(inside) => PeekReply::Inside(inside),
            Err(error) => PeekReply::Refused { error },
        }
    }

    fn take_seat(
        &self,
        socket: &SocketRef,
        join: Join,
        welcome: impl FnOnce(Welcome),
    ) -> Result<Option<SocketRef>, UserError> {
        self.may_enter(&join.room)?;
        // Held until the seat is taken, so that a socket which ends meanwhile leaves no empty seat behind.
        let mut state = lock(&self.state);
        if state.ended {
            return Ok(None);
        }
        let known = state.rooms.contains(&join.room);
        if !known && state.rooms.len() >= self.shared.limits.rooms_per_socket {
            return Err(UserError::with_message(
                ErrorCode::JoinRefused,
                format!("One connection can be in {} rooms at once. Leave one first.", state.rooms.len()),
            ));
        }
        let join = Join { metadata: self.claims.as_ref().and_then(|claims| claims.peer_metadata.clone()), ..join };
        let room = join.room.clone();
        let ice = self.shared.ice.servers(SystemTime::now());
        let replaced = self.shared.hub.join(socket, join, ice, welcome)?;
        if !known {
            state.rooms.push(room);
        }
        tracing::debug!(socket = %socket.id, "joined");
        Ok(replaced)
    }

    /// Leaves a room, or all of them.
    fn leave(&self, socket: &SocketRef, room: Option<&str>) {
        let left = {
            let mut state = lock(&self.state);
            match room {
                Some(room) => state.rooms.extract_if(.., |joined| joined == room).collect(),
                None => std::mem::take(&mut state.rooms),
            }
        };
        for room in left {
            self.shared.hub.leave(socket, &room);
        }
    }

    fn relay(&self, socket: &SocketRef, target: String, data: Value) {
        let rooms = lock(&self.state).rooms.clone();
        let Some((source, outlet)) = self.shared.hub.route(socket, &rooms, &target) else {
            tracing::debug!(socket = %socket.id, "a message to someone outside its rooms is dropped");
            return;
        };
        Outlet::emit(&outlet, MESSAGE, &Relayed { source, target, data });
    }

    /// Passes a direct message on.
    fn direct(&self, socket: &SocketRef, DirectMessage { target, data }: DirectMessage) -> Result<(), DirectRefusal> {
        let rooms = {
            let mut state = lock(&self.state);
            if !state.direct.admit(Instant::now()) {
                return Err(refuse(DirectCode::TooMany, "Too many messages. Wait a moment, then send again."));
            }
            state.rooms.clone()
        };
        if rooms.is_empty() {
            return Err(refuse(DirectCode::NotJoined, "Join a room first."));
        }
        let Some((source, outlet)) = self.shared.hub.route(socket, &rooms, &target) else {
            return Err(refuse(DirectCode::Unreachable, "There is no such member in your rooms."));
        };
        if source == target {
            return Err(refuse(DirectCode::SelfSend, "A message to oneself is not sent."));
        }
        // A member whose queue is full gets it as little as any other event; its connection is about to end.
        match Socket::emit(&outlet, DIRECT_MESSAGE, &DirectDelivery { source, data }) {
            Ok(()) => Ok(()),
            Err(_) => Err(refuse(DirectCode::Unreachable, "The member does not take messages now.")),
        }
    }

    /// Empties all seats, for good.
    fn end(&self, socket: &SocketRef) {
        let rooms = {
            let mut state = lock(&self.state);
            state.ended = true;
            std::mem::take(&mut state.rooms)
        };
        for room in rooms {
            self.shared.hub.leave(socket, &room);
        }
        tracing::debug!(socket = %socket.id, "ended");
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.shared.sockets.fetch_sub(1, Ordering::Relaxed);
    }
}

fn answer<T: Serialize>(ack: AckSender, reply: &T) {
    // A client that asked for no answer has none coming, and `send` knows.
    if let Err(error) = ack.send(reply) {
        tracing::debug!(%error, "an answer found no place and is dropped");
    }
}

fn disconnect(socket: &SocketRef) {
    if let Err(error) = socket.clone().disconnect() {
        // Its queue is full: the ping will find no place either, and ends it.
        tracing::debug!(socket = %socket.id, %error, "a socket cannot be told to go");
    }
}

/// What the token in the auth payload says, if the server looks at tokens.
fn claims(config: Option<&TokenConfig>, auth: &Value, now: SystemTime) -> Result<Option<Claims>, TokenError> {
    let Some(config) = config else { return Ok(None) };
    match auth.get("token").filter(|token| !token.is_null()) {
        Some(Value::String(token)) => jwt::verify(&config.key, token, now).map(Some),
        Some(_) => Err(TokenError::Malformed("it is no text")),
        None if config.require => Err(TokenError::Missing),
        None => Ok(None),
    }
}

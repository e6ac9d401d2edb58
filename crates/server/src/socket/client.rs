//! One connected socket: what it asks for is authorized, changes its rooms, and is answered.

use super::access::Access;
use super::budget::{Budget, Verdict};
use super::connection::Connection;
use super::raw_event::{RawEvent, answer};
use super::request::{Rejected, Request};
use super::state::ServerState;
use crate::rooms::{Join, Joined};
use crate::sync::lock;
use confab_wire::signaling::{
    DIRECT_MESSAGE, DirectCode, DirectDelivery, DirectMessage, DirectReply, JoinReply, MESSAGE, PeekReply, Refusal,
    RefusalCode, Relayed, RoomPeek, SERVER_ERROR, Welcome,
};
use serde_json::{Value, json};
use socketioxide::SocketIo;
use socketioxide::extract::{AckSender, SocketRef, TryData};
use socketioxide::handler::ConnectHandler;
use std::future::ready;
use std::sync::{Arc, Mutex};
use std::time::{Instant, SystemTime};

/// Serves the default namespace.
pub(crate) fn serve(io: &SocketIo, server: Arc<ServerState>) {
    // The handlers are in place before the client is told that it is connected: a message that follows at once must not
    // be lost. socketioxide runs a middleware there.
    let prepare = move |socket: SocketRef, TryData(auth): TryData<Value>| {
        ready(Client::open(&socket, &server, &auth.unwrap_or_default()))
    };
    io.ns("/", (|| ready(())).with(prepare));
}

/// The receiving side of a socket. It does not hold the [`Connection`], which would hold it through its handlers.
struct Client {
    server: Arc<ServerState>,
    access: Access,
    state: Mutex<State>,
}

struct State {
    rooms: Vec<String>,
    budget: Budget,
    /// The socket is gone, or told to go: it must not get into a room any more.
    ended: bool,
}

impl Client {
    fn open(socket: &SocketRef, server: &Arc<ServerState>, auth: &Value) -> Result<(), Refusal> {
        let access = Access::of(server.tokens.as_ref(), auth, SystemTime::now()).map_err(|error| {
            tracing::debug!(socket = %socket.id, %error, "a connection is refused");
            Refusal::from(error)
        })?;
        if !server.admit() {
            tracing::warn!(sockets = server.limits.sockets, "the server is full: a connection is refused");
            return Err(RefusalCode::ServerFull.into());
        }
        let state = State { rooms: Vec::new(), budget: Budget::new(&server.limits), ended: false };
        let client = Arc::new(Client { server: Arc::clone(server), access, state: Mutex::new(state) });
        tracing::debug!(socket = %socket.id, "connected");
        let receiver = Arc::clone(&client);
        socket.on_fallback(move |socket: SocketRef, ack: AckSender, message: RawEvent| {
            receiver.receive(&Connection::new(socket), ack, &message);
            ready(())
        });
        socket.on_disconnect(move |socket: SocketRef| {
            client.end(&Connection::new(socket));
            ready(())
        });
        Ok(())
    }

    fn receive(&self, connection: &Connection, ack: AckSender, message: &RawEvent) {
        if !self.within_budget(connection, message.text().len()) {
            return;
        }
        match Request::parse(message.text()) {
            Ok(request) => self.handle(connection, ack, message.wants_answer, request),
            Err(Rejected::Join(refusal)) => refuse_join(connection, ack, message.wants_answer, refusal),
            Err(Rejected::Peek(error)) => answer(ack, &PeekReply::Refused { error }),
            Err(Rejected::Direct(code)) => answer(ack, &DirectReply { error: Some(code.into()) }),
            Err(Rejected::Dropped(why)) => tracing::debug!(socket = connection.id(), why, "a message is dropped"),
        }
    }

    fn handle(&self, connection: &Connection, ack: AckSender, wants_answer: bool, request: Request) {
        match request {
            Request::Relay { target, data } => self.relay(connection, target, data),
            Request::Join(join) => self.join(connection, ack, wants_answer, join),
            Request::Direct(message) => {
                let error = self.direct(connection, message).err().map(Into::into);
                answer(ack, &DirectReply { error });
            }
            Request::Peek(room) => match self.peek(&room) {
                Ok(inside) => answer(ack, &PeekReply::Inside(inside)),
                Err(code) => answer(ack, &PeekReply::Refused { error: code.into() }),
            },
            Request::Leave(room) => self.leave(connection, room.as_deref()),
            Request::Probe => answer(ack, &json!({})),
            Request::AskIce => answer(ack, &json!({ "iceServers": self.server.ice.servers(SystemTime::now()) })),
            // Applications of stock clients send events of their own, which are meant for servers of their own.
            Request::Other => tracing::trace!(socket = connection.id(), "an event of an application is ignored"),
        }
    }

    /// True if a message may be obeyed. A socket that goes on beyond its budget is disconnected.
    fn within_budget(&self, connection: &Connection, bytes: usize) -> bool {
        {
            let mut state = lock(&self.state);
            if state.ended {
                return false;
            }
            match state.budget.message(bytes, Instant::now()) {
                Verdict::Admit => return true,
                Verdict::Drop { first } => {
                    if first {
                        tracing::warn!(
                            socket = connection.id(),
                            "a socket sends more than it may: messages are dropped"
                        );
                    }
                    return false;
                }
                Verdict::Disconnect => state.ended = true,
            }
        }
        tracing::warn!(socket = connection.id(), "a socket sends more than it may: disconnected");
        connection.emit(SERVER_ERROR, &Refusal::from(RefusalCode::TooManyMessages));
        self.end(connection);
        connection.disconnect();
        false
    }

    fn join(&self, connection: &Connection, ack: AckSender, wants_answer: bool, join: Join) {
        let mut ack = Some(ack);
        let ice_servers = self.server.ice.servers(SystemTime::now());
        let welcome = |joined: Joined<Connection>| {
            let Joined { id, members, resume, .. } = joined;
            let welcome = Welcome { id, members, ice_servers, resume: Some(resume) };
            if let Some(ack) = ack.take() {
                answer(ack, &JoinReply::Welcome(welcome));
            }
        };
        match self.enter(connection, join, welcome) {
            Ok(Some(replaced)) => replaced.disconnect(),
            Ok(None) => {}
            Err(refusal) => {
                if let Some(ack) = ack {
                    refuse_join(connection, ack, wants_answer, refusal);
                }
            }
        }
    }

    /// Gets into a room. Returns the earlier connection of a member that came back.
    fn enter(
        &self,
        connection: &Connection,
        join: Join,
        welcome: impl FnOnce(Joined<Connection>),
    ) -> Result<Option<Connection>, Refusal> {
        self.access.may_enter(&join.room)?;
        // Held until the socket is inside, so that one which ends meanwhile leaves no member behind.
        let mut state = lock(&self.state);
        if state.ended {
            return Ok(None);
        }
        let known = state.rooms.contains(&join.room);
        if !known && state.rooms.len() >= self.server.limits.rooms_per_socket {
            return Err(Refusal::from(RefusalCode::TooManyRooms).with_param("max", state.rooms.len()));
        }
        let join = Join { metadata: self.access.metadata(), ..join };
        let room = join.room.clone();
        let replaced = self.server.rooms.join(connection, join, welcome)?;
        if !known {
            state.rooms.push(room);
        }
        tracing::debug!(socket = connection.id(), "joined");
        Ok(replaced)
    }

    /// Who is in a room, for one who may enter it and does not ask for many: names are not to be collected.
    fn peek(&self, room: &str) -> Result<RoomPeek, RefusalCode> {
        self.access.may_enter(room)?;
        if !lock(&self.state).budget.peek(Instant::now()) {
            return Err(RefusalCode::TooManyQuestions);
        }
        Ok(self.server.rooms.peek(room))
    }

    /// Leaves a room, or all of them.
    fn leave(&self, connection: &Connection, room: Option<&str>) {
        let left = {
            let mut state = lock(&self.state);
            match room {
                Some(room) => state.rooms.extract_if(.., |joined| joined == room).collect(),
                None => std::mem::take(&mut state.rooms),
            }
        };
        for room in left {
            self.server.rooms.leave(connection, &room);
        }
    }

    /// Passes a signal on.
    fn relay(&self, connection: &Connection, target: String, data: Value) {
        let rooms = lock(&self.state).rooms.clone();
        let Some(route) = self.server.rooms.route(connection, &rooms, &target) else {
            tracing::debug!(socket = connection.id(), "a message to someone outside its rooms is dropped");
            return;
        };
        route.to.emit(MESSAGE, &Relayed { source: route.source, target, data });
    }

    /// Passes a direct message on.
    fn direct(&self, connection: &Connection, DirectMessage { target, data }: DirectMessage) -> Result<(), DirectCode> {
        let rooms = {
            let mut state = lock(&self.state);
            if !state.budget.direct(Instant::now()) {
                return Err(DirectCode::TooMany);
            }
            state.rooms.clone()
        };
        if rooms.is_empty() {
            return Err(DirectCode::NotJoined);
        }
        let route = self.server.rooms.route(connection, &rooms, &target).ok_or(DirectCode::Unreachable)?;
        if route.source == target {
            return Err(DirectCode::SelfSend);
        }
        // A member whose queue is full gets it as little as any other event; its connection is about to end.
        let queued = route.to.emit(DIRECT_MESSAGE, &DirectDelivery { source: route.source, data });
        if queued { Ok(()) } else { Err(DirectCode::Unreachable) }
    }

    /// Leaves all rooms, for good.
    fn end(&self, connection: &Connection) {
        let rooms = {
            let mut state = lock(&self.state);
            state.ended = true;
            std::mem::take(&mut state.rooms)
        };
        for room in rooms {
            self.server.rooms.leave(connection, &room);
        }
        tracing::debug!(socket = connection.id(), "ended");
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.server.release();
    }
}

/// Refuses a join: as the answer, or as an event to a client that waits for none.
fn refuse_join(connection: &Connection, ack: AckSender, wants_answer: bool, error: Refusal) {
    tracing::debug!(socket = connection.id(), code = error.code.as_str(), "a join is refused");
    if wants_answer {
        answer(ack, &JoinReply::Refused { error });
    } else {
        connection.emit(SERVER_ERROR, &error);
    }
}

//! One connected socket: what it asks for is authorized, changes its rooms, and is answered.

use super::access::Access;
use super::budget::Budget;
use super::connection::Connection;
use super::outbox::Outbox;
use super::raw_event::RawEvent;
use super::request::{Rejected, Request};
use super::state::ServerState;
use crate::net::{Backlog, Kind, Place, Requester, Session, Verdict};
use crate::rooms::{Join, Joined};
use crate::sync::lock;
use confab_wire::signaling::{
    DIRECT_MESSAGE, DirectCode, DirectDelivery, DirectMessage, DirectReply, JoinReply, MESSAGE, PeekReply, Refusal,
    RefusalCode, Relayed, RoomPeek, SERVER_ERROR, Welcome,
};
use serde_json::{Value, json};
use socketioxide::extract::{AckSender, SocketRef, TryData};
use socketioxide::handler::ConnectHandler;
use socketioxide::{SocketIo, TransportType};
use std::future::ready;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

/// How long the wait for the end of a token goes on without a look at the clock.
const EXPIRY_STEP: Duration = Duration::from_secs(60);

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
    outbox: Arc<Outbox>,
    requester: Requester,
    /// Its id, if its session began with long polling.
    polling: Option<String>,
    state: Mutex<State>,
    _place: Place,
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
        // Every request comes through the gate before the engine, which names who asks.
        let Some(requester) = socket.req_parts().extensions.get::<Requester>().cloned() else {
            return Err(RefusalCode::ServerFull.into());
        };
        let place = server.addresses.place(&requester.address, Kind::Socket);
        let Some(place) = place.filter(|_| requester.address.connect(Instant::now())) else {
            tracing::warn!(socket = %socket.id, "the server, or an address, has as many sockets as it may: refused");
            return Err(RefusalCode::ServerFull.into());
        };
        let limits = &server.limits;
        let address = Arc::clone(&requester.address);
        let backlog = Backlog::new(limits.send_queue_bytes, address, limits.send_queue_bytes_per_address);
        let session = Session::new(backlog, Arc::clone(&requester.connection));
        let polling = (socket.transport_type() == TransportType::Polling).then(|| socket.id.to_string());
        match &polling {
            Some(id) => server.sessions.add(id.clone(), &session),
            None => session.is_carried_by(&requester.connection),
        }
        let outbox = Arc::new(Outbox::new(session, limits));
        let expiry = access.expiry();
        let state = State { rooms: Vec::new(), budget: Budget::new(limits), ended: false };
        let client = Arc::new(Client {
            server: Arc::clone(server),
            access,
            outbox: Arc::clone(&outbox),
            requester,
            polling,
            state: Mutex::new(state),
            _place: place,
        });
        tracing::debug!(socket = %socket.id, "connected");
        if let Some(expiry) = expiry {
            tokio::spawn(Client::expire(Arc::clone(&client), Connection::new(socket.clone(), outbox), expiry));
        }
        let receiver = Arc::clone(&client);
        socket.on_fallback(move |socket: SocketRef, ack: AckSender, message: RawEvent| {
            receiver.receive(&receiver.connection(socket), ack, &message);
            ready(())
        });
        socket.on_disconnect(move |socket: SocketRef| {
            client.end(&client.connection(socket));
            ready(())
        });
        Ok(())
    }

    fn connection(&self, socket: SocketRef) -> Connection {
        Connection::new(socket, Arc::clone(&self.outbox))
    }

    /// Ends it when its token does.
    async fn expire(self: Arc<Self>, connection: Connection, expiry: SystemTime) {
        while let Ok(left) = expiry.duration_since(SystemTime::now()) {
            // The clock of the system may be set meanwhile, and the socket may be gone.
            tokio::time::sleep(left.min(EXPIRY_STEP)).await;
            if lock(&self.state).ended || !connection.is_connected() {
                return;
            }
        }
        tracing::debug!(socket = connection.id(), "its token has expired: disconnected");
        connection.tell(SERVER_ERROR, &Refusal::from(RefusalCode::TokenExpired));
        self.end(&connection);
        connection.disconnect();
    }

    fn receive(&self, connection: &Connection, ack: AckSender, message: &RawEvent) {
        if !self.within_budget(connection, message.text().len()) {
            return;
        }
        connection.wait_until_open();
        match Request::parse(message.text()) {
            Ok(request) => self.handle(connection, ack, message.wants_answer, request),
            Err(Rejected::Join(refusal)) => refuse_join(connection, ack, message.wants_answer, refusal),
            Err(Rejected::Peek(error)) => connection.answer(ack, &PeekReply::Refused { error }),
            Err(Rejected::Direct(code)) => connection.answer(ack, &DirectReply { error: Some(code.into()) }),
            Err(Rejected::Dropped(why)) => tracing::debug!(socket = connection.id(), why, "a message is dropped"),
        }
    }

    fn handle(&self, connection: &Connection, ack: AckSender, wants_answer: bool, request: Request) {
        match request {
            Request::Relay { target, data } => self.relay(connection, target, data),
            Request::Join(join) => self.join(connection, ack, wants_answer, join),
            Request::Direct(message) => {
                let error = self.direct(connection, message).err().map(Into::into);
                connection.answer(ack, &DirectReply { error });
            }
            Request::Peek(room) => match self.peek(&room) {
                Ok(inside) => connection.answer(ack, &PeekReply::Inside(inside)),
                Err(code) => connection.answer(ack, &PeekReply::Refused { error: code.into() }),
            },
            Request::Leave(room) => self.leave(connection, room.as_deref()),
            Request::Probe => connection.answer(ack, &json!({})),
            Request::AskIce => {
                let member = self.member(connection);
                let servers = self.server.ice.servers(SystemTime::now(), member.as_deref());
                connection.answer(ack, &json!({ "iceServers": servers }));
            }
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
            let now = Instant::now();
            let of_address = self.requester.address.message(bytes, now);
            match state.budget.message(bytes, of_address, now) {
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
        connection.tell(SERVER_ERROR, &Refusal::from(RefusalCode::TooManyMessages));
        self.end(connection);
        connection.disconnect();
        false
    }

    fn join(&self, connection: &Connection, ack: AckSender, wants_answer: bool, join: Join) {
        let mut ack = Some(ack);
        let welcome = |joined: Joined<Connection>| {
            let Joined { id, members, resume, .. } = joined;
            let ice_servers = self.server.ice.servers(SystemTime::now(), Some(&id));
            let welcome = Welcome { id, members, ice_servers, resume: Some(resume) };
            if let Some(ack) = ack.take() {
                connection.answer(ack, &JoinReply::Welcome(welcome));
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
        self.server.rooms.peek(room)
    }

    /// Its id in a room that it is in.
    fn member(&self, connection: &Connection) -> Option<String> {
        let rooms = lock(&self.state).rooms.clone();
        rooms.iter().find_map(|room| self.server.rooms.id_of(connection, room))
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
        route.to.relay(&self.requester.address, MESSAGE, &Relayed { source: route.source, target, data });
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
        let message = DirectDelivery { source: route.source, data };
        let queued = route.to.relay(&self.requester.address, DIRECT_MESSAGE, &message);
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
        if let Some(id) = &self.polling {
            self.server.sessions.remove(id);
        }
    }
}

/// Refuses a join: as the answer, or as an event to a client that waits for none.
fn refuse_join(connection: &Connection, ack: AckSender, wants_answer: bool, error: Refusal) {
    tracing::debug!(socket = connection.id(), code = error.code.as_str(), "a join is refused");
    if wants_answer {
        connection.answer(ack, &JoinReply::Refused { error });
    } else {
        connection.tell(SERVER_ERROR, &error);
    }
}

//! Rooms and who is in them.
//!
//! The hub decides and tells in one step: everything that a join or a leave makes known is sent under the lock of the
//! room, so all members see joins and leaves in one order, and of two who join at once exactly one offers. Sending only
//! puts a message into a socket's bounded queue; nothing waits under the lock.

use crate::config::OpenRooms;
use crate::lock;
use crate::token::Tokens;
use confab_wire::{
    ErrorCode, UserError,
    signaling::{
        INIT_OFFER, IceServer, InitOffer, Member, PEER_LEFT, PeerRef, RoomPeek, USER_CONNECTED, USER_DISCONNECTED,
        Welcome,
    },
};
use serde::Serialize;
use serde_json::{Map, Value};
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

/// Rooms are spread over this many locks. Joins of one room wait for each other; other rooms hardly notice.
const SHARDS: usize = 64;

/// The way to one connected socket.
pub(crate) trait Outlet: Clone {
    /// The socket's own id, unique over the life of the server.
    fn socket_id(&self) -> String;
    /// Queues `event` for the socket. Never waits; a socket that is gone or too slow does not get it.
    fn emit<T: Serialize>(&self, event: &str, data: &T);
}

/// A wish to join, checked and cleaned.
#[derive(Debug, Clone, Default)]
pub(crate) struct Join {
    pub(crate) room: String,
    pub(crate) name: String,
    pub(crate) resume: Option<String>,
    pub(crate) connected: Vec<String>,
    /// What the token of the socket says about it.
    pub(crate) metadata: Option<Map<String, Value>>,
}

/// One member of a room. `id` is what the world sees: the id of the socket, or that of the socket which it resumes.
struct Seat<S> {
    id: String,
    name: String,
    metadata: Option<Map<String, Value>>,
    socket: S,
}

impl<S: Outlet> Seat<S> {
    fn member(&self) -> Member {
        Member { id: self.id.clone(), name: self.name.clone(), metadata: self.metadata.clone() }
    }

    fn init_offer(&self) -> InitOffer {
        InitOffer { source: self.id.clone(), metadata: self.metadata.clone() }
    }

    fn is(&self, socket: &S) -> bool {
        self.socket.socket_id() == socket.socket_id()
    }
}

type Shard<S> = Mutex<HashMap<String, Vec<Seat<S>>>>;

/// All rooms of a server.
pub(crate) struct Hub<S> {
    shards: Vec<Shard<S>>,
    hasher: RandomState,
    tokens: Tokens,
    room_members: usize,
    open: Option<OpenRooms>,
    closing: AtomicBool,
}

impl<S: Outlet> Hub<S> {
    /// `open` names the rooms that may be joined; `None` stands for all.
    pub(crate) fn new(tokens: Tokens, room_members: usize, open: Option<OpenRooms>) -> Self {
        let shards = (0..SHARDS).map(|_| Mutex::default()).collect();
        Self { shards, hasher: RandomState::new(), tokens, room_members, open, closing: AtomicBool::new(false) }
    }

    /// Seats `socket` in a room and hands the welcome to `welcome` before anything else can reach the newcomer as a
    /// member. Returns the socket whose place it took, if it resumed one.
    ///
    /// A socket that is inside already is welcomed again, and no one is told. With its resume token, members that are not
    /// in `connected` offer again.
    pub(crate) fn join(
        &self,
        socket: &S,
        join: Join,
        ice_servers: Vec<IceServer>,
        welcome: impl FnOnce(Welcome),
    ) -> Result<Option<S>, UserError> {
        if self.open.as_ref().is_some_and(|open| !open.contains(&join.room)) {
            return Err(ErrorCode::RoomClosed.into());
        }
        let resumed = join.resume.as_deref().and_then(|token| self.tokens.verify(token, &join.room));
        let mut shard = lock(self.shard(&join.room));
        let seats = shard.get(&join.room).map_or(&[][..], Vec::as_slice);

        if let Some(seat) = seats.iter().find(|seat| seat.is(socket)) {
            // Its owner says to whom it has lost the connection for good: they offer again.
            if resumed.as_ref() == Some(&seat.id) {
                for other in seats.iter().filter(|other| other.id != seat.id && !join.connected.contains(&other.id)) {
                    other.socket.emit(INIT_OFFER, &seat.init_offer());
                }
            }
            welcome(self.welcome(seat, &join.room, seats, ice_servers));
            return Ok(None);
        }
        let connected = if resumed.is_some() { join.connected } else { Vec::new() };
        let newcomer = Seat {
            id: resumed.unwrap_or_else(|| socket.socket_id()),
            name: join.name,
            metadata: join.metadata,
            socket: socket.clone(),
        };
        let taken = seats.iter().find(|seat| seat.id == newcomer.id);
        let others = || seats.iter().filter(|seat| seat.id != newcomer.id);
        if others().count() >= self.room_members {
            return Err(ErrorCode::RoomFull.into());
        }

        for other in others() {
            newcomer.socket.emit(USER_CONNECTED, &other.member());
        }
        // Who takes their own place again was never away, as far as the others know.
        let known = taken.is_some_and(|seat| seat.name == newcomer.name && seat.metadata == newcomer.metadata);
        for other in others() {
            if !known {
                other.socket.emit(USER_CONNECTED, &newcomer.member());
            }
            if !connected.contains(&other.id) {
                other.socket.emit(INIT_OFFER, &newcomer.init_offer());
            }
        }
        welcome(self.welcome(&newcomer, &join.room, seats, ice_servers));

        let seats = shard.entry(join.room).or_default();
        match seats.iter_mut().find(|seat| seat.id == newcomer.id) {
            Some(seat) => Ok(Some(std::mem::replace(seat, newcomer).socket)),
            None => {
                seats.push(newcomer);
                Ok(None)
            }
        }
    }

    /// Empties the place of `socket` in `room` and tells those who stay. Does nothing if another socket has resumed it.
    pub(crate) fn leave(&self, socket: &S, room: &str) {
        let mut shard = lock(self.shard(room));
        let Some(seats) = shard.get_mut(room) else { return };
        let Some(place) = seats.iter().position(|seat| seat.is(socket)) else { return };
        let gone = PeerRef { id: seats.remove(place).id };
        // A server that stops says nothing about the call: the members are still there for each other.
        if !self.closing.load(Ordering::Relaxed) {
            for seat in seats.iter() {
                seat.socket.emit(PEER_LEFT, &gone);
                seat.socket.emit(USER_DISCONNECTED, &gone);
            }
        }
        if seats.is_empty() {
            shard.remove(room);
        }
    }

    /// The socket of member `target`, and the id under which `socket` is known to it, if both are in one of `rooms`.
    pub(crate) fn route(&self, socket: &S, rooms: &[String], target: &str) -> Option<(String, S)> {
        rooms.iter().find_map(|room| {
            let shard = lock(self.shard(room));
            let seats = shard.get(room)?;
            let source = seats.iter().find(|seat| seat.is(socket))?;
            let target = seats.iter().find(|seat| seat.id == target)?;
            Some((source.id.clone(), target.socket.clone()))
        })
    }

    /// Who is in `room`, in the order in which they came: nobody, if it is not open. A member without a name only counts.
    pub(crate) fn peek(&self, room: &str) -> RoomPeek {
        let shard = lock(self.shard(room));
        let seats = shard.get(room).map_or(&[][..], Vec::as_slice);
        let names = seats.iter().map(|seat| seat.name.clone()).filter(|name| !name.is_empty()).collect();
        RoomPeek { count: u32::try_from(seats.len()).unwrap_or(u32::MAX), names }
    }

    /// From now on, leaving is silent.
    pub(crate) fn close(&self) {
        self.closing.store(true, Ordering::Relaxed);
    }

    fn welcome(&self, me: &Seat<S>, room: &str, seats: &[Seat<S>], ice_servers: Vec<IceServer>) -> Welcome {
        Welcome {
            id: me.id.clone(),
            members: seats.iter().filter(|seat| seat.id != me.id).map(Seat::member).collect(),
            ice_servers,
            resume: Some(self.tokens.issue(&me.id, room)),
        }
    }

    fn shard(&self, room: &str) -> &Shard<S> {
        // The remainder is below the number of shards, which is not zero.
        &self.shards[self.hasher.hash_one(room) as usize % SHARDS]
    }
}

#[cfg(test)]
#[path = "hub_tests.rs"]
mod tests;

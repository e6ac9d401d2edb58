//! The rooms of a server behind locks.
//!
//! A change and the sending of its effects are one step under the lock of the room, so all members see joins and leaves
//! in one order, and of two who join at once exactly one offers.

use super::connection::Connection;
use crate::rooms::{Effect, Join, Joined, Now, Policy, Rooms, Route};
use crate::sync::lock;
use confab_wire::signaling::{RefusalCode, RoomPeek};
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex};

/// Rooms are spread over this many locks. Joins of one room wait for each other; other rooms hardly notice.
const SHARDS: usize = 64;

/// All rooms of a server.
pub(super) struct RoomShards {
    shards: Vec<Mutex<Rooms<Connection>>>,
    hasher: RandomState,
}

impl RoomShards {
    pub(super) fn new(policy: Policy) -> Self {
        let policy = Arc::new(policy);
        let shards = (0..SHARDS).map(|_| Mutex::new(Rooms::new(Arc::clone(&policy)))).collect();
        Self { shards, hasher: RandomState::new() }
    }

    /// [`Rooms::join`]. Hands the outcome to `answer` before anything else can reach the newcomer as a member. Returns
    /// the earlier connection of one who came back.
    pub(super) fn join(
        &self,
        connection: &Connection,
        join: Join,
        answer: impl FnOnce(Joined<Connection>),
    ) -> Result<Option<Connection>, RefusalCode> {
        let mut rooms = lock(self.shard(&join.room));
        let mut joined = rooms.join(connection, connection.id(), join, Now::read())?;
        send(std::mem::take(&mut joined.effects));
        let replaced = joined.replaced.take();
        answer(joined);
        Ok(replaced)
    }

    /// Takes `connection` out of a room and tells those who stay.
    pub(super) fn leave(&self, connection: &Connection, room: &str) {
        let mut rooms = lock(self.shard(room));
        send(rooms.leave(connection, room));
    }

    /// The way from `connection` to member `target` of one of `rooms`.
    pub(super) fn route(&self, connection: &Connection, rooms: &[String], target: &str) -> Option<Route<Connection>> {
        rooms.iter().find_map(|room| lock(self.shard(room)).route(connection, room, target))
    }

    /// The id of `connection` as the members of `room` know it.
    pub(super) fn id_of(&self, connection: &Connection, room: &str) -> Option<String> {
        lock(self.shard(room)).id_of(connection, room)
    }

    /// [`Rooms::peek`].
    pub(super) fn peek(&self, room: &str) -> Result<RoomPeek, RefusalCode> {
        lock(self.shard(room)).peek(room)
    }

    /// From now on, leaving is silent.
    pub(super) fn close(&self) {
        for shard in &self.shards {
            lock(shard).close();
        }
    }

    fn shard(&self, room: &str) -> &Mutex<Rooms<Connection>> {
        // The remainder is below the number of shards, which is not zero.
        &self.shards[self.hasher.hash_one(room) as usize % SHARDS]
    }
}

fn send(effects: Vec<Effect<Connection>>) {
    for Effect { to, event } in effects {
        to.notify(event);
    }
}

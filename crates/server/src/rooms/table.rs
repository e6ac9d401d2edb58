//! The rooms of a server, by name.

use super::effect::Effect;
use super::join::{Join, Joined};
use super::resume_token::{ResumeTokens, Resumed};
use super::room::{Admission, Newcomer, Room};
use crate::config::OpenRooms;
use confab_wire::rate_limit::RateLimiter;
use confab_wire::signaling::{Member, RefusalCode, RoomPeek};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

/// What holds for all rooms of a server.
pub(crate) struct Policy {
    pub(crate) resume_tokens: ResumeTokens,
    /// Members of one room.
    pub(crate) capacity: usize,
    /// Joins of one room in a second, on average.
    pub(crate) joins_per_second: u32,
    /// Joins of one room in one burst.
    pub(crate) join_burst: u32,
    /// Rooms that may be joined; `None` stands for all.
    pub(crate) open: Option<OpenRooms>,
}

/// The time of a change, by both clocks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Now {
    /// What tokens count by.
    pub(crate) system: SystemTime,
    /// What limits count by.
    pub(crate) monotonic: Instant,
}

impl Now {
    pub(crate) fn read() -> Self {
        Self { system: SystemTime::now(), monotonic: Instant::now() }
    }
}

/// The way of a message from one member to another.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Route<C> {
    /// The sender's id, as the receiver knows it.
    pub(crate) source: String,
    /// The receiver.
    pub(crate) to: C,
}

/// Rooms and who is in them. `C` is how the caller knows a connection; it is compared, cloned and handed back.
pub(crate) struct Rooms<C> {
    rooms: HashMap<String, Room<C>>,
    policy: Arc<Policy>,
    closed: bool,
}

impl<C: Clone + PartialEq> Rooms<C> {
    pub(crate) fn new(policy: Arc<Policy>) -> Self {
        Self { rooms: HashMap::new(), policy, closed: false }
    }

    /// Lets `connection` into a room, under the id `own_id` or under the one that it resumes. Refused with
    /// [`RefusalCode::RoomClosed`], [`RefusalCode::RoomFull`] or, where too many join, [`RefusalCode::TooManyQuestions`]; then
    /// nothing has changed.
    pub(crate) fn join(
        &mut self,
        connection: &C,
        own_id: String,
        join: Join,
        now: Now,
    ) -> Result<Joined<C>, RefusalCode> {
        let policy = Arc::clone(&self.policy);
        self.is_open(&join.room)?;
        let resumed =
            join.resume.as_deref().and_then(|token| policy.resume_tokens.verify(token, &join.room, now.system));
        let room = self
            .rooms
            .entry(join.room.clone())
            .or_insert_with(|| Room::new(RateLimiter::per_second(policy.joins_per_second, policy.join_burst)));
        // A token that a later one of the same member has replaced proves nothing any more.
        let resumed = resumed.filter(|resumed| room.believes(resumed));
        let generation = resumed.as_ref().map(|resumed| resumed.generation);
        let newcomer = Newcomer {
            generation,
            member: Member {
                id: resumed.map_or(own_id, |resumed| resumed.id),
                name: join.name,
                metadata: join.metadata,
            },
            connection,
            connected: &join.connected,
        };
        let admission = room.join(newcomer, policy.capacity, now.monotonic);
        if room.is_empty() {
            self.rooms.remove(&join.room);
        }
        let Admission { id, generation, members, effects, replaced } = admission?;
        let member = Resumed { id, generation };
        let resume = policy.resume_tokens.issue(&member, &join.room, now.system);
        Ok(Joined { resume, id: member.id, members, effects, replaced })
    }

    /// Takes `connection` out of a room and returns what those who stay are to be told.
    pub(crate) fn leave(&mut self, connection: &C, name: &str) -> Vec<Effect<C>> {
        let Some(room) = self.rooms.get_mut(name) else { return Vec::new() };
        let effects = room.leave(connection);
        if room.is_empty() {
            self.rooms.remove(name);
        }
        // A server that stops says nothing about the call: the members are still there for each other.
        if self.closed { Vec::new() } else { effects }
    }

    /// The way from `connection` to the member `target`, if both are in the room.
    pub(crate) fn route(&self, connection: &C, name: &str, target: &str) -> Option<Route<C>> {
        let room = self.rooms.get(name)?;
        let source = room.id_of(connection)?.to_owned();
        Some(Route { source, to: room.connection_of(target)?.clone() })
    }

    /// The id of `connection` in a room that it is in.
    pub(crate) fn id_of(&self, connection: &C, name: &str) -> Option<String> {
        self.rooms.get(name)?.id_of(connection).map(str::to_owned)
    }

    fn is_open(&self, room: &str) -> Result<(), RefusalCode> {
        let open = self.policy.open.as_ref().is_none_or(|open| open.contains(room));
        if open { Ok(()) } else { Err(RefusalCode::RoomClosed) }
    }

    /// Who is in a room, in the order in which they came: nobody, if there is none. A member without a name only counts.
    /// Refused with [`RefusalCode::RoomClosed`] or [`RefusalCode::RoomFull`] where a newcomer would be.
    pub(crate) fn peek(&self, name: &str) -> Result<RoomPeek, RefusalCode> {
        self.is_open(name)?;
        let members = || self.rooms.get(name).into_iter().flat_map(Room::members);
        let names = members().map(|member| member.name.clone()).filter(|name| !name.is_empty()).collect();
        if members().count() >= self.policy.capacity {
            return Err(RefusalCode::RoomFull);
        }
        Ok(RoomPeek { count: u32::try_from(members().count()).unwrap_or(u32::MAX), names })
    }

    /// From now on, leaving is silent.
    pub(crate) fn close(&mut self) {
        self.closed = true;
    }

    /// True if nobody is in any room.
    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.rooms.is_empty()
    }
}

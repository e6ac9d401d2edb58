//! One room: its members, and the rules of joining and leaving it.

use super::effect::{Effect, RoomEvent};
use super::resume_token::Resumed;
use confab_wire::rate_limit::RateLimiter;
use confab_wire::signaling::{Member, RefusalCode};
use std::time::Instant;

/// A member and its connection. The id of the member is what the others know: that of the connection, or the one that it
/// resumes.
struct Occupant<C> {
    member: Member,
    connection: C,
    /// How many times it has come back.
    generation: u32,
}

/// The members of a room, in the order in which they came.
pub(super) struct Room<C> {
    occupants: Vec<Occupant<C>>,
    /// How often members may join: each time all the others are told.
    joins: RateLimiter,
}

/// Someone who wants in.
pub(super) struct Newcomer<'a, C> {
    pub(super) member: Member,
    pub(super) connection: &'a C,
    /// The id is that of an earlier connection, proven by a resume token of this generation.
    pub(super) generation: Option<u32>,
    /// Members to which a resumed one is still connected.
    pub(super) connected: &'a [String],
}

/// What comes of a newcomer.
pub(super) struct Admission<C> {
    pub(super) id: String,
    pub(super) generation: u32,
    pub(super) members: Vec<Member>,
    pub(super) effects: Vec<Effect<C>>,
    pub(super) replaced: Option<C>,
}

impl<C: Clone + PartialEq> Room<C> {
    pub(super) fn new(joins: RateLimiter) -> Self {
        Self { occupants: Vec::new(), joins }
    }

    /// False for the token of a member that is inside and has come back with later ones. The one before the last is
    /// believed, too: the answer with the last may have been lost.
    pub(super) fn believes(&self, resumed: &Resumed) -> bool {
        let inside = self.occupants.iter().find(|one| one.member.id == resumed.id);
        inside.is_none_or(|inside| resumed.generation.saturating_add(1) >= inside.generation)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.occupants.is_empty()
    }

    /// Lets a newcomer in, or says that the room is full. Of any two members the one that was there first offers.
    ///
    /// A connection that is inside already is answered again, and no one is told.
    pub(super) fn join(
        &mut self,
        newcomer: Newcomer<'_, C>,
        capacity: usize,
        now: Instant,
    ) -> Result<Admission<C>, RefusalCode> {
        if !self.joins.admit(now) {
            return Err(RefusalCode::TooManyQuestions);
        }
        if let Some(inside) = self.occupant(newcomer.connection) {
            return Ok(self.rejoin(inside, &newcomer));
        }
        let Newcomer { member, connection, generation, connected } = newcomer;
        let others = || self.occupants.iter().filter(|other| other.member.id != member.id);
        if others().count() >= capacity {
            return Err(RefusalCode::RoomFull);
        }
        let mut effects = Vec::new();
        for other in others() {
            effects.push(Effect { to: connection.clone(), event: RoomEvent::Joined(other.member.clone()) });
        }
        let place = self.occupants.iter().position(|other| other.member.id == member.id);
        // A member that resumes its own place was never away, as far as the others know.
        let known = place.is_some_and(|place| self.occupants[place].member == member);
        for other in others() {
            if !known {
                effects.push(Effect { to: other.connection.clone(), event: RoomEvent::Joined(member.clone()) });
            }
            if !(generation.is_some() && connected.contains(&other.member.id)) {
                effects.push(Effect { to: other.connection.clone(), event: RoomEvent::Offer(member.clone()) });
            }
        }
        let (id, members) = (member.id.clone(), self.others(&member.id));
        let before = place.map(|place| self.occupants[place].generation);
        let generation = generation.max(before).map_or(0, |before| before.saturating_add(1));
        let occupant = Occupant { member, connection: connection.clone(), generation };
        let replaced = match place {
            Some(place) => Some(std::mem::replace(&mut self.occupants[place], occupant).connection),
            None => {
                self.occupants.push(occupant);
                None
            }
        };
        Ok(Admission { id, generation, members, effects, replaced })
    }

    /// Answers a member that is inside. With the proof that its id is its own, members to which it has lost the connection
    /// for good offer again.
    fn rejoin(&self, inside: &Occupant<C>, newcomer: &Newcomer<'_, C>) -> Admission<C> {
        let generation = inside.generation;
        let inside = &inside.member;
        let again = newcomer.generation.is_some() && newcomer.member.id == inside.id;
        let lost = |other: &&Occupant<C>| {
            again && other.member.id != inside.id && !newcomer.connected.contains(&other.member.id)
        };
        let effects = self
            .occupants
            .iter()
            .filter(lost)
            .map(|other| Effect { to: other.connection.clone(), event: RoomEvent::Offer(inside.clone()) })
            .collect();
        Admission { id: inside.id.clone(), generation, members: self.others(&inside.id), effects, replaced: None }
    }

    /// Takes the member of `connection` out and returns what those who stay are to be told; nothing if it is not inside,
    /// or another connection has resumed its place.
    pub(super) fn leave(&mut self, connection: &C) -> Vec<Effect<C>> {
        let Some(place) = self.occupants.iter().position(|one| one.connection == *connection) else {
            return Vec::new();
        };
        let id = self.occupants.remove(place).member.id;
        let left = |other: &Occupant<C>| Effect { to: other.connection.clone(), event: RoomEvent::Left(id.clone()) };
        self.occupants.iter().map(left).collect()
    }

    /// The member's id on `connection`.
    pub(super) fn id_of(&self, connection: &C) -> Option<&str> {
        self.occupant(connection).map(|one| one.member.id.as_str())
    }

    /// The connection of member `id`.
    pub(super) fn connection_of(&self, id: &str) -> Option<&C> {
        self.occupants.iter().find(|one| one.member.id == id).map(|one| &one.connection)
    }

    pub(super) fn members(&self) -> impl Iterator<Item = &Member> {
        self.occupants.iter().map(|one| &one.member)
    }

    fn occupant(&self, connection: &C) -> Option<&Occupant<C>> {
        self.occupants.iter().find(|one| one.connection == *connection)
    }

    fn others(&self, id: &str) -> Vec<Member> {
        self.members().filter(|member| member.id != id).cloned().collect()
    }
}

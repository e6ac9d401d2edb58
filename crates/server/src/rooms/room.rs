//! One room: its members, and the rules of joining and leaving it.

use super::effect::{Effect, RoomEvent};
use confab_wire::signaling::{Member, RefusalCode};

/// A member and its connection. The id of the member is what the others know: that of the connection, or the one that it
/// resumes.
struct Occupant<C> {
    member: Member,
    connection: C,
}

/// The members of a room, in the order in which they came.
pub(super) struct Room<C> {
    occupants: Vec<Occupant<C>>,
}

impl<C> Default for Room<C> {
    fn default() -> Self {
        Self { occupants: Vec::new() }
    }
}

/// Someone who wants in.
pub(super) struct Newcomer<'a, C> {
    pub(super) member: Member,
    pub(super) connection: &'a C,
    /// The id is that of an earlier connection, proven by a resume token.
    pub(super) resumed: bool,
    /// Members to which a resumed one is still connected.
    pub(super) connected: &'a [String],
}

/// What comes of a newcomer.
pub(super) struct Admission<C> {
    pub(super) id: String,
    pub(super) members: Vec<Member>,
    pub(super) effects: Vec<Effect<C>>,
    pub(super) replaced: Option<C>,
}

impl<C: Clone + PartialEq> Room<C> {
    pub(super) fn is_empty(&self) -> bool {
        self.occupants.is_empty()
    }

    /// Lets a newcomer in, or says that the room is full. Of any two members the one that was there first offers.
    ///
    /// A connection that is inside already is answered again, and no one is told.
    pub(super) fn join(&mut self, newcomer: Newcomer<'_, C>, capacity: usize) -> Result<Admission<C>, RefusalCode> {
        if let Some(inside) = self.occupant(newcomer.connection) {
            return Ok(self.rejoin(&inside.member, &newcomer));
        }
        let Newcomer { member, connection, resumed, connected } = newcomer;
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
            if !(resumed && connected.contains(&other.member.id)) {
                effects.push(Effect { to: other.connection.clone(), event: RoomEvent::Offer(member.clone()) });
            }
        }
        let (id, members) = (member.id.clone(), self.others(&member.id));
        let occupant = Occupant { member, connection: connection.clone() };
        let replaced = match place {
            Some(place) => Some(std::mem::replace(&mut self.occupants[place], occupant).connection),
            None => {
                self.occupants.push(occupant);
                None
            }
        };
        Ok(Admission { id, members, effects, replaced })
    }

    /// Answers a member that is inside. With the proof that its id is its own, members to which it has lost the connection
    /// for good offer again.
    fn rejoin(&self, inside: &Member, newcomer: &Newcomer<'_, C>) -> Admission<C> {
        let again = newcomer.resumed && newcomer.member.id == inside.id;
        let lost = |other: &&Occupant<C>| {
            again && other.member.id != inside.id && !newcomer.connected.contains(&other.member.id)
        };
        let effects = self
            .occupants
            .iter()
            .filter(lost)
            .map(|other| Effect { to: other.connection.clone(), event: RoomEvent::Offer(inside.clone()) })
            .collect();
        Admission { id: inside.id.clone(), members: self.others(&inside.id), effects, replaced: None }
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

//! What a change of a room makes known.

use confab_wire::signaling::Member;

/// What a connection is to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum RoomEvent {
    /// This member is in the room.
    Joined(Member),
    /// Connect to this member, and be the one that offers.
    Offer(Member),
    /// The member with this id has left.
    Left(String),
}

/// An event, and the connection that it is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Effect<C> {
    pub(crate) to: C,
    pub(crate) event: RoomEvent,
}

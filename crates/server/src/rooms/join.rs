//! A join: what is asked for, and what comes of it.

use super::effect::Effect;
use confab_wire::signaling::Member;
use serde_json::{Map, Value};

/// A request to join, checked and cleaned.
#[derive(Debug, Clone, Default)]
pub(crate) struct Join {
    pub(crate) room: String,
    /// Display name; may be empty.
    pub(crate) name: String,
    /// Resume token: the id of before is asked for.
    pub(crate) resume: Option<String>,
    /// Members to which a connection still stands; obeyed with a good resume token only.
    pub(crate) connected: Vec<String>,
    /// What the access token of the connection says about it.
    pub(crate) metadata: Option<Map<String, Value>>,
}

/// An accepted join.
#[derive(Debug)]
pub(crate) struct Joined<C> {
    /// The newcomer's id in the room.
    pub(crate) id: String,
    /// The other members.
    pub(crate) members: Vec<Member>,
    /// Token that gives the id back after a reconnect.
    pub(crate) resume: String,
    /// To be sent in this order, before the newcomer has its answer.
    pub(crate) effects: Vec<Effect<C>>,
    /// The earlier connection of a member that came back; it is in the room no more.
    pub(crate) replaced: Option<C>,
}

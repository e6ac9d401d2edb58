//! Rooms and who is in them, without any I/O: a join or a leave changes who is where and returns what has to be told to
//! whom, in order. The caller, which owns the connections, sends it.

mod effect;
mod join;
mod resume_token;
mod room;
mod table;

pub(crate) use effect::{Effect, RoomEvent};
pub(crate) use join::{Join, Joined};
pub(crate) use resume_token::ResumeTokens;
pub(crate) use table::{Now, Policy, Rooms, Route};

#[cfg(test)]
mod tests;

//! Who is in the room, and the way into it.

pub mod announced;
pub mod participants;
pub mod peers;
pub mod session;

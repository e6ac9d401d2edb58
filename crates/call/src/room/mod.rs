//! Who is in the room, what is said to them, and the way into it.

pub mod announced;
pub mod ice_renewal;
pub mod membership;
pub mod messenger;
pub mod participants;
pub mod session;

//! The web side: the page behind a room link, the addresses that a link may name, what stands before the engine, and the
//! tokens that open rooms.

pub(crate) mod address;
pub(crate) mod engine;
pub(crate) mod page;
pub(crate) mod token;

mod hs256;

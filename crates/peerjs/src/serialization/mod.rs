//! How values become frames of a data channel, and back.
//!
//! Without I/O: a [`codec::Encoder`] gives the frames of a value, a [`codec::Decoder`] takes frames one by one. Everything
//! that comes from the remote is bounded by [`bounds`].

pub(crate) mod binary_pack;
pub(crate) mod bounds;
mod chunks;
pub(crate) mod codec;
mod date;
mod error;
mod kind;
mod message_pack;

pub use bounds::{DEPTH, ITEMS, MESSAGE_BYTES};
pub use error::{DecodeError, EncodeError};
pub use kind::{Serialization, UnknownSerialization};

//! What crosses the wire of Confab: envelopes, events, names and limits.
//!
//! The crate holds types and their validation only; it opens no socket and touches no device. Everything that a peer, a
//! server or a link can send is parsed here into a type that is bounded by [`limits`].

pub mod call;
pub mod ctrl;
pub mod error;
pub mod ladder;
pub mod limits;
pub mod media;
pub mod rate_limit;
pub mod room;
pub mod signaling;

pub use error::{ErrorCode, UserError};

//! What crosses the wire of Confab: rtc.io's events, names and limits; rooms and links; what a call says; encoded media.
//!
//! The crate holds types and their validation only; it opens no socket and touches no device. Everything that a peer, a
//! server or a link can send is parsed here into a type that is bounded by [`limits`]; how often it may be sent is bounded
//! by [`rate_limit`].
//!
//! - [`signaling`]: Socket.IO events between a client and a server, and why a server refuses.
//! - [`ctrl`]: envelopes between two peers.
//! - [`call`]: what an application of ours says in them.
//! - [`room`]: names of rooms and the links to them.
//! - [`name`]: names of people.
//! - [`media`] and [`layers`]: encoded frames and packets, and what is wanted of an encoder.

pub mod call;
pub mod ctrl;
pub mod layers;
pub mod limits;
pub mod media;
pub mod name;
pub mod rate_limit;
pub mod room;
pub mod signaling;
mod text;

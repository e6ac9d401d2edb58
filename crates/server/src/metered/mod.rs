//! The endpoint of Metered Realtime, which clients of `@metered-ca/realtime` connect to: channels with presence, messages to
//! a channel and to a peer.
//!
//! [`frame`] is the wire, [`token`] who may do what, by [`pattern`]s of channels; [`hub`] knows who is where and decides the
//! order of everything, without I/O; [`fan_out`] how much of it may reach many; [`server`] answers requests and serves sockets.

mod fan_out;
pub(crate) mod frame;
mod hub;
mod pattern;
mod server;
mod token;

pub(crate) use server::{MeteredServer, PATH, router};
pub use token::{MeteredClaims, mint_metered};

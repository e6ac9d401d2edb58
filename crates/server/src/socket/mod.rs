//! The rtc.io dialect of the server, over Socket.IO: what a client sends is parsed ([`request`]), paid for ([`budget`]) and
//! authorized ([`access`]), changes its rooms ([`shards`]), and the effects of that are sent ([`connection`]).
//!
//! All of it happens inside socketioxide's handlers, which run one after the other for one socket as long as they are
//! plain closures (an async handler is spawned, and messages overtake each other). Nothing here waits, so nothing has to.

mod access;
mod budget;
mod client;
mod connection;
mod outbox;
mod raw_event;
pub(crate) mod request;
mod shards;
mod state;

pub(crate) use client::serve;
pub(crate) use state::ServerState;

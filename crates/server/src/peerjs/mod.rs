//! The PeerServer: what npm's `peer` is to clients of PeerJS. A client connects under an id, and sends offers, answers and
//! candidates to other ids; there are no rooms and no presence.
//!
//! [`message`] is the wire, [`query`] what a client says in its address, [`realm`] who is connected and what waits for those
//! who are not, without I/O; [`server`] answers requests and serves sockets.
//!
//! It differs from the stock server in this: everything is bounded ([`Limits`](crate::Limits)), a socket that takes over an
//! id is told OPEN and the one that it replaces is closed, and clients cannot send EXPIRE.

mod http;
pub(crate) mod message;
mod query;
mod realm;
mod server;

pub(crate) use http::router;
pub(crate) use server::PeerServer;

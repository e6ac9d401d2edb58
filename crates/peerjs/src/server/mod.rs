//! What a client asks of a PeerServer: its HTTP answers, and its WebSocket.

mod address;
mod dial;
mod http;
mod socket;

pub(crate) use address::Address;
pub(crate) use dial::ServerError;
pub(crate) use http::{fresh_id, peers};
pub(crate) use socket::{Socket, open};

//! TCP connections below HTTP and WebSockets: how many there may be and from whom, and how long one may take or give nothing.

mod address;
mod backlog;
mod budget;
mod charge;
mod client;
mod connection;
mod descriptors;
mod proxy;
mod relays;
mod requester;
mod session;
mod stream;

pub(crate) use address::{Address, Addresses, Kind, Place};
pub(crate) use backlog::Backlog;
pub(crate) use budget::{MessageBudget, Verdict};
pub(crate) use charge::Charge;
pub(crate) use client::Clients;
pub(crate) use connection::TcpConnection;
pub use descriptors::raise_descriptor_limit;
pub(crate) use descriptors::usable_descriptors;
pub(crate) use relays::Relays;
pub(crate) use requester::Requester;
pub(crate) use session::{Session, Sessions};
pub(crate) use stream::MeteredStream;

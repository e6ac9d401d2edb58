//! TCP connections below HTTP and WebSockets: how many there may be and from whom, and how long one may take or give nothing.

mod address;
mod backlog;
mod connection;
mod descriptors;
mod proxy;
mod session;
mod stream;

use std::sync::Arc;

pub(crate) use address::{Address, Addresses, Kind, Place};
pub(crate) use backlog::Backlog;
pub(crate) use connection::TcpConnection;
pub use descriptors::raise_descriptor_limit;
pub(crate) use descriptors::usable_descriptors;
pub(crate) use proxy::forwarded_for;
pub(crate) use session::{Session, Sessions};
pub(crate) use stream::MeteredStream;

/// Who a request comes from. It is an extension of each request to the engine, which keeps it with the socket.
#[derive(Clone)]
pub(crate) struct Requester {
    pub(crate) connection: Arc<TcpConnection>,
    pub(crate) address: Arc<Address>,
}

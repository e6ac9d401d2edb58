//! Who a request comes from.

use super::address::Address;
use super::connection::TcpConnection;
use std::sync::Arc;

/// Who a request comes from. It is an extension of each request to the engine, which keeps it with the socket.
#[derive(Clone)]
pub(crate) struct Requester {
    pub(crate) connection: Arc<TcpConnection>,
    pub(crate) address: Arc<Address>,
}

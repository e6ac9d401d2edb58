//! Which client a request is of.

use super::address::{Addresses, Kind};
use super::connection::TcpConnection;
use super::proxy::forwarded_for;
use super::requester::Requester;
use axum::http::HeaderMap;
use ipnet::IpNet;
use std::sync::Arc;

/// The clients of a server, told apart by their addresses.
#[derive(Clone)]
pub(crate) struct Clients {
    addresses: Arc<Addresses>,
    trusted_proxies: Arc<[IpNet]>,
}

impl Clients {
    pub(crate) fn new(addresses: Arc<Addresses>, trusted_proxies: &[IpNet]) -> Self {
        Self { addresses, trusted_proxies: trusted_proxies.into() }
    }

    pub(crate) fn addresses(&self) -> &Arc<Addresses> {
        &self.addresses
    }

    /// Who asks, by the connection and the headers of a request. None if the address behind a proxy has too many
    /// connections.
    pub(crate) fn of(&self, connection: Arc<TcpConnection>, headers: &HeaderMap) -> Option<Requester> {
        let client = forwarded_for(connection.remote, headers, &self.trusted_proxies);
        let address = self.addresses.of(client);
        let counted =
            client == connection.remote || connection.count_for(self.addresses.place(&address, Kind::Connection));
        counted.then_some(Requester { connection, address })
    }
}

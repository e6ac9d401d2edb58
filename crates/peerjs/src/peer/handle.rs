//! [`Peer`].

use super::connections::Connection;
use super::events::PeerEvents;
use super::session::Session;
use super::shared::{Shared, offered};
use crate::connection::{ConnectOptions, DataConnection, DataConnectionEvents, MediaConnection, MediaConnectionEvents};
use crate::error::{PeerError, PeerErrorKind, ReconnectError};
use crate::id;
use crate::message::{ConnectionKind, Offered};
use crate::server;
use confab_transport::Role;
use confab_transport::send::local_stream::LocalStream;
use serde_json::Value;
use std::collections::HashMap;
use std::sync::Arc;
use tracing::Instrument;

/// This side: an id on a PeerServer, and connections to others (`Peer` of PeerJS). Cloning gives another handle of the same
/// peer. When the last one is dropped the peer is destroyed.
#[derive(Debug, Clone)]
pub struct Peer {
    shared: Arc<Shared>,
    _guard: Arc<Guard>,
}

/// Destroys the peer with its last handle.
#[derive(Debug)]
struct Guard(Arc<Shared>);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.destroy();
    }
}

impl Peer {
    pub(super) fn start(shared: Arc<Shared>, session: Session, events: PeerEvents) -> (Self, PeerEvents) {
        tokio::spawn(session.run().instrument(tracing::debug_span!("peerjs")));
        let guard = Arc::new(Guard(Arc::clone(&shared)));
        (Self { shared, _guard: guard }, events)
    }

    /// Its id: the one asked for, or the one that the server gave. `None` before that, and while it is disconnected.
    pub fn id(&self) -> Option<String> {
        self.shared.state.borrow().id.clone()
    }

    /// True while the server knows it: from [`crate::PeerEvent::Open`] on.
    pub fn open(&self) -> bool {
        self.shared.state.borrow().open
    }

    /// True if there is no connection to the server and none is being made.
    pub fn disconnected(&self) -> bool {
        self.shared.state.borrow().disconnected
    }

    /// True after [`Peer::destroy`], and after errors that PeerJS counts as fatal.
    pub fn destroyed(&self) -> bool {
        self.shared.state.borrow().destroyed
    }

    /// The connections that are not over, by id of the remote peer, in the order in which they began.
    pub fn connections(&self) -> HashMap<String, Vec<Connection>> {
        self.shared.connections.list()
    }

    /// Opens a data connection to the peer `id`. Before [`crate::PeerEvent::Open`] the offer waits for it, where PeerJS loses
    /// it. A peer that is not there is told by an event [`crate::PeerErrorKind::PeerUnavailable`], and the connection closes.
    ///
    /// # Errors
    ///
    /// [`crate::PeerErrorKind::Disconnected`] while this side is disconnected or destroyed, and
    /// [`crate::PeerErrorKind::InvalidId`] for an id that nobody can have.
    pub fn connect(
        &self,
        id: &str,
        options: ConnectOptions,
    ) -> Result<(DataConnection, DataConnectionEvents), PeerError> {
        self.check(id)?;
        let (connection_id, serialization) = (id::data_connection(), options.serialization);
        let offered = offered(options, &connection_id);
        let link = self.shared.link(id, &connection_id, &offered);
        let over = self.shared.connections.remover(&link);
        let begun = DataConnection::begin(&self.shared.settings, link, offered, serialization, Role::Offerer, over);
        self.shared.add(Connection::Data(begun.0.clone()));
        Ok(begun)
    }

    /// Calls the peer `id` with a stream. It rings there until somebody answers, for ten minutes at most, or until
    /// [`MediaConnection::close`].
    ///
    /// What can come back is what `stream` has: one audio and one video track for each of its own. A camera that is off is a
    /// video track without frames.
    ///
    /// # Errors
    ///
    /// As [`Peer::connect`].
    pub fn call(
        &self,
        id: &str,
        stream: &LocalStream,
        metadata: Option<Value>,
    ) -> Result<(MediaConnection, MediaConnectionEvents), PeerError> {
        self.check(id)?;
        let offered =
            Offered { kind: ConnectionKind::Media, metadata, label: None, reliable: false, serialization: None };
        let link = self.shared.link(id, &id::media_connection(), &offered);
        let over = self.shared.connections.remover(&link);
        let begun = MediaConnection::call(&self.shared.settings, link, offered, stream, over);
        self.shared.add(Connection::Media(begun.0.clone()));
        Ok(begun)
    }

    fn check(&self, id: &str) -> Result<(), PeerError> {
        self.shared.check()?;
        if id::is_valid_id(id) {
            Ok(())
        } else {
            Err(PeerError::new(PeerErrorKind::InvalidId, "nobody can have this id"))
        }
    }

    /// Leaves the server. Connections live on; none can be made before [`Peer::reconnect`].
    pub fn disconnect(&self) {
        self.shared.disconnect();
    }

    /// Comes back to the server with the same id and token.
    pub fn reconnect(&self) -> Result<(), ReconnectError> {
        self.shared.reconnect()
    }

    /// Leaves the server and closes all connections, for good.
    pub fn destroy(&self) {
        self.shared.destroy();
    }

    /// Waits until no connection is left: after [`Peer::destroy`], until the remotes were told, which takes milliseconds where
    /// they are there. A program that ends before leaves stock clients waiting for ever.
    pub async fn closed(&self) {
        self.shared.connections.closed().await;
    }

    /// The ids that are on the server, where it tells them (`allow_discovery` of the server).
    ///
    /// # Errors
    ///
    /// [`crate::PeerErrorKind::ServerError`], as an event, too.
    pub async fn list_all_peers(&self) -> Result<Vec<String>, PeerError> {
        server::peers(&self.shared.address).await.map_err(|error| {
            let message = format!("no list of peers from the server: {error}");
            self.shared.error(PeerErrorKind::ServerError, message.as_str());
            PeerError::new(PeerErrorKind::ServerError, message)
        })
    }
}

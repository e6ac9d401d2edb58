//! Engine.IO sessions: what waits for each, and the connection that carries it.

use super::address::Address;
use super::backlog::Backlog;
use super::connection::TcpConnection;
use crate::sync::lock;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, Weak};

/// The session of one socket.
pub(crate) struct Session {
    pub(crate) backlog: Arc<Backlog>,
    /// The connection of the WebSocket; with long polling, the one on which the session was opened.
    connection: Mutex<Arc<TcpConnection>>,
    cut: AtomicBool,
}

impl Session {
    pub(crate) fn new(backlog: Backlog, connection: Arc<TcpConnection>) -> Arc<Self> {
        Arc::new(Self { backlog: Arc::new(backlog), connection: Mutex::new(connection), cut: AtomicBool::new(false) })
    }

    /// True for the address that opened it. The id of a session is that of a member, which the others know: it is no proof.
    pub(crate) fn belongs_to(&self, address: &Arc<Address>) -> bool {
        Arc::ptr_eq(self.backlog.address(), address)
    }

    /// From now on it is the WebSocket on this connection.
    pub(crate) fn is_carried_by(&self, connection: &Arc<TcpConnection>) {
        connection.carries(Arc::clone(&self.backlog));
        *lock(&self.connection) = Arc::clone(connection);
    }

    /// Ends it without a word, as a network that breaks does: the client connects again by itself.
    pub(crate) fn cut(&self) {
        self.cut.store(true, Ordering::Relaxed);
        lock(&self.connection).cut();
    }

    /// True if it is to end.
    pub(crate) fn is_cut(&self) -> bool {
        self.cut.load(Ordering::Relaxed)
    }
}

/// Sessions that began with long polling, by their ids.
#[derive(Default)]
pub(crate) struct Sessions(Mutex<HashMap<String, Weak<Session>>>);

impl Sessions {
    pub(crate) fn add(&self, id: String, session: &Arc<Session>) {
        lock(&self.0).insert(id, Arc::downgrade(session));
    }

    pub(crate) fn remove(&self, id: &str) {
        lock(&self.0).remove(id);
    }

    pub(crate) fn of(&self, id: &str) -> Option<Arc<Session>> {
        lock(&self.0).get(id)?.upgrade()
    }
}

//! The connections of a peer, by remote.

use crate::connection::{CloseOptions, DataConnection, Link, MediaConnection, Over};
use confab_transport::ConnectionCommand;
use confab_wire::signaling::Candidate;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

/// Connections of one remote, and of all.
const PER_REMOTE: usize = 32;
const ALL: usize = 512;
/// Connections that are not there yet although candidates for them are; the oldest go first.
const EARLY: usize = 64;
/// Candidates that wait for one of those.
const EARLY_CANDIDATES: usize = 64;

/// A connection of either kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Connection {
    /// Values.
    Data(DataConnection),
    /// A call.
    Media(MediaConnection),
}

impl Connection {
    fn link(&self) -> &Arc<Link> {
        match self {
            Self::Data(connection) => connection.link(),
            Self::Media(connection) => connection.link(),
        }
    }

    fn close(&self) {
        match self {
            Self::Data(connection) => connection.close(CloseOptions::default()),
            Self::Media(connection) => connection.close(),
        }
    }
}

#[derive(Debug, Default)]
struct State {
    /// By remote, in the order in which they began.
    connections: HashMap<String, Vec<Connection>>,
    /// Remote, connection, candidates.
    early: VecDeque<(String, String, Vec<Candidate>)>,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Connections {
    state: Mutex<State>,
}

impl Connections {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All of them.
    pub(super) fn list(&self) -> HashMap<String, Vec<Connection>> {
        self.state().connections.clone()
    }

    /// True if there is no room for one more of `remote`.
    pub(super) fn is_full(&self, remote: &str) -> bool {
        let state = self.state();
        let all: usize = state.connections.values().map(Vec::len).sum();
        all >= ALL || state.connections.get(remote).is_some_and(|known| known.len() >= PER_REMOTE)
    }

    /// Adds one, and gives it the candidates that came before it.
    pub(super) fn add(&self, connection: Connection) {
        let link = Arc::clone(connection.link());
        let mut state = self.state();
        if link.over.is_cancelled() {
            return;
        }
        let early = state.early.iter().position(|(peer, id, _)| *peer == link.peer && *id == link.id);
        let candidates = early.and_then(|index| state.early.remove(index)).map(|(_, _, candidates)| candidates);
        state.connections.entry(link.peer.clone()).or_default().push(connection);
        drop(state);
        for candidate in candidates.into_iter().flatten() {
            link.command(ConnectionCommand::Candidate(candidate));
        }
    }

    /// What takes a connection out again when it is over.
    pub(super) fn remover(self: &Arc<Self>, link: &Arc<Link>) -> Over {
        let (connections, link) = (Arc::downgrade(self), Arc::downgrade(link));
        Box::new(move || {
            if let (Some(connections), Some(link)) = (Weak::upgrade(&connections), Weak::upgrade(&link)) {
                connections.remove(&link);
            }
        })
    }

    fn remove(&self, link: &Arc<Link>) {
        let mut state = self.state();
        if let Some(known) = state.connections.get_mut(&link.peer) {
            known.retain(|connection| !Arc::ptr_eq(connection.link(), link));
            if known.is_empty() {
                state.connections.remove(&link.peer);
            }
        }
    }

    /// The newest one with this id that is not being closed.
    pub(super) fn find(&self, remote: &str, id: &str) -> Option<Arc<Link>> {
        let state = self.state();
        let known = state.connections.get(remote)?.iter().rev().map(Connection::link);
        known.into_iter().find(|link| link.id == id && !link.closing.is_cancelled()).cloned()
    }

    /// Closes the one with this id, if there is one.
    pub(super) fn close(&self, remote: &str, id: &str) {
        self.close_where(remote, |link| link.id == id);
    }

    /// Closes all of `remote` of which `condition` holds.
    pub(super) fn close_where(&self, remote: &str, condition: impl Fn(&Link) -> bool) {
        let known = self.state().connections.get(remote).cloned().unwrap_or_default();
        known.iter().filter(|connection| condition(connection.link())).for_each(Connection::close);
    }

    /// Closes all.
    pub(super) fn close_all(&self) {
        let all = self.list();
        all.values().flatten().for_each(Connection::close);
        self.state().early.clear();
    }

    /// Waits until there is none.
    pub(super) async fn closed(&self) {
        loop {
            let first = self.state().connections.values().flatten().next().map(|known| Arc::clone(known.link()));
            let Some(link) = first else { return };
            link.over.cancelled().await;
            // It is taken out right after that.
            tokio::task::yield_now().await;
        }
    }

    /// A candidate came: of a connection that is there, or of one that is not there yet.
    pub(super) fn candidate(&self, remote: String, id: String, candidate: Candidate) {
        if let Some(link) = self.find(&remote, &id) {
            link.command(ConnectionCommand::Candidate(candidate));
            return;
        }
        let mut state = self.state();
        if let Some((_, _, candidates)) =
            state.early.iter_mut().find(|(peer, known, _)| *peer == remote && *known == id)
        {
            if candidates.len() < EARLY_CANDIDATES {
                candidates.push(candidate);
            }
            return;
        }
        if state.early.len() >= EARLY {
            state.early.pop_front();
        }
        state.early.push_back((remote, id, vec![candidate]));
    }
}

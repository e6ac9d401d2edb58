//! The remotes of one socket.

use confab_transport::RemoteControl;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Members of the room, connected or not, by id.
#[derive(Debug, Default)]
pub(crate) struct Remotes {
    by_id: Mutex<HashMap<String, RemoteControl>>,
}

impl Remotes {
    pub(crate) fn get(&self, id: &str) -> Option<RemoteControl> {
        self.lock().get(id).cloned()
    }

    pub(crate) fn all(&self) -> Vec<RemoteControl> {
        self.lock().values().cloned().collect()
    }

    pub(crate) fn insert(&self, remote: RemoteControl) {
        self.lock().insert(remote.id().to_owned(), remote);
    }

    pub(crate) fn remove(&self, id: &str) -> Option<RemoteControl> {
        self.lock().remove(id)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, RemoteControl>> {
        self.by_id.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

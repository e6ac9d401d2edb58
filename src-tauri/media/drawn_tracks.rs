//! Which connection of the media socket draws a track: while a window reloads it has two, and the tracks of the newer one stay
//! drawn when the older one ends.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// All connections; cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct DrawnTracks {
    last: Arc<AtomicU64>,
    /// Track handle → the connection that last gave its size.
    tracks: Arc<Mutex<HashMap<u32, u64>>>,
}

impl DrawnTracks {
    /// A new connection.
    pub fn connect(&self) -> ConnectionTracks {
        ConnectionTracks { number: self.last.fetch_add(1, Ordering::Relaxed), all: self.clone() }
    }

    fn tracks(&self) -> MutexGuard<'_, HashMap<u32, u64>> {
        self.tracks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The tracks that one connection draws.
#[derive(Debug)]
pub struct ConnectionTracks {
    number: u64,
    all: DrawnTracks,
}

impl ConnectionTracks {
    /// The connection gave the size at which it draws `handle`.
    pub fn insert(&self, handle: u32) {
        self.all.tracks().insert(handle, self.number);
    }

    /// The connection ended. Returns the tracks that no other draws.
    pub fn disconnect(self) -> Vec<u32> {
        self.all.tracks().extract_if(|_, connection| *connection == self.number).map(|(handle, _)| handle).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_track_belongs_to_the_connection_that_drew_it_last() {
        let drawn = DrawnTracks::default();
        let (before, after) = (drawn.connect(), drawn.connect());
        before.insert(1);
        before.insert(2);
        after.insert(2);
        assert_eq!(before.disconnect(), [1]);
        assert_eq!(after.disconnect(), [2]);
        assert!(drawn.connect().disconnect().is_empty());
    }
}

//! Which connection of the media socket draws a track: a window that reloads has two for a moment, and the one that ends
//! must not hide what the other one shows.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// All connections; cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Viewers {
    last: Arc<AtomicU64>,
    /// Track handle → the connection that last told how it is drawn.
    tracks: Arc<Mutex<HashMap<u32, u64>>>,
}

impl Viewers {
    /// A new connection.
    pub fn enter(&self) -> Viewer {
        Viewer { number: self.last.fetch_add(1, Ordering::Relaxed), all: self.clone() }
    }

    fn tracks(&self) -> MutexGuard<'_, HashMap<u32, u64>> {
        self.tracks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One connection.
#[derive(Debug)]
pub struct Viewer {
    number: u64,
    all: Viewers,
}

impl Viewer {
    /// It told how `handle` is drawn.
    pub fn draws(&self, handle: u32) {
        self.all.tracks().insert(handle, self.number);
    }

    /// It ends: the tracks that nobody draws any more.
    pub fn leave(self) -> Vec<u32> {
        self.all.tracks().extract_if(|_, viewer| *viewer == self.number).map(|(handle, _)| handle).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_track_belongs_to_who_spoke_of_it_last() {
        let viewers = Viewers::default();
        let (before, after) = (viewers.enter(), viewers.enter());
        before.draws(1);
        before.draws(2);
        after.draws(2);
        assert_eq!(before.leave(), [1]);
        assert_eq!(after.leave(), [2]);
        assert!(viewers.enter().leave().is_empty());
    }
}

//! Memory into which the X server writes pictures (MIT-SHM 1.2): the only unsafe code of screen capture.

use std::fs::File;

use memmap2::{MmapMut, MmapOptions};
use x11rb::connection::Connection;
use x11rb::protocol::shm::{ConnectionExt as _, Seg};

use super::desktop::Desktop;

/// Memory of the server's making, mapped into this process. The server lets go of it with the connection.
#[derive(Debug)]
pub(super) struct Segment {
    id: Seg,
    map: MmapMut,
}

/// Why there is no such memory.
#[derive(Debug, thiserror::Error)]
pub(super) enum SharedError {
    /// The way to the server carries no files, or the server has no memory.
    #[error("the X server: {0}")]
    Server(String),
    /// The system does not map it.
    #[error("mapping: {0}")]
    Map(#[from] std::io::Error),
}

impl Segment {
    /// Asks the server for this many bytes.
    pub(super) fn new(desktop: &Desktop, bytes: usize) -> Result<Self, SharedError> {
        let refused = |error: &dyn std::fmt::Display| SharedError::Server(error.to_string());
        let size = u32::try_from(bytes).map_err(|error| refused(&error))?;
        let id = desktop.connection.generate_id().map_err(|error| refused(&error))?;
        let asked = desktop.connection.shm_create_segment(id, size, false).map_err(|error| refused(&error))?;
        let file = File::from(asked.reply().map_err(|error| refused(&error))?.shm_fd);
        // SAFETY: the file is nameless and known to the server and this process only. The server, which every program on
        // the display has to trust, never shortens it and writes to it only while it answers a request of ours, during
        // which no reference to it exists here: `data` borrows the segment, and a request waits for its answer.
        let map = unsafe { MmapOptions::new().len(bytes).map_mut(&file) }?;
        Ok(Self { id, map })
    }

    /// The server's name for it.
    pub(super) fn id(&self) -> Seg {
        self.id
    }

    /// Size in bytes.
    pub(super) fn len(&self) -> usize {
        self.map.len()
    }

    /// What the server wrote.
    pub(super) fn data(&mut self) -> &mut [u8] {
        &mut self.map
    }

    /// Asks the server to release it.
    pub(super) fn detach(self, desktop: &Desktop) {
        // A connection that is gone has let go of everything.
        if let Ok(cookie) = desktop.connection.shm_detach(self.id) {
            cookie.ignore_error();
        }
    }
}

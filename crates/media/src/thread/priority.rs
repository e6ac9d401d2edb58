//! Threads of high priority, for sound: on a busy computer a late block is an audible gap.

use std::thread::JoinHandle;

use crate::error::Error;
use crate::thread::worker;

#[cfg(target_os = "linux")]
#[path = "priority/linux.rs"]
mod platform;

/// Starts a named thread of high priority, which the threads that it starts inherit on Linux: the sound server's client
/// among them. Where the system refuses, it is a thread as any other, and sound is as good as the computer is idle.
/// Elsewhere than on Linux the sound system raises its own threads, and ours keep theirs.
pub(crate) fn spawn(name: &str, body: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, Error> {
    worker::spawn(name, move || {
        #[cfg(target_os = "linux")]
        if let Err(error) = platform::raise() {
            tracing::debug!(error, "a thread of sound has no priority");
        }
        body();
    })
}

//! Starting named threads, and joining them within a time limit.

use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::error::{Error, ErrorKind};

/// Starts a named thread.
pub fn spawn(name: &str, body: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, Error> {
    thread::Builder::new()
        .name(name.to_owned())
        .spawn(body)
        .map_err(|error| Error::with_detail(ErrorKind::Internal, format!("thread {name}: {error}")))
}

/// Waits for threads whose stop flag was raised, off the async threads, at most `limit`. A thread that a driver holds longer
/// ends by itself when the driver lets go.
pub async fn join(threads: Vec<JoinHandle<()>>, limit: Duration) {
    let joined = tokio::task::spawn_blocking(move || {
        let deadline = Instant::now() + limit;
        for thread in threads {
            // std has no join with a timeout, and this runs where blocking is allowed.
            while !thread.is_finished() {
                if Instant::now() >= deadline {
                    return false;
                }
                thread::sleep(Duration::from_millis(1));
            }
            if thread.join().is_err() {
                tracing::error!("a media thread panicked");
            }
        }
        true
    });
    if !matches!(joined.await, Ok(true)) {
        tracing::warn!("a media thread did not end in time");
    }
}

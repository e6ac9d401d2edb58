//! Ending threads: a flag that a sleeping thread notices at once.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use confab_wire::{ErrorCode, UserError};
use tokio::sync::Notify;

/// A flag shared by a thread and its owner.
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<Flag>);

#[derive(Debug, Default)]
struct Flag {
    raised: Mutex<bool>,
    /// For threads that sleep on it.
    changed: Condvar,
    /// For tasks that wait for it.
    told: Notify,
}

impl Stop {
    /// Raises the flag and wakes who sleeps on it.
    pub fn set(&self) {
        *self.0.raised.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.0.changed.notify_all();
        self.0.told.notify_waiters();
    }

    /// True once raised.
    pub fn is_set(&self) -> bool {
        *self.0.raised.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns once raised.
    pub async fn raised(&self) {
        // Made before the look: what is told from now on is not missed.
        let told = self.0.told.notified();
        if !self.is_set() {
            told.await;
        }
    }

    /// Sleeps until `deadline` or until the flag is raised; true if it is.
    pub fn sleep_until(&self, deadline: Instant) -> bool {
        let mut stopped = self.0.raised.lock().unwrap_or_else(PoisonError::into_inner);
        while !*stopped {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            stopped = self.0.changed.wait_timeout(stopped, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }
}

/// Starts a named thread.
pub fn spawn(name: &str, body: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, UserError> {
    thread::Builder::new()
        .name(name.to_owned())
        .spawn(body)
        .map_err(|error| UserError::with_detail(ErrorCode::Internal, format!("thread {name}: {error}")))
}

/// Waits for threads that were told to stop, off the async threads, at most `limit`. A thread that a driver holds longer
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

//! A stop flag that wakes threads which sleep on it and tasks that wait for it.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Instant;

use tokio::sync::Notify;

/// A flag shared by a thread and its owner.
#[derive(Debug, Clone, Default)]
pub struct StopFlag(Arc<Flag>);

#[derive(Debug, Default)]
struct Flag {
    raised: Mutex<bool>,
    /// For threads that sleep on it.
    changed: Condvar,
    /// For tasks that wait for it.
    told: Notify,
}

impl StopFlag {
    /// Raises the flag and wakes all threads and tasks that wait for it.
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
        // Registered before the flag is read: a notification from now on is not missed.
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

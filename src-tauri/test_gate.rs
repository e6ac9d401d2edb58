//! A gate for tests, at which a thread waits as it would for a disk or a system that hangs.

use std::sync::{Arc, Condvar, Mutex};
use tokio::sync::watch;

/// Closed until it is opened or dropped: a runtime that ends waits for its blocking tasks. While one waits at the gate in a
/// blocking task, a paused Tokio clock does not advance by itself.
#[derive(Default)]
pub struct Gate(Waiter);

/// Waits at the gate; cheap to clone.
#[derive(Clone, Default)]
pub struct Waiter(Arc<State>);

#[derive(Default)]
struct State {
    open: Mutex<bool>,
    opened: Condvar,
    waiting: watch::Sender<usize>,
}

impl Waiter {
    /// Blocks until the gate is open.
    pub fn wait(&self) {
        self.0.waiting.send_modify(|waiting| *waiting += 1);
        let open = self.0.open.lock().unwrap();
        drop(self.0.opened.wait_while(open, |open| !*open).unwrap());
        self.0.waiting.send_modify(|waiting| *waiting -= 1);
    }
}

impl Gate {
    /// What waits at this gate.
    pub fn waiter(&self) -> Waiter {
        self.0.clone()
    }

    /// Returns when a thread waits at the gate.
    pub async fn is_waited_at(&self) {
        self.0.0.waiting.subscribe().wait_for(|waiting| *waiting > 0).await.unwrap();
    }

    /// True while a thread waits at the gate.
    pub fn holds(&self) -> bool {
        *self.0.0.waiting.borrow() > 0
    }

    /// Lets all threads through, from now on.
    pub fn open(&self) {
        *self.0.0.open.lock().unwrap() = true;
        self.0.0.opened.notify_all();
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.open();
    }
}

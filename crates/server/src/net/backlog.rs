//! How many bytes wait for one socket.

use super::address::Address;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Counts what is queued for a socket and what is written to its connection. What is written besides (headers, pings) makes
/// it smaller at most to zero, so that it never counts on what was not queued.
pub(crate) struct Backlog {
    bytes: AtomicUsize,
    most: usize,
    address: Arc<Address>,
    most_of_address: usize,
}

impl Backlog {
    pub(crate) fn new(most: usize, address: Arc<Address>, most_of_address: usize) -> Self {
        Self { bytes: AtomicUsize::new(0), most, address, most_of_address }
    }

    pub(super) fn address(&self) -> &Arc<Address> {
        &self.address
    }

    /// Counts `bytes` as queued. False, and they are not counted, if there is no room for them; `reserved` bytes of it are
    /// kept for others.
    pub(crate) fn queue(&self, bytes: usize, reserved: usize) -> bool {
        let add = |most: usize| {
            move |queued: usize| queued.checked_add(bytes).filter(|queued| *queued <= most.saturating_sub(reserved))
        };
        if self.bytes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add(self.most)).is_err() {
            return false;
        }
        let of_address = &self.address.queued;
        let queued = of_address.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add(self.most_of_address)).is_ok();
        if !queued {
            take(&self.bytes, bytes);
        }
        queued
    }

    /// `bytes` were written, or never queued after all.
    pub(crate) fn written(&self, bytes: usize) {
        let taken = take(&self.bytes, bytes);
        take(&self.address.queued, taken);
    }
}

impl Drop for Backlog {
    fn drop(&mut self) {
        self.written(usize::MAX);
    }
}

/// Takes at most `bytes` away and says how many.
fn take(count: &AtomicUsize, bytes: usize) -> usize {
    let less = |held: usize| Some(held.saturating_sub(bytes));
    let held = count.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).unwrap_or_else(|held| held);
    held.min(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::Limits;
    use crate::net::Addresses;

    #[test]
    fn what_waits_is_bounded_for_a_socket_and_for_an_address() {
        let address = Addresses::new(Limits::default()).of([192, 0, 2, 1].into());
        let backlog = || Backlog::new(100, Arc::clone(&address), 150);
        let (one, other) = (backlog(), backlog());
        assert!(one.queue(70, 25) && !one.queue(10, 25) && one.queue(10, 0));
        assert!(other.queue(70, 0) && !other.queue(1, 0), "together they have no more");
        one.written(50);
        assert!(other.queue(30, 0));
        one.written(1_000);
        assert!(one.queue(50, 0), "never less than nothing");
        drop(one);
        drop(other);
        assert_eq!(address.queued.load(Ordering::Relaxed), 0);
    }
}

//! Memory that the server keeps for one address after its message is read.

use super::address::Address;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Bytes that count for an address until this is dropped.
pub(crate) struct Charge {
    address: Arc<Address>,
    bytes: usize,
}

impl Charge {
    /// Counts `bytes` for `address`. None, and they are not counted, if it would have more than `most` then.
    pub(crate) fn new(address: &Arc<Address>, bytes: usize, most: usize) -> Option<Self> {
        let add = |held: usize| held.checked_add(bytes).filter(|held| *held <= most);
        address.kept.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add).ok()?;
        Some(Self { address: Arc::clone(address), bytes })
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.address.kept.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::Limits;
    use crate::net::Addresses;

    #[test]
    fn an_address_has_a_bound_and_gets_back_what_is_dropped() {
        let address = Addresses::new(Limits::default()).of([192, 0, 2, 1].into());
        let charge = |bytes: usize| Charge::new(&address, bytes, 100);
        let first = charge(80).unwrap();
        assert!(charge(21).is_none() && charge(usize::MAX).is_none());
        assert_eq!(first.bytes(), 80);
        drop(first);
        assert!(charge(100).is_some());
    }
}

//! What one address may use of a server: so many connections and sockets at once, and so much in a second.

use crate::limits::Limits;
use crate::sync::lock;
use confab_wire::rate_limit::RateLimiter;
use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

/// Addresses that are remembered before those that are idle are forgotten.
const REMEMBERED: usize = 4_096;

/// What there may be a number of at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A TCP connection.
    Connection,
    /// A connected Socket.IO socket.
    Socket,
    /// The body of a polling request while it is read.
    Body,
}

/// Counts of each [`Kind`].
#[derive(Debug, Default)]
struct Counts([AtomicUsize; 3]);

impl Counts {
    fn add(&self, kind: Kind, most: usize) -> bool {
        let count = &self.0[kind as usize];
        let more = |held: usize| (held < most).then_some(held + 1);
        count.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_ok()
    }

    fn remove(&self, kind: Kind) {
        self.0[kind as usize].fetch_sub(1, Ordering::Relaxed);
    }
}

/// The addresses of clients, and what they use.
pub(crate) struct Addresses {
    limits: Limits,
    all: Counts,
    known: Mutex<HashMap<IpAddr, Arc<Address>>>,
}

impl Addresses {
    pub(crate) fn new(limits: Limits) -> Arc<Self> {
        Arc::new(Self { limits, all: Counts::default(), known: Mutex::default() })
    }

    /// What is known of an address.
    pub(crate) fn of(&self, address: IpAddr) -> Arc<Address> {
        let key = key(address);
        let mut known = lock(&self.known);
        if known.len() >= REMEMBERED && !known.contains_key(&key) {
            let now = Instant::now();
            known.retain(|_, address| Arc::strong_count(address) > 1 || !address.is_rested(now));
        }
        Arc::clone(known.entry(key).or_insert_with(|| Arc::new(Address::new(&self.limits))))
    }

    /// A place for one more, if the server and the address have one.
    pub(crate) fn place(self: &Arc<Self>, address: &Arc<Address>, kind: Kind) -> Option<Place> {
        let (most, most_of_one) = match kind {
            Kind::Connection => (self.limits.connections, self.limits.connections_per_address),
            Kind::Socket => (self.limits.sockets, self.limits.sockets_per_address),
            Kind::Body => (usize::MAX, self.limits.polling_bodies),
        };
        if !address.held.add(kind, most_of_one) {
            return None;
        }
        if !self.all.add(kind, most) {
            address.held.remove(kind);
            return None;
        }
        Some(Place { all: Arc::clone(self), address: Arc::clone(address), kind })
    }
}

/// A network of one customer is one address in IPv6: any host has 2^64 of them.
fn key(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from(u128::from(address) & !u128::from(u64::MAX)).into(),
        address => address,
    }
}

/// One more of a [`Kind`], until it is dropped.
pub(crate) struct Place {
    all: Arc<Addresses>,
    address: Arc<Address>,
    kind: Kind,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.all.all.remove(self.kind);
        self.address.held.remove(self.kind);
    }
}

/// One address.
pub(crate) struct Address {
    held: Counts,
    rates: Mutex<Rates>,
    /// Bytes that wait for all of its sockets.
    pub(super) queued: AtomicUsize,
    /// Bytes that the server keeps for it.
    pub(super) kept: AtomicUsize,
}

struct Rates {
    connects: RateLimiter,
    messages: RateLimiter,
    bytes: RateLimiter,
    used: Instant,
}

impl Address {
    fn new(limits: &Limits) -> Self {
        let shared = |rate: u32| rate.saturating_mul(limits.budgets_per_address);
        let rates = Rates {
            connects: RateLimiter::per_second(limits.connects_per_second, limits.connect_burst),
            messages: RateLimiter::per_second(shared(limits.messages_per_second), shared(limits.message_burst)),
            bytes: RateLimiter::per_second(shared(limits.bytes_per_second), shared(limits.byte_burst)),
            used: Instant::now(),
        };
        Self {
            held: Counts::default(),
            rates: Mutex::new(rates),
            queued: AtomicUsize::new(0),
            kept: AtomicUsize::new(0),
        }
    }

    /// Takes a connect into account. False if it is one too many.
    pub(crate) fn connect(&self, now: Instant) -> bool {
        let mut rates = lock(&self.rates);
        rates.used = now;
        rates.connects.admit(now)
    }

    /// Takes a message of `bytes` into account. False if it is too much.
    pub(crate) fn message(&self, bytes: usize, now: Instant) -> bool {
        let mut rates = lock(&self.rates);
        rates.used = now;
        rates.messages.admit(now) && rates.bytes.take(bytes, now)
    }

    /// True if its limits need not be remembered.
    fn is_rested(&self, now: Instant) -> bool {
        now.saturating_duration_since(lock(&self.rates).used).as_secs() > 60
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(limits: Limits) -> Arc<Addresses> {
        Addresses::new(limits)
    }

    #[test]
    fn places_are_bounded_in_all_and_for_each_and_come_back() {
        let limits = Limits { sockets: 3, sockets_per_address: 2, ..Limits::default() };
        let all = addresses(limits);
        let (one, other) = (all.of([192, 0, 2, 1].into()), all.of([192, 0, 2, 2].into()));
        let held = [(); 2].map(|()| all.place(&one, Kind::Socket).unwrap());
        assert!(all.place(&one, Kind::Socket).is_none(), "its own share");
        let last = all.place(&other, Kind::Socket).unwrap();
        assert!(all.place(&other, Kind::Socket).is_none(), "all together");
        assert!(all.place(&other, Kind::Connection).is_some(), "another kind");
        drop(held);
        assert!(all.place(&one, Kind::Socket).is_some());
        drop(last);
    }

    #[test]
    fn hosts_of_one_ipv6_network_are_one_address() {
        let all = addresses(Limits::default());
        let of = |text: &str| all.of(text.parse().unwrap());
        assert!(Arc::ptr_eq(&of("2001:db8::1"), &of("2001:db8::ffff:1")));
        assert!(!Arc::ptr_eq(&of("2001:db8::1"), &of("2001:db8:0:1::1")));
        assert!(Arc::ptr_eq(&of("192.0.2.1"), &of("::ffff:192.0.2.1")));
    }

    #[test]
    fn addresses_are_forgotten_only_when_they_rest() {
        let all = addresses(Limits::default());
        for number in 0..u32::try_from(REMEMBERED).unwrap() {
            all.of(std::net::Ipv4Addr::from(number).into());
        }
        let busy = all.of([192, 0, 2, 1].into());
        assert!(Arc::ptr_eq(&busy, &all.of([192, 0, 2, 1].into())));
        assert!(lock(&all.known).len() > REMEMBERED, "all of them were used just now");
    }
}

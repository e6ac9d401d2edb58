//! The addresses of this machine, and what it means for a connection when they change.
//!
//! A laptop that leaves one network for another has a new address. Nothing tells the sockets of the old one: a TCP connection
//! repeats itself for minutes, ICE counts its silence (RFC 7675). So the system's messages about addresses and routes
//! (netlink, PF_ROUTE, NotifyUnicastIpAddressChange) are listened to, and each has the list read once for all peers of a
//! socket.
//!
//! `netwatch` hears of routes, too; `if-watch` only of addresses, and so not of an interface that goes down and keeps its
//! address.

use n0_watcher::Watcher;
use netwatch::netmon::Monitor;
use std::collections::BTreeSet;
use std::future::pending;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};

/// How often the addresses are read although no message came: Linux tells nobody on these groups that a cable was pulled out
/// while its address stays.
const INTERVAL: Duration = Duration::from_secs(5);

/// The addresses of the interfaces that are up.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Addresses {
    present: BTreeSet<IpAddr>,
    /// Those that another machine may reach.
    usable: BTreeSet<IpAddr>,
    /// A socket is bound to each usable address, none to a wildcard.
    exact: bool,
}

impl Addresses {
    /// Those of this machine. Fails if the system does not list its interfaces.
    pub fn read() -> io::Result<Self> {
        // A cable that is out, a network that was left: the address may stay on the interface, which is down.
        let up = |interface: &if_addrs::Interface| interface.is_oper_up() || interface.is_loopback();
        Ok(if_addrs::get_if_addrs()?.iter().filter(|interface| up(interface)).map(if_addrs::Interface::ip).collect())
    }

    /// Exactly these, each of which gets a socket of its own, those of loopback, too.
    pub fn exactly(addresses: impl IntoIterator<Item = IpAddr>) -> Self {
        let addresses = BTreeSet::from_iter(addresses);
        Self { present: addresses.clone(), usable: addresses, exact: true }
    }

    /// Where the library is to bind its sockets. Wildcards stand for every interface but loopback. Without any such
    /// interface, two programs on one computer still find each other over loopback.
    pub(crate) fn to_bind(&self) -> Vec<String> {
        if self.exact {
            return self.usable.iter().map(|ip| SocketAddr::new(*ip, 0).to_string()).collect();
        }
        let mut wildcards = Vec::new();
        if self.usable.iter().any(IpAddr::is_ipv4) {
            wildcards.push("0.0.0.0:0".to_owned());
        }
        if self.usable.iter().any(IpAddr::is_ipv6) {
            wildcards.push("[::]:0".to_owned());
        }
        if wildcards.is_empty() {
            wildcards.push("127.0.0.1:0".to_owned());
            if self.present.iter().any(|ip| ip.is_ipv6() && ip.is_loopback()) {
                wildcards.push("[::1]:0".to_owned());
            }
        }
        wildcards
    }

    /// The first usable address of the same family as `like`.
    pub(crate) fn first_like(&self, like: IpAddr) -> Option<IpAddr> {
        self.usable.iter().find(|ip| ip.is_ipv4() == like.is_ipv4()).copied()
    }

    /// True if a connection that uses the address `used` of this machine can't go on, and another one could do better.
    /// Without any address there is nothing to do but wait.
    pub fn strand(&self, used: IpAddr) -> bool {
        !self.usable.is_empty() && !self.present.contains(&used)
    }

    /// The same of a connection of which is known only what it may use (its path goes over a relay, for example): the
    /// addresses `bound` that there were when it was made.
    pub(crate) fn strand_all(&self, bound: &Self) -> bool {
        !self.usable.is_empty() && !bound.usable.is_empty() && bound.usable.is_disjoint(&self.usable)
    }
}

impl FromIterator<IpAddr> for Addresses {
    fn from_iter<I: IntoIterator<Item = IpAddr>>(addresses: I) -> Self {
        let present: BTreeSet<IpAddr> = addresses.into_iter().collect();
        let usable = present.iter().copied().filter(is_usable).collect();
        Self { present, usable, exact: false }
    }
}

fn is_usable(ip: &IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => !ip.is_loopback() && !ip.is_link_local() && !ip.is_unspecified(),
        IpAddr::V6(ip) => !ip.is_loopback() && !ip.is_unicast_link_local() && !ip.is_unspecified(),
    }
}

/// The addresses of this machine from now on, as long as somebody wants to know. Needs a tokio runtime.
pub fn watch() -> watch::Receiver<Addresses> {
    let first = Addresses::read().unwrap_or_else(|error| {
        tracing::warn!(%error, "the network interfaces can't be listed: a change of networks will be noticed late");
        Addresses::default()
    });
    let (sender, receiver) = watch::channel(first);
    tokio::spawn(follow(sender));
    receiver
}

/// Reads the addresses when the system says that they may have changed, until nobody wants them.
async fn follow(addresses: watch::Sender<Addresses>) {
    let monitor = Monitor::new().await.inspect_err(|error| {
        tracing::warn!(%error, "the system does not tell of changes of its addresses: they are noticed late");
    });
    let mut changes = monitor.as_ref().ok().map(Monitor::interface_state);
    let mut ticks = interval(INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let changed = async {
            match &mut changes {
                Some(changes) => changes.updated().await.is_ok(),
                None => pending().await,
            }
        };
        tokio::select! {
            () = addresses.closed() => return,
            alive = changed => if !alive {
                changes = None;
            },
            _ = ticks.tick() => {}
        }
        match Addresses::read() {
            Ok(now) => {
                addresses.send_if_modified(|known| {
                    let changed = *known != now;
                    if changed {
                        *known = now;
                    }
                    changed
                });
            }
            Err(error) => tracing::debug!(%error, "the network interfaces can't be listed"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(list: &[&str]) -> Addresses {
        list.iter().map(|ip| ip.parse::<IpAddr>().unwrap()).collect()
    }

    #[test]
    fn loopback_is_used_only_when_there_is_nothing_else() {
        let bound = |list| addresses(list).to_bind();
        assert_eq!(bound(&["127.0.0.1", "192.168.1.5"]), ["0.0.0.0:0"]);
        assert_eq!(bound(&["127.0.0.1", "::1", "fd00::1", "10.0.0.1", "fe80::1"]), ["0.0.0.0:0", "[::]:0"]);
        assert_eq!(bound(&["127.0.0.1", "::1", "fe80::1", "169.254.3.4"]), ["127.0.0.1:0", "[::1]:0"]);
        assert_eq!(bound(&[]), ["127.0.0.1:0"]);
    }

    #[test]
    fn a_connection_is_stranded_when_its_own_address_is_gone() {
        let strands = |used: &str, now: &[&str]| addresses(now).strand(used.parse().unwrap());
        // Another network took over; the other interface stays.
        assert!(strands("192.168.1.5", &["127.0.0.1", "172.20.0.9"]));
        assert!(strands("192.168.1.5", &["127.0.0.1", "10.8.0.1"]));
        // A VPN or a second network came or went.
        assert!(!strands("192.168.1.5", &["127.0.0.1", "192.168.1.5", "10.9.0.1"]));
        assert!(!strands("192.168.1.5", &["127.0.0.1", "192.168.1.5"]));
        // There is nothing to go to.
        assert!(!strands("192.168.1.5", &["127.0.0.1", "fe80::1"]));
        assert!(!strands("192.168.1.5", &[]));
        // On this computer the network does not matter.
        assert!(!strands("127.0.0.1", &["127.0.0.1", "172.20.0.9"]));
    }

    #[test]
    fn of_an_unknown_address_nothing_must_be_left() {
        let before = addresses(&["192.168.1.5", "10.8.0.1"]);
        let strands = |now: &[&str]| addresses(now).strand_all(&before);
        assert!(strands(&["172.20.0.9"]));
        assert!(!strands(&["172.20.0.9", "10.8.0.1"]));
        assert!(!strands(&["127.0.0.1"]));
        // Made while there was none: what it uses was never seen.
        assert!(!addresses(&["172.20.0.9"]).strand_all(&addresses(&["127.0.0.1"])));
    }

    #[tokio::test]
    async fn the_reading_ends_when_nobody_wants_it() {
        let (sender, receiver) = watch::channel(Addresses::default());
        let reading = tokio::spawn(follow(sender));
        drop(receiver);
        reading.await.unwrap();
    }
}

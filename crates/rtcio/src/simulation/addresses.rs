//! Where the members of a world are.

use super::World;
use confab_transport::addresses::Addresses;
use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Mutex;
use tokio::sync::watch;
use url::Url;

/// The address of each member, by the host name with which it calls the server; that of loopback unless told otherwise.
#[derive(Debug, Default)]
pub(super) struct Homes {
    homes: Mutex<HashMap<String, Home>>,
}

#[derive(Debug)]
struct Home {
    address: IpAddr,
    told: watch::Sender<Addresses>,
}

impl Homes {
    fn home<T>(&self, host: &str, with: impl FnOnce(&mut Home) -> T) -> T {
        let address = Ipv4Addr::LOCALHOST.into();
        let told = || watch::Sender::new(Addresses::exactly([address]));
        with(self.homes.lock().unwrap().entry(host.to_owned()).or_insert_with(|| Home { address, told: told() }))
    }
}

impl World {
    /// The member `host` is at `address`. Returns where it was.
    pub(super) fn settle(&self, host: &str, address: Ipv4Addr) -> IpAddr {
        self.homes.home(host, |home| {
            home.told.send_replace(Addresses::exactly([address.into()]));
            std::mem::replace(&mut home.address, address.into())
        })
    }

    /// The member `host` has the address `further`, too.
    pub(super) fn join_network(&self, host: &str, further: Ipv4Addr) {
        self.homes.home(host, |home| {
            home.told.send_replace(Addresses::exactly([home.address, further.into()]));
        });
    }

    /// The member `host` goes to another network. All that it had on the old one is dead, and nobody is told so.
    pub(super) fn move_to(&self, host: &str, address: Ipv4Addr) {
        self.server.strand(host);
        let left = self.settle(host, address);
        self.network.leave(left);
    }
}

/// The addresses of the member that calls the server at `url`, if there is a world in this thread.
pub(crate) fn addresses(url: &Url) -> Option<watch::Receiver<Addresses>> {
    Some(World::current()?.homes.home(url.host_str()?, |home| home.told.subscribe()))
}

/// The address from which this member calls the server.
pub(crate) fn local(url: &Url) -> Option<IpAddr> {
    Some(World::current()?.homes.home(url.host_str()?, |home| home.address))
}

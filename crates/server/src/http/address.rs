//! Under which of this computer's addresses others can reach it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// Name prefixes of interfaces that lead to containers and virtual machines on this computer only.
const BRIDGES: &[&str] = &[
    "docker",
    "br-",
    "veth",
    "virbr",
    "vmnet",
    "vboxnet",
    "vethernet",
    "cni",
    "flannel",
    "podman",
    "lxc",
    "lxd",
    "cali",
    "kube",
];

/// Name prefixes of tunnels: reachable by those in the same VPN.
const TUNNELS: &[&str] = &["tun", "tap", "wg", "tailscale", "zt", "utun", "ppp", "nordlynx"];

/// Addresses of this computer's interfaces, as `(interface name, address)`.
pub(crate) fn interfaces() -> Vec<(String, IpAddr)> {
    match if_addrs::get_if_addrs() {
        Ok(interfaces) => interfaces.into_iter().map(|interface| (interface.name.clone(), interface.ip())).collect(),
        Err(error) => {
            tracing::warn!(%error, "the network interfaces cannot be listed");
            Vec::new()
        }
    }
}

/// The addresses under which a server that listens on `local` can be reached, the most useful for others first: the
/// LAN, then public addresses, VPNs, bridges to containers, and this computer alone last.
pub(crate) fn reachable(local: SocketAddr, interfaces: &[(String, IpAddr)]) -> Vec<SocketAddr> {
    if !local.ip().is_unspecified() {
        return vec![local];
    }
    let mut found: Vec<(u8, IpAddr)> = interfaces
        .iter()
        .filter(|(_, ip)| local.is_ipv6() || ip.is_ipv4())
        .filter_map(|(name, ip)| Some((rank(name, *ip)?, *ip)))
        .collect();
    found.sort();
    found.dedup();
    if found.is_empty() {
        found.push((0, Ipv4Addr::LOCALHOST.into()));
    }
    found.into_iter().map(|(_, ip)| SocketAddr::new(ip, local.port())).collect()
}

/// Lower is better; `None` is of no use in a link.
fn rank(name: &str, ip: IpAddr) -> Option<u8> {
    let name = name.to_ascii_lowercase();
    let is = |prefixes: &[&str]| prefixes.iter().any(|prefix| name.starts_with(prefix));
    let rank = match ip {
        ip if ip.is_loopback() => 80,
        ip if ip.is_unspecified() || ip.is_multicast() => return None,
        // 169.254.0.0/16 works between two computers on one cable.
        IpAddr::V4(ip) if ip.is_link_local() => 30,
        IpAddr::V4(ip) if ip.is_private() => 0,
        IpAddr::V4(_) => 10,
        // fe80::/10 needs a zone, which no link can carry.
        IpAddr::V6(ip) if ip.segments()[0] & 0xffc0 == 0xfe80 => return None,
        IpAddr::V6(_) => 20,
    };
    if ip.is_loopback() {
        return Some(rank);
    }
    Some(rank + if is(BRIDGES) { 40 } else { 0 } + if is(TUNNELS) { 20 } else { 0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(listen: &str, interfaces: &[(&str, &str)]) -> Vec<String> {
        let interfaces: Vec<_> =
            interfaces.iter().map(|(name, ip)| ((*name).to_owned(), ip.parse().unwrap())).collect();
        reachable(listen.parse().unwrap(), &interfaces).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_lan_comes_before_bridges_and_loopback_last() {
        let interfaces = [
            ("lo", "127.0.0.1"),
            ("docker0", "172.17.0.1"),
            ("wg0", "10.8.0.2"),
            ("eth1", "203.0.113.9"),
            ("wlan0", "192.168.1.20"),
            ("wlan0", "fe80::1"),
            ("wlan0", "2001:db8::1"),
        ];
        assert_eq!(
            found("0.0.0.0:7420", &interfaces),
            ["192.168.1.20:7420", "203.0.113.9:7420", "10.8.0.2:7420", "172.17.0.1:7420", "127.0.0.1:7420"]
        );
        assert_eq!(found("[::]:1", &interfaces).iter().filter(|address| address.starts_with('[')).count(), 1);
    }

    #[test]
    fn a_server_on_one_address_is_reached_there() {
        assert_eq!(found("127.0.0.1:9", &[("eth0", "192.168.1.2")]), ["127.0.0.1:9"]);
        assert_eq!(found("0.0.0.0:9", &[]), ["127.0.0.1:9"]);
    }
}

//! Which address a client has behind a reverse proxy.

use axum::http::HeaderMap;
use ipnet::IpNet;
use std::net::IpAddr;

/// Header in which a reverse proxy names the client.
const FORWARDED_FOR: &str = "x-forwarded-for";

/// The client of a request that came from `remote`: what a trusted proxy says, or `remote` itself. Of a list the last
/// address counts that is no trusted proxy's, since each proxy adds the one that it saw at the end.
pub(crate) fn forwarded_for(remote: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let trusts = |address: &IpAddr| trusted.iter().any(|net| net.contains(address));
    if !trusts(&remote) {
        return remote;
    }
    let lists = headers.get_all(FORWARDED_FOR).into_iter().filter_map(|value| value.to_str().ok());
    let mut named: Vec<&str> = lists.flat_map(|list| list.split(',')).collect();
    let mut client = remote;
    while let Some(text) = named.pop() {
        // A word that is no address ends what can be believed.
        let Some(address) = parse(text.trim()) else { break };
        client = address;
        if !trusts(&address) {
            break;
        }
    }
    client
}

/// An address, with or without a port.
fn parse(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    bare.parse::<IpAddr>().or_else(|_| text.parse::<std::net::SocketAddr>().map(|address| address.ip())).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(remote: &str, lists: &[&'static str], trusted: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for list in lists {
            headers.append(FORWARDED_FOR, list.parse().unwrap());
        }
        let trusted: Vec<IpNet> = trusted.iter().map(|net| net.parse().unwrap()).collect();
        forwarded_for(remote.parse().unwrap(), &headers, &trusted).to_string()
    }

    #[test]
    fn only_trusted_proxies_name_a_client() {
        assert_eq!(client("203.0.113.1", &["192.0.2.1"], &["127.0.0.0/8"]), "203.0.113.1");
        assert_eq!(client("127.0.0.1", &["192.0.2.1"], &[]), "127.0.0.1");
        assert_eq!(client("127.0.0.1", &["192.0.2.1"], &["127.0.0.0/8"]), "192.0.2.1");
        assert_eq!(client("127.0.0.1", &[], &["127.0.0.0/8"]), "127.0.0.1");
    }

    #[test]
    fn what_a_client_says_of_itself_is_not_believed() {
        // The client wrote the first, the proxy added what it saw.
        assert_eq!(client("127.0.0.1", &["198.51.100.7, 192.0.2.1"], &["127.0.0.0/8"]), "192.0.2.1");
        assert_eq!(client("127.0.0.1", &["198.51.100.7", "192.0.2.1"], &["127.0.0.0/8"]), "192.0.2.1");
        assert_eq!(client("127.0.0.1", &["192.0.2.1, 10.0.0.2"], &["127.0.0.0/8", "10.0.0.0/8"]), "192.0.2.1");
        assert_eq!(client("127.0.0.1", &["192.0.2.1, rubbish"], &["127.0.0.0/8"]), "127.0.0.1");
        assert_eq!(client("127.0.0.1", &["[2001:db8::1]:443"], &["127.0.0.0/8"]), "2001:db8::1");
    }
}

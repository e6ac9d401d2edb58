//! Where a PeerServer is.

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

/// What is encoded in a path or a query, beside what is not ASCII.
const ENCODED: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'&')
    .add(b'+')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'=')
    .add(b'\'');
/// What PeerJS says of itself. Servers ignore it.
const VERSION: &str = "1.5.5";

/// A PeerServer and the key for it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) host: String,
    pub(crate) port: u16,
    /// Begins and ends with a slash.
    path: String,
    pub(crate) secure: bool,
    pub(crate) key: String,
    /// Roots beside those of the system, as PEM.
    pub(crate) roots: Vec<Vec<u8>>,
}

impl Default for Address {
    /// The project's public server.
    fn default() -> Self {
        Self {
            host: "0.peerjs.com".to_owned(),
            port: 443,
            path: "/".to_owned(),
            secure: true,
            key: "peerjs".to_owned(),
            roots: Vec::new(),
        }
    }
}

impl Address {
    /// PeerJS adds the slashes that are missing, too.
    pub(crate) fn set_path(&mut self, path: &str) {
        let inner = path.trim_matches('/');
        self.path = if inner.is_empty() { "/".to_owned() } else { format!("/{inner}/") };
    }

    /// `host:port`, as in a URL.
    pub(crate) fn authority(&self) -> String {
        let is_v6 = self.host.contains(':') && !self.host.starts_with('[');
        if is_v6 { format!("[{}]:{}", self.host, self.port) } else { format!("{}:{}", self.host, self.port) }
    }

    /// Path of an HTTP method of the server (`id`, `peers`).
    pub(crate) fn method(&self, method: &str) -> String {
        let path = self.path.split('/').map(encoded).collect::<Vec<_>>().join("/");
        format!("{path}{}/{method}?version={VERSION}", encoded(&self.key))
    }

    /// URL of the WebSocket.
    pub(crate) fn socket(&self, id: &str, token: &str) -> String {
        let scheme = if self.secure { "wss" } else { "ws" };
        let path = self.path.split('/').map(encoded).collect::<Vec<_>>().join("/");
        let (key, id, token) = (encoded(&self.key), encoded(id), encoded(token));
        let authority = self.authority();
        format!("{scheme}://{authority}{path}peerjs?key={key}&id={id}&token={token}&version={VERSION}")
    }
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, ENCODED).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_those_of_the_server() {
        let mut address = Address { host: "::1".to_owned(), port: 9000, secure: false, ..Address::default() };
        for path in ["", "/", "//"] {
            address.set_path(path);
            assert_eq!(address.method("id"), "/peerjs/id?version=1.5.5");
        }
        address.set_path("my app");
        assert_eq!(address.method("peers"), "/my%20app/peerjs/peers?version=1.5.5");
        assert_eq!(
            address.socket("a b", "t&"),
            "ws://[::1]:9000/my%20app/peerjs?key=peerjs&id=a%20b&token=t%26&version=1.5.5"
        );
        assert!(Address::default().socket("a", "t").starts_with("wss://0.peerjs.com:443/peerjs?"));
    }
}

//! What the PeerServer can be told.

use std::time::Duration;

/// The PeerServer: what clients of PeerJS connect to. Times and names are those of npm's `peer`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerServerConfig {
    /// Where it is: a client's `path`. It begins and ends with `/`, and is not the root.
    pub path: String,
    /// A client's `key`. It is no secret: every page that uses the server has it.
    pub key: String,
    /// Answer who is connected.
    pub allow_discovery: bool,
    /// Clients connected at once.
    pub concurrent_limit: usize,
    /// How long a client may go without a heartbeat.
    pub alive_timeout: Duration,
    /// How long messages wait for somebody who is not connected.
    pub expire_timeout: Duration,
}

/// First parts of paths that are something else here.
const TAKEN: &[&str] = &["socket.io", "healthz", "r", "v1"];

impl Default for PeerServerConfig {
    fn default() -> Self {
        Self {
            path: "/peerjs/".into(),
            key: "peerjs".into(),
            allow_discovery: false,
            concurrent_limit: 5_000,
            alive_timeout: Duration::from_secs(90),
            expire_timeout: Duration::from_secs(5),
        }
    }
}

impl PeerServerConfig {
    /// A path as it is written here: with a `/` at both ends, however it is given.
    pub fn normalized_path(path: &str) -> String {
        format!("/{}/", path.trim_matches('/'))
    }

    /// True if nothing else is at its path, and a path may look like that.
    pub(crate) fn has_good_path(&self) -> bool {
        let inner = self.path.strip_prefix('/').and_then(|path| path.strip_suffix('/'));
        let plain = |part: &str| {
            let known = |c: char| c.is_ascii_alphanumeric() || "-_.~".contains(c);
            !part.is_empty() && part != "." && part != ".." && part.chars().all(known)
        };
        inner.is_some_and(|inner| {
            inner.split('/').all(plain) && !inner.split('/').next().is_some_and(|first| TAKEN.contains(&first))
        })
    }
}

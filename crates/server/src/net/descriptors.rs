//! How many file descriptors the process may have: each TCP connection is one.

/// Descriptors that are left for everything that is no connection of a client.
const RESERVED: u64 = 128;

/// Raises the number of descriptors that the process may have (`RLIMIT_NOFILE`, soft) to what it may raise it to.
#[cfg(unix)]
pub fn raise_descriptor_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    if limit.current == limit.maximum {
        return;
    }
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum }) {
        tracing::debug!(%error, "the number of descriptors cannot be raised");
    }
}

/// Nothing bounds them here.
#[cfg(not(unix))]
pub fn raise_descriptor_limit() {}

/// How many descriptors there are for connections of clients.
#[cfg(unix)]
pub(crate) fn usable_descriptors() -> usize {
    let most = rustix::process::getrlimit(rustix::process::Resource::Nofile).current.unwrap_or(u64::MAX);
    // Of a small number half is left.
    usize::try_from(most.saturating_sub(RESERVED).max(most / 2)).unwrap_or(usize::MAX)
}

/// How many descriptors there are for connections of clients.
#[cfg(not(unix))]
pub(crate) fn usable_descriptors() -> usize {
    usize::MAX
}

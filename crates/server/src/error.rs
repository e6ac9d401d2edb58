//! Errors of the server.

use crate::check::ConfigError;
use std::io;
use std::net::SocketAddr;

/// Why a server does not listen.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BindError {
    /// The configuration is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The port is taken, and [`ServerConfig::fallback_ports`](crate::ServerConfig::fallback_ports) is off or none of them
    /// is free.
    #[error("the port is in use: {address}: {error}")]
    PortInUse {
        /// What was to be listened on.
        address: SocketAddr,
        /// What the system says.
        error: io::Error,
    },
    /// The address is not this computer's, or may not be used.
    #[error("the address can't be listened on: {address}: {error}")]
    Listen {
        /// What was to be listened on.
        address: SocketAddr,
        /// What the system says.
        error: io::Error,
    },
}

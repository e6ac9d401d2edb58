//! What the program can be told about its PeerServer.

use clap::Args;
use confab_server::PeerServerConfig;
use std::time::Duration;

#[derive(Debug, Args)]
#[command(next_help_heading = "PeerJS")]
pub struct PeerServerArguments {
    /// No PeerServer.
    #[arg(long)]
    no_peerjs: bool,
    /// Where the PeerServer is: the path that clients of PeerJS are given.
    #[arg(long, value_name = "PATH", default_value = "/peerjs")]
    peerjs_path: String,
    /// Key that clients of PeerJS have to name. Every page shows it.
    #[arg(long, value_name = "KEY", default_value = "peerjs")]
    peerjs_key: String,
    /// Tell everybody the ids of all who are connected.
    #[arg(long)]
    peerjs_discovery: bool,
    /// Clients of PeerJS that are connected at once.
    #[arg(long, value_name = "NUMBER", default_value_t = 5_000)]
    peerjs_concurrent_limit: usize,
    /// How long a client of PeerJS may go without a heartbeat, in milliseconds.
    #[arg(long, value_name = "MS", default_value_t = 90_000, value_parser = clap::value_parser!(u64).range(1_000..))]
    peerjs_alive_timeout: u64,
    /// How long messages wait for somebody who is not connected, in milliseconds.
    #[arg(long, value_name = "MS", default_value_t = 5_000, value_parser = clap::value_parser!(u64).range(100..=600_000))]
    peerjs_expire_timeout: u64,
}

impl PeerServerArguments {
    /// What they mean for the server.
    pub fn config(self) -> Option<PeerServerConfig> {
        (!self.no_peerjs).then(|| PeerServerConfig {
            path: PeerServerConfig::normalized_path(&self.peerjs_path),
            key: self.peerjs_key,
            allow_discovery: self.peerjs_discovery,
            concurrent_limit: self.peerjs_concurrent_limit,
            alive_timeout: Duration::from_millis(self.peerjs_alive_timeout),
            expire_timeout: Duration::from_millis(self.peerjs_expire_timeout),
        })
    }
}

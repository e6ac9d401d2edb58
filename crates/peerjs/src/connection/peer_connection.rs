//! The WebRTC connection under a PeerJS connection.

use super::link::Link;
use confab_transport::stats::PeerStats;
use confab_transport::{ConnectionCommand, RemotePeer};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::timeout;

/// How long statistics may take.
const STATS_TIMEOUT: Duration = Duration::from_secs(2);

/// The WebRTC connection under a connection (`peerConnection` of PeerJS).
#[derive(Debug, Clone)]
pub struct PeerConnection {
    link: Arc<Link>,
}

impl PeerConnection {
    pub(super) fn new(link: &Arc<Link>) -> Self {
        Self { link: Arc::clone(link) }
    }

    /// The remote: its state, its events, and the bound of what is sent to it.
    pub fn remote(&self) -> &RemotePeer {
        self.link.remote.peer()
    }

    /// Everything known about the connection (`getStats`, W3C webrtc-stats). `None` if it is over, or does not answer within
    /// two seconds.
    pub async fn stats(&self) -> Option<PeerStats> {
        let (reply, answer) = oneshot::channel();
        self.link.command(ConnectionCommand::Stats(reply));
        timeout(STATS_TIMEOUT, answer).await.ok()?.ok()
    }
}

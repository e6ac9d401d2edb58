//! Statistics of a socket's peers.

use super::handle::{STATS_TIMEOUT, Socket};
use crate::peer::Command;
use confab_transport::ConnectionCommand;
use confab_transport::stats::{IceCandidateStats, PeerStats, SessionStats};
use tokio::sync::oneshot;
use tokio::time::timeout;

impl Socket {
    /// Everything known about the connection to a peer, grouped by W3C type (`socket.getStats` of rtc.io). `None` if the
    /// peer is not known, or does not answer within two seconds. It is read anew each time: once a second is fine, once a
    /// frame is not.
    pub async fn get_stats(&self, peer: &str) -> Option<PeerStats> {
        let (reply, answer) = oneshot::channel();
        self.shared.peer(peer)?.commands.try_send(Command::Connection(ConnectionCommand::Stats(reply))).ok()?;
        timeout(STATS_TIMEOUT, answer).await.ok()?.ok()
    }

    /// A summary of the connection to a peer (`socket.getSessionStats` of rtc.io). `None` as [`Socket::get_stats`].
    pub async fn get_session_stats(&self, peer: &str) -> Option<SessionStats> {
        self.get_stats(peer).await.map(Into::into)
    }

    /// The candidates of the connection to a peer and the path that was chosen (`socket.getIceCandidateStats` of
    /// rtc.io). `None` as [`Socket::get_stats`].
    pub async fn get_ice_candidate_stats(&self, peer: &str) -> Option<IceCandidateStats> {
        self.get_stats(peer).await.map(Into::into)
    }
}

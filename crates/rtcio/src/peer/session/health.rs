//! What is done while a connection stands, falls or does not come about.

use super::Session;
use crate::RemotePeerState;
use crate::peer::plan::{End, Opening};
use crate::peer::watchdog::Health;
use crate::signaling;
use confab_ipc::PeerState;
use confab_wire::signaling::Signal;
use tokio::time::Instant;
use webrtc::peer_connection::RTCPeerConnectionState;

impl Session<'_> {
    pub(super) async fn state_changed(&mut self) -> Option<End> {
        let state = *self.connection.state.borrow_and_update();
        tracing::debug!(%state, "connection");
        let now = Instant::now();
        match state {
            RTCPeerConnectionState::Connected => {
                self.watch.changed(Health::Healthy, now);
                self.negotiation.healthy();
                self.stood = true;
                self.outbound.refresh(true).await;
                self.context.remote.set_state(RemotePeerState::Connected);
                self.set_state(PeerState::Connected).await;
            }
            RTCPeerConnectionState::Disconnected | RTCPeerConnectionState::Failed => {
                self.watch.changed(Health::Unhealthy, now);
                self.context.remote.reconnecting();
                if state == RTCPeerConnectionState::Failed {
                    let end = self.negotiation.failed(self.signaling_up, now).await;
                    if end.is_some() {
                        return end;
                    }
                } else {
                    // Where the server is silent, too, nobody hears of a restart of ICE, and the old path, which the library
                    // gives up for it, may be back any moment: then it is not restarted.
                    self.context.shared.signaling.send_now(signaling::Command::Doubt);
                    self.negotiation.disconnected(self.context.shared.watchdog.timeout, now);
                }
                if self.state == PeerState::Connected {
                    self.set_state(PeerState::Reconnecting).await;
                }
            }
            RTCPeerConnectionState::Closed => return Some(End::Lost { orderly: false }),
            _ => self.watch.changed(Health::Pending, now),
        }
        None
    }

    /// Does what is due about an unhealthy or unanswered connection.
    pub(super) async fn heal(&mut self) -> Option<End> {
        let end = self.negotiation.heal(self.watch.is_healthy(), Instant::now()).await;
        self.say().await;
        end
    }

    /// This machine moved to another network: a new connection, at once. The other side takes it though it has not noticed
    /// anything yet; only a stock peer would not, and waits for its own watchdog.
    pub(super) async fn moved(&mut self) -> Option<End> {
        // Without signaling there is no other connection; it is asked again when that is back.
        if !self.ours || !self.signaling_up || !self.connection.is_stranded(&self.context.shared.addresses()).await {
            return None;
        }
        tracing::info!("the address of the connection is gone");
        self.context.remote.reconnecting();
        if self.state == PeerState::Connected {
            self.set_state(PeerState::Reconnecting).await;
        }
        Some(End::Again { opening: Opening::Insist, offer: None })
    }

    /// Offers and candidates of an outage were dropped: what still matters is said again.
    pub(super) async fn signaling_changed(&mut self, up: bool) -> Option<End> {
        self.signaling_up = up;
        if !up {
            self.negotiation.signaling_lost();
            return None;
        }
        let end = self.moved().await;
        if end.is_some() {
            return end;
        }
        self.negotiation.signaling_back(self.watch.is_unhealthy(), Instant::now()).await;
        self.say().await;
        for mid in self.inbound.unknown() {
            self.context.relay(Signal::StreamQuery { mid }).await;
        }
        None
    }
}

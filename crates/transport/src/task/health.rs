//! What is done while a connection stands, falls or does not come about.

use super::ConnectionTask;
use crate::attempt::Ending;
use crate::event::{ConnectionEvent, ConnectionState};
use crate::health::Health;
use crate::options::Role;
use crate::remote_peer::RemotePeerState;
use tokio::time::Instant;
use webrtc::peer_connection::RTCPeerConnectionState;

impl ConnectionTask<'_> {
    pub(super) async fn state_changed(&mut self) -> Option<Ending> {
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
                self.set_state(ConnectionState::Connected).await;
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
                    self.emit(ConnectionEvent::PathSilent).await;
                    self.negotiation.disconnected(self.context.endpoint.watchdog.timeout, now);
                }
                if self.state == ConnectionState::Connected {
                    self.set_state(ConnectionState::Reconnecting).await;
                }
            }
            RTCPeerConnectionState::Closed => return Some(Ending::Lost { orderly: false }),
            _ => self.watch.changed(Health::Pending, now),
        }
        None
    }

    /// Does what is due about an unhealthy or unanswered connection.
    pub(super) async fn heal(&mut self) -> Option<Ending> {
        let end = self.negotiation.heal(self.watch.is_healthy(), Instant::now()).await;
        self.send_descriptions().await;
        end
    }

    /// This machine moved to another network: a new connection, at once. The other side takes it though it has not noticed
    /// anything yet; only a stock peer would not, and waits for its own watchdog.
    pub(super) async fn addresses_changed(&mut self) -> Option<Ending> {
        // Without signaling there is no other connection; it is asked again when that is back.
        if !self.ours || !self.signaling_up {
            return None;
        }
        let addresses = self.context.endpoint.addresses.borrow().clone();
        if !self.connection.is_stranded(&addresses).await {
            return None;
        }
        tracing::info!("the address of the connection is gone");
        self.context.remote.reconnecting();
        if self.state == ConnectionState::Connected {
            self.set_state(ConnectionState::Reconnecting).await;
        }
        Some(Ending::Again { role: Role::Reconnector, offer: None })
    }

    /// Offers and candidates of an outage were dropped: what still matters is sent again.
    pub(super) async fn signaling_changed(&mut self, up: bool) -> Option<Ending> {
        self.signaling_up = up;
        if !up {
            self.negotiation.signaling_lost();
            return None;
        }
        let end = self.addresses_changed().await;
        if end.is_some() {
            return end;
        }
        self.negotiation.signaling_back(self.watch.is_unhealthy(), Instant::now()).await;
        self.send_descriptions().await;
        None
    }
}

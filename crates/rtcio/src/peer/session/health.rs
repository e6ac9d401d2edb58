//! What is done while a connection stands, falls or does not come about.

use super::{End, Session};
use crate::RemotePeerState;
use crate::peer::Opening;
use crate::peer::healing::Remedy;
use crate::peer::watchdog::Health;
use confab_protocol::ipc::PeerState;
use confab_protocol::signaling::Signal;
use std::time::Duration;
use tokio::time::Instant;
use webrtc::peer_connection::RTCPeerConnectionState;

/// How long an offer may wait for its answer before a dead connection is offered anew.
const STALE_OFFER: Duration = Duration::from_secs(5);

impl Session<'_> {
    pub(super) async fn state_changed(&mut self) -> Option<End> {
        let state = *self.connection.state.borrow_and_update();
        tracing::debug!(%state, "connection");
        let now = Instant::now();
        match state {
            RTCPeerConnectionState::Connected => {
                self.watch.changed(Health::Healthy, now);
                self.healing.healthy();
                self.stood = true;
                self.outbound.refresh(true).await;
                self.context.remote.set_state(RemotePeerState::Connected);
                self.set_state(PeerState::Connected).await;
            }
            RTCPeerConnectionState::Disconnected | RTCPeerConnectionState::Failed => {
                self.watch.changed(Health::Unhealthy, now);
                self.context.remote.reconnecting();
                if state == RTCPeerConnectionState::Failed {
                    if self.healing.is_restarted() && !self.negotiation.is_offering() && self.signaling_up {
                        tracing::info!("the restart of ICE was answered, and did not help");
                        return Some(End::Lost { orderly: false });
                    }
                    self.restart_ice().await;
                } else {
                    let polite = self.context.remote.polite();
                    self.healing.unhealthy(self.context.shared.watchdog.timeout, polite, now);
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

    /// The path is dead: a new offer with new ICE credentials.
    pub(super) async fn restart_ice(&mut self) {
        if self.negotiation.is_offering() && self.offered_at.elapsed() > STALE_OFFER {
            self.roll_back().await;
        }
        self.negotiation.need_ice_restart();
        // Not of a path that still stands: a relay that is lost is no reason to lose the connection.
        if !self.watch.is_healthy() {
            self.healing.restarted(Instant::now());
        }
    }

    /// Does what is due about an unhealthy or unanswered connection.
    pub(super) async fn heal(&mut self) -> Option<End> {
        while let Some(remedy) = self.healing.due(Instant::now()) {
            tracing::debug!(?remedy, "healing");
            match remedy {
                Remedy::Restart => self.restart_ice().await,
                Remedy::Replace => return Some(End::Lost { orderly: false }),
                Remedy::Repeat => self.repeat_offer().await,
                Remedy::Yield(offer) => return Some(End::Again { opening: Opening::Answer, offer: Some(offer) }),
            }
        }
        None
    }

    /// Offers and candidates of an outage were dropped: what still matters is said again.
    pub(super) async fn signaling_changed(&mut self, up: bool) {
        self.signaling_up = up;
        self.healing.forget_restart();
        if !up {
            return;
        }
        if self.watch.is_unhealthy() {
            if self.negotiation.is_offering() {
                self.roll_back().await;
            }
            self.negotiation.need_ice_restart();
            self.healing.restarted(Instant::now());
        } else {
            self.repeat_offer().await;
        }
        for mid in self.inbound.unknown() {
            self.context.relay(Signal::StreamQuery { mid }).await;
        }
    }
}

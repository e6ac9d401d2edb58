//! What becomes of descriptions: those that the negotiation makes, and those of the peer.

use super::Session;
use crate::RemotePeerEvent;
use crate::peer::negotiation::Outcome;
use crate::peer::plan::End;
use crate::peer::sdp;
use confab_ipc::PeerState;
use confab_wire::signaling::{Description, Signal};
use tokio::time::Instant;

impl Session<'_> {
    pub(super) async fn offer(&mut self) {
        if let Err(error) = self.negotiation.offer(Instant::now()).await {
            tracing::error!(%error, "an offer can't be made");
            self.context.remote.tell(RemotePeerEvent::NegotiationError { error });
        }
        self.say().await;
    }

    /// Sends what the negotiation has to say to the peer, and tells what it has to say about it.
    pub(super) async fn say(&mut self) {
        for Description { kind, sdp } in self.negotiation.said() {
            tracing::trace!(kind, sdp, "description sent");
            let description = Description { kind, sdp: sdp::with_tool(&self.connection.presentable(sdp)) };
            self.context.relay(Signal::Description(description)).await;
        }
        for error in self.negotiation.unusable() {
            self.context.remote.tell(RemotePeerEvent::IceCandidateError { error });
        }
    }

    pub(super) async fn described(&mut self, description: Description) -> Option<End> {
        tracing::trace!(kind = %description.kind, sdp = %description.sdp, "description received");
        let yields = self.context.shared.id().is_none_or(|own| own > self.context.id);
        let outcome = self.negotiation.described(&description, yields, Instant::now()).await;
        self.say().await;
        match outcome {
            Outcome::Applied => self.applied(&description.sdp).await,
            Outcome::Ignored => {}
            Outcome::Unknown => {
                self.complain(format!("it sent a description of type {:.20}", description.kind)).await;
            }
            Outcome::Refused { error, end } => {
                let what = format!("its {} can't be used: {error}", description.kind);
                self.context.remote.tell(RemotePeerEvent::NegotiationError { error });
                self.complain(what).await;
                return end;
            }
            Outcome::Failed(error) => {
                tracing::error!(%error, "the peer's offer can't be answered");
                self.context.remote.tell(RemotePeerEvent::NegotiationError { error });
                return Some(End::Lost { orderly: false });
            }
            Outcome::Over(end) => return Some(end),
        }
        None
    }

    /// What hangs on a description that was applied.
    async fn applied(&mut self, sdp: &str) {
        self.context.remote.set_polite(self.negotiation.is_polite());
        self.ours = sdp::is_ours(sdp);
        for change in self.inbound.described(sdp) {
            self.track_change(change).await;
        }
        self.tell_drawn().await;
        self.reconcile().await;
        self.outbound.refresh(self.state != PeerState::Connecting).await;
    }
}

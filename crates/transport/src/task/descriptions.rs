//! What becomes of descriptions: those that the negotiation makes, and those of the peer.

use super::ConnectionTask;
use crate::attempt::Ending;
use crate::event::{ConnectionEvent, ConnectionState};
use crate::negotiation::Outcome;
use crate::options::MediaLines;
use crate::remote_peer::RemotePeerEvent;
use crate::sdp;
use confab_wire::signaling::Description;
use tokio::time::Instant;

impl ConnectionTask<'_> {
    pub(super) async fn offer(&mut self) {
        if let Err(error) = self.negotiation.offer(Instant::now()).await {
            tracing::error!(%error, "an offer can't be made");
            self.context.remote.emit(RemotePeerEvent::NegotiationError { error });
        }
        self.send_descriptions().await;
    }

    /// Sends the descriptions that the negotiation made, and reports what it could not use.
    pub(super) async fn send_descriptions(&mut self) {
        for Description { kind, sdp } in self.negotiation.take_descriptions() {
            self.context.remote.connecting();
            tracing::trace!(kind, sdp = %sdp::without_secrets(&sdp), "description sent");
            let description = Description { kind, sdp: sdp::with_tool(&self.connection.presentable(sdp)) };
            self.emit(ConnectionEvent::Description(description)).await;
        }
        for error in self.negotiation.unusable() {
            self.context.remote.emit(RemotePeerEvent::IceCandidateError { error });
        }
    }

    pub(super) async fn described(&mut self, description: Description) -> Option<Ending> {
        tracing::trace!(kind = %description.kind, sdp = %sdp::without_secrets(&description.sdp), "description received");
        if self.context.options.media == MediaLines::BothWays {
            // The answer is to have what was added a moment ago.
            self.reconcile().await;
        }
        let yields = self.context.is_second();
        let outcome = self.negotiation.described(&description, yields, Instant::now()).await;
        self.send_descriptions().await;
        match outcome {
            Outcome::Applied => self.applied(&description.sdp).await,
            Outcome::Ignored => {}
            Outcome::Unknown => {
                self.misbehaving(format!("it sent a description of type {:.20}", description.kind)).await;
            }
            Outcome::Refused { error, end } => {
                let what = format!("its {} can't be used: {error}", description.kind);
                self.context.remote.emit(RemotePeerEvent::NegotiationError { error });
                self.misbehaving(what).await;
                return end;
            }
            Outcome::Failed(error) => {
                tracing::error!(%error, "the peer's offer can't be answered");
                self.context.remote.emit(RemotePeerEvent::NegotiationError { error });
                return Some(Ending::Lost { orderly: false });
            }
            Outcome::Over(end) => return Some(end),
        }
        None
    }

    /// What hangs on a description that was applied.
    async fn applied(&mut self, sdp: &str) {
        if self.context.options.answer_timeout.is_some() {
            self.watch.answered(Instant::now());
        }
        self.context.remote.set_polite(self.negotiation.is_polite());
        self.ours = sdp::is_ours(sdp);
        self.data_agreed |= sdp.contains("\nm=application ");
        self.has_data |= self.data_agreed;
        for change in self.inbound.described(sdp) {
            self.track_change(change).await;
        }
        self.report_drawn().await;
        self.reconcile().await;
        self.outbound.refresh(self.state != ConnectionState::Connecting).await;
    }
}

//! Offers and answers.

use super::{End, Session};
use crate::RemotePeerEvent;
use crate::peer::negotiation::Verdict;
use crate::peer::past::Repetition;
use crate::peer::{Opening, quirks, sdp};
use confab_protocol::ipc::PeerState;
use confab_protocol::signaling::{Candidate, Description, Signal};
use rtc::peer_connection::configuration::RTCOfferOptions;
use tokio::time::Instant;
use webrtc::error::Result;
use webrtc::peer_connection::{RTCSdpType, RTCSessionDescription};

/// Descriptions one after the other that may fail before the connection counts as broken.
const REFUSED: u32 = 8;

/// Whose fault it is that a description was not applied.
enum Refused {
    Remote(webrtc::error::Error),
    Local(webrtc::error::Error),
}

impl Session<'_> {
    pub(super) async fn offer(&mut self) {
        let restart = self.negotiation.begin_offer();
        self.offered_at = Instant::now();
        if let Err(error) = self.try_offer(restart).await {
            tracing::error!(%error, "an offer can't be made");
            self.context.remote.tell(RemotePeerEvent::NegotiationError { error: error.to_string() });
            self.negotiation.abandon_offer(false);
        } else if self.insisting {
            self.healing.offered(Instant::now());
        }
    }

    /// Says the offer that waits for its answer again, with the candidates gathered so far.
    pub(super) async fn repeat_offer(&mut self) {
        if self.negotiation.is_offering()
            && let Some(offer) = self.connection.pc.pending_local_description().await
        {
            self.send_description("offer", offer.sdp).await;
        }
    }

    async fn try_offer(&mut self, ice_restart: bool) -> Result<()> {
        let offer = self.connection.pc.create_offer(Some(RTCOfferOptions { ice_restart })).await?;
        let sdp = offer.sdp.clone();
        self.connection.pc.set_local_description(offer).await?;
        self.send_description("offer", sdp).await;
        Ok(())
    }

    async fn send_description(&self, kind: &str, sdp: String) {
        tracing::trace!(kind, sdp, "description sent");
        let description = Description { kind: kind.to_owned(), sdp: self.connection.presentable(sdp) };
        self.context.relay(Signal::Description(description)).await;
    }

    pub(super) async fn roll_back(&mut self) {
        let rolled_back = match RTCSessionDescription::rollback(None) {
            Ok(rollback) => self.connection.pc.set_local_description(rollback).await,
            Err(error) => Err(error),
        };
        if let Err(error) = rolled_back {
            tracing::warn!(%error, "an offer can't be rolled back");
        }
        self.negotiation.abandon_offer(true);
        self.doubtful = true;
    }

    pub(super) async fn described(&mut self, description: Description) -> Option<End> {
        let kind = match description.kind.as_str() {
            "offer" => RTCSdpType::Offer,
            "answer" => RTCSdpType::Answer,
            other => {
                let what = format!("it sent a description of type {:.20}", other);
                self.complain(what).await;
                return None;
            }
        };
        tracing::trace!(kind = %description.kind, sdp = %description.sdp, "description received");
        let is_offer = kind == RTCSdpType::Offer;
        let fingerprint = sdp::fingerprint(&description.sdp).map(str::to_owned);
        if self.remote_fingerprint.is_none() && fingerprint.is_some() && fingerprint == self.abandoned {
            tracing::debug!(kind = %description.kind, "a description is ignored: it belongs to the connection before");
            return None;
        }
        if let (Some(known), Some(new)) = (&self.remote_fingerprint, &fingerprint)
            && known != new
        {
            if is_offer {
                tracing::debug!("the peer begins a new connection");
                return Some(End::Again { opening: Opening::Answer, offer: Some(description) });
            }
            if self.negotiation.is_offering() {
                // It has given this connection up, and took our offer for a new one's: then let it be one.
                tracing::debug!("the peer answers with a new connection");
                return Some(End::Again { opening: Opening::Insist, offer: None });
            }
        }
        if let Some(repetition) = self.past.judge(&description.sdp) {
            tracing::debug!(?repetition, kind = %description.kind, "a description is not applied: it was before");
            if repetition == Repetition::OfLast && is_offer {
                self.answer_again(&description.sdp).await;
            }
            return None;
        }
        if is_offer && self.insisting && self.negotiation.is_offering() {
            tracing::debug!("an offer is held up: ours stands against it");
            self.healing.collided(description, Instant::now());
            return None;
        }
        if is_offer && self.negotiation.is_offering() && self.negotiation.is_fresh() {
            // Both were asked to begin, by servers' words that crossed: the offer of the smaller id stands.
            let yields = self.context.shared.id().is_none_or(|own| own > self.context.id);
            self.negotiation.begin_against(yields);
        }
        match if is_offer { self.negotiation.remote_offer() } else { self.negotiation.remote_answer() } {
            Verdict::Ignore => {
                tracing::debug!(kind = %description.kind, "a description is ignored: it collides or is stale");
                return None;
            }
            Verdict::RollBackAndApply if self.has_taken_ours(&description.sdp).await => {
                // Its answer was lost in an outage. It will say both again.
                tracing::debug!("an offer is put off: ours was taken before it");
                self.repeat_offer().await;
                return None;
            }
            Verdict::RollBackAndApply => self.roll_back().await,
            Verdict::Apply if !is_offer && !self.is_answer_to_ours(&description.sdp).await => {
                tracing::debug!("an answer is ignored: it is not to the offer that waits for one");
                return None;
            }
            Verdict::Apply => {}
        }
        match self.apply(is_offer, &description.sdp).await {
            Ok(()) => {}
            Err(Refused::Remote(error)) => {
                self.context.remote.tell(RemotePeerEvent::NegotiationError { error: error.to_string() });
                self.complain(format!("its {} can't be used: {error}", description.kind)).await;
                return self.recover().await;
            }
            Err(Refused::Local(error)) => {
                tracing::error!(%error, "the peer's offer can't be answered");
                self.context.remote.tell(RemotePeerEvent::NegotiationError { error: error.to_string() });
                return Some(End::Lost { orderly: false });
            }
        }
        self.remote_fingerprint = Some(fingerprint.unwrap_or_default());
        self.past.applied(&description.sdp);
        self.insisting = false;
        self.refused = 0;
        self.context.remote.set_polite(self.negotiation.is_polite());
        self.healing.answered();
        for candidate in std::mem::take(&mut self.candidates) {
            self.candidate(candidate).await;
        }
        for change in self.inbound.described(&description.sdp) {
            self.track_change(change).await;
        }
        self.reconcile().await;
        self.outbound.refresh(self.state != PeerState::Connecting).await;
        None
    }

    /// The peer does not know whether its offer came, and says it again with the candidates that it has by now. Its
    /// state may be that of before our answer; what we offered since then, it has ignored as a collision.
    async fn answer_again(&mut self, offer: &str) {
        for candidate in sdp::candidates(offer) {
            let (candidate, sdp_m_line_index) = (candidate.to_owned(), Some(0));
            self.candidate(Candidate { candidate, sdp_mid: None, sdp_m_line_index, username_fragment: None }).await;
        }
        if let Some(answer) = self.answer.clone() {
            self.send_description("answer", answer).await;
            self.repeat_offer().await;
        }
    }

    async fn has_taken_ours(&self, theirs: &str) -> bool {
        let pc = &self.connection.pc;
        let (ours, before) = (pc.pending_local_description().await, pc.current_local_description().await);
        match (ours, before) {
            (Some(ours), Some(before)) => sdp::has_taken(theirs, &ours.sdp, &before.sdp),
            _ => false,
        }
    }

    async fn is_answer_to_ours(&self, answer: &str) -> bool {
        let offer = self.connection.pc.pending_local_description().await;
        offer.is_some_and(|offer| sdp::is_answer_to(answer, &offer.sdp, self.doubtful))
    }

    /// A description failed half way: the library leaves the signaling state where it was by then. Back to `stable`.
    async fn recover(&mut self) -> Option<End> {
        self.refused += 1;
        if self.refused > REFUSED {
            return Some(End::Lost { orderly: false });
        }
        let pc = &self.connection.pc;
        if pc.pending_remote_description().await.is_some() {
            let rolled_back = match RTCSessionDescription::rollback(None) {
                Ok(rollback) => pc.set_remote_description(rollback).await,
                Err(error) => Err(error),
            };
            if let Err(error) = rolled_back {
                tracing::warn!(%error, "an offer of the peer can't be rolled back");
            }
        }
        if self.negotiation.is_offering() && pc.pending_local_description().await.is_none() {
            self.negotiation.abandon_offer(true);
        }
        None
    }

    async fn apply(&mut self, is_offer: bool, sdp: &str) -> std::result::Result<(), Refused> {
        let pc = &self.connection.pc;
        // Once: after that the library has learned.
        let lesson = if self.taught { None } else { quirks::lesson(sdp) };
        self.taught |= sdp.contains("\nm=video ");
        let text = lesson.as_ref().map_or_else(|| sdp.to_owned(), |lesson| lesson.sdp.clone());
        if !is_offer {
            let answer = RTCSessionDescription::answer(text).map_err(Refused::Remote)?;
            pc.set_remote_description(answer).await.map_err(Refused::Remote)?;
            if let Some(lesson) = lesson {
                lesson.undo(pc).await.map_err(Refused::Local)?;
            }
            self.negotiation.completed();
            self.doubtful = false;
            return Ok(());
        }
        let offer = RTCSessionDescription::offer(text).map_err(Refused::Remote)?;
        pc.set_remote_description(offer).await.map_err(Refused::Remote)?;
        quirks::silence(pc, sdp).await.map_err(Refused::Local)?;
        if let Some(lesson) = lesson {
            lesson.undo(pc).await.map_err(Refused::Local)?;
        }
        let answer = pc.create_answer(None).await.map_err(Refused::Local)?;
        let sdp = answer.sdp.clone();
        pc.set_local_description(answer).await.map_err(Refused::Local)?;
        self.negotiation.answered();
        self.answer = Some(sdp.clone());
        self.send_description("answer", sdp).await;
        Ok(())
    }
}

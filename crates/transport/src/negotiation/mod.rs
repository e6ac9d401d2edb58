//! Offers and answers of one connection: which are made, which are applied, and what is sent again after an outage.
//!
//! Without I/O and clocks of its own: a connection is whatever does [`Jsep`], what is to be sent is fetched with
//! [`Negotiation::take_descriptions`], and each call says what time it is.

mod applied;
mod health;
mod jsep;
#[cfg(test)]
mod model;
mod perfect;
mod rules;

pub(crate) use jsep::{Jsep, Refused};
pub(crate) use rules::Rules;

use crate::attempt::Ending;
use crate::health::healing::Healing;
use crate::options::{Glare, Role};
use crate::sdp;
use applied::{AppliedDescriptions, Repetition};
use confab_wire::{
    limits,
    signaling::{Candidate, Description},
};
use perfect::{Perfect, Verdict};
use std::collections::VecDeque;
use std::time::Duration;
use tokio::time::Instant;

/// Pause after an offer was taken back that may be answered yet: a few times the way of a signal.
const QUIET: Duration = Duration::from_secs(1);
/// Descriptions one after the other that may fail before the connection counts as broken.
const REFUSED: u32 = 8;

/// What became of a description of the peer.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// It was applied.
    Applied,
    /// It changes nothing.
    Ignored,
    /// It is neither an offer nor an answer.
    Unknown,
    /// It can't be applied, and why.
    Refused { error: String, end: Option<Ending> },
    /// It was applied, and can't be answered.
    Failed(String),
    /// It ends the connection.
    Over(Ending),
}

/// The negotiation of one connection.
pub(crate) struct Negotiation<J> {
    jsep: J,
    rules: Rules,
    perfect: Perfect,
    healing: Healing,
    /// We began this connection on our own, and it is not answered yet.
    insisting: bool,
    /// Certificate of the other side on the connection before: what it signs belongs to that one.
    abandoned: Option<String>,
    /// Certificate of the other side, once a description of it was applied.
    certificate: Option<String>,
    /// What was applied of the peer.
    applied: AppliedDescriptions,
    /// Our last answer.
    answer: Option<String>,
    /// The peer may have answered the offer that waits for its answer, although no answer came: the offer was said more
    /// than once, or signaling was away.
    doubtful: bool,
    /// No offer before.
    quiet: Option<Instant>,
    /// The offer that waits for its answer restarts ICE.
    restarting: bool,
    /// ICE generation of the other side.
    generation: Option<String>,
    /// Descriptions one after the other that could not be applied.
    refused: u32,
    offered_at: Instant,
    /// Candidates that came before the description they belong to; the oldest go first.
    candidates: VecDeque<Candidate>,
    outgoing: Vec<Description>,
    /// What can't be used of the peer's candidates, and why.
    unusable: Vec<String>,
}

impl<J: Jsep> Negotiation<J> {
    /// `abandoned`: the certificate of the other side on the connection before.
    pub(crate) fn new(jsep: J, rules: Rules, abandoned: Option<String>, now: Instant) -> Self {
        Self {
            jsep,
            perfect: Perfect::new(rules),
            healing: Healing::default(),
            insisting: rules.role == Role::Reconnector && rules.glare == Glare::FirstOffererYields,
            rules,
            abandoned,
            certificate: None,
            applied: AppliedDescriptions::default(),
            answer: None,
            doubtful: false,
            quiet: None,
            restarting: false,
            generation: None,
            refused: 0,
            offered_at: now,
            candidates: VecDeque::new(),
            outgoing: Vec::new(),
            unusable: Vec::new(),
        }
    }

    /// True for the side that yields when offers collide.
    pub(crate) fn is_polite(&self) -> bool {
        self.perfect.is_polite()
    }

    /// True once streams may be added.
    pub(crate) fn is_ready(&self) -> bool {
        self.perfect.is_ready()
    }

    /// True if an offer is due now.
    pub(crate) fn is_due(&self) -> bool {
        self.quiet.is_none() && self.perfect.is_due()
    }

    /// True until the first offer is answered.
    pub(crate) fn is_fresh(&self) -> bool {
        self.perfect.is_fresh()
    }

    /// True if nothing waits for an offer or an answer.
    pub(crate) fn is_at_rest(&self) -> bool {
        self.perfect.is_ready() && !self.perfect.is_offering() && !self.perfect.is_due()
    }

    /// The certificate of the other side on this connection. What was said about one that never got a description
    /// belongs to the one before.
    pub(crate) fn certificate(&self) -> Option<&str> {
        self.certificate.as_deref().or(self.abandoned.as_deref())
    }

    /// Something changed that only an offer can tell.
    pub(crate) fn need(&mut self) {
        self.perfect.need();
    }

    /// What is to be sent to the remote, in this order. Ask after every call that may make a description.
    pub(crate) fn take_descriptions(&mut self) -> Vec<Description> {
        std::mem::take(&mut self.outgoing)
    }

    fn queue(&mut self, kind: &str, sdp: String) {
        self.outgoing.push(Description { kind: kind.to_owned(), sdp });
    }

    /// Candidates of the peer that could not be used since the last call, and why.
    pub(crate) fn unusable(&mut self) -> Vec<String> {
        std::mem::take(&mut self.unusable)
    }

    // ---- our offers ----

    /// Makes the offer that is due. An error is a mistake of this side; the offer is not tried again before there is need.
    pub(crate) async fn offer(&mut self, now: Instant) -> Result<(), String> {
        self.restarting = self.perfect.begin_offer();
        self.doubtful = false;
        self.offered_at = now;
        match self.jsep.offer(self.restarting).await {
            Ok(sdp) => self.queue("offer", sdp),
            Err(error) => {
                self.perfect.abandon_offer(false);
                return Err(error);
            }
        }
        if self.rules.renegotiates {
            self.healing.offered(now);
        }
        Ok(())
    }

    /// Says the offer that waits for its answer again, with the candidates gathered so far.
    async fn repeat_offer(&mut self) {
        if self.perfect.is_offering()
            && let Some(offer) = self.jsep.pending().await
        {
            self.queue("offer", offer);
            self.doubtful = true;
        }
    }

    async fn roll_back(&mut self) {
        if let Err(error) = self.jsep.roll_back().await {
            tracing::warn!(%error, "an offer can't be rolled back");
        }
        self.perfect.abandon_offer(true);
        self.healing.withdrawn();
    }

    // ---- the peer's descriptions ----

    /// Judges a description of the peer and applies it if it is to be. `yields`: of two offers that both begin the
    /// connection ours gives way in the end.
    pub(crate) async fn described(&mut self, description: &Description, yields: bool, now: Instant) -> Outcome {
        let is_offer = match description.kind.as_str() {
            "offer" => true,
            "answer" => false,
            _ => return Outcome::Unknown,
        };
        if let Some(outcome) = self.of_another_connection(description, is_offer) {
            return outcome;
        }
        if let Some(repetition) = self.applied.judge(&description.sdp) {
            tracing::debug!(?repetition, kind = %description.kind, "a description is not applied: it was before");
            if repetition == Repetition::OfLast && is_offer {
                self.answer_again(&description.sdp).await;
            }
            return Outcome::Ignored;
        }
        if is_offer
            && self.perfect.is_offering()
            && self.perfect.is_fresh()
            && self.rules.glare == Glare::FirstOffererYields
        {
            if yields || self.insisting {
                return self.hold_up(description, yields, now).await;
            }
            self.perfect.stand_firm();
        }
        if !self.makes_way_for(&description.sdp, is_offer, now).await {
            return Outcome::Ignored;
        }
        self.apply(&description.sdp, is_offer).await
    }

    /// Both sides begin. Perhaps ours was taken before, and only the answer lost: then the two would not agree on who is
    /// polite if we gave way at once.
    async fn hold_up(&mut self, offer: &Description, yields: bool, now: Instant) -> Outcome {
        tracing::debug!("an offer is held up: ours stands against it");
        if self.healing.collided(offer.clone(), yields, now) {
            self.repeat_offer().await;
        }
        Outcome::Ignored
    }

    /// The fate of a description that belongs to another connection than this one.
    fn of_another_connection(&self, description: &Description, is_offer: bool) -> Option<Outcome> {
        let certificate = sdp::fingerprint(&description.sdp);
        let Some(known) = self.certificate.as_deref() else {
            let of_the_one_before = certificate.is_some() && certificate == self.abandoned.as_deref();
            return of_the_one_before.then(|| {
                tracing::debug!(kind = %description.kind, "a description is ignored: it belongs to the connection before");
                Outcome::Ignored
            });
        };
        if certificate.is_none_or(|certificate| certificate == known) {
            return None;
        }
        if is_offer {
            tracing::debug!("the peer begins a new connection");
            let offer = Some(description.clone());
            return Some(Outcome::Over(Ending::Again { role: Role::Answerer, offer }));
        }
        self.perfect.is_offering().then(|| {
            // It has given this connection up, and took our offer for a new one's: then let it be one.
            tracing::debug!("the peer answers with a new connection");
            Outcome::Over(Ending::Again { role: Role::Reconnector, offer: None })
        })
    }

    /// True if the description is to be applied now; an offer of ours that is in its way is rolled back.
    async fn makes_way_for(&mut self, theirs: &str, is_offer: bool, now: Instant) -> bool {
        match if is_offer { self.perfect.remote_offer() } else { self.perfect.remote_answer() } {
            Verdict::Ignore => {
                tracing::debug!(is_offer, "a description is ignored: it collides or is stale");
                false
            }
            Verdict::RollBackAndApply if self.has_taken_ours(theirs).await => {
                // Its answer was lost in an outage. It will say both again.
                tracing::debug!("an offer is put off: ours was taken before it");
                self.repeat_offer().await;
                false
            }
            Verdict::RollBackAndApply => {
                // An answer to the offer that goes may still come: not while the next one waits for its own.
                self.quiet = self.doubtful.then_some(now + QUIET);
                self.roll_back().await;
                true
            }
            Verdict::Apply if !is_offer && !self.is_answer_to_ours(theirs).await => {
                tracing::debug!("an answer is ignored: it is not to the offer that waits for one");
                false
            }
            Verdict::Apply => true,
        }
    }

    async fn has_taken_ours(&self, theirs: &str) -> bool {
        match (self.jsep.pending().await, self.jsep.current().await) {
            (Some(ours), Some(before)) => sdp::has_taken(theirs, &ours, &before),
            _ => false,
        }
    }

    async fn is_answer_to_ours(&self, answer: &str) -> bool {
        // Who answers a restart of ICE restarts, too (RFC 8839 section 4.4.1.1.1).
        let restarts = sdp::generation(answer) != self.generation.as_deref();
        (restarts || !self.restarting)
            && self.jsep.pending().await.is_some_and(|offer| sdp::is_answer_to(answer, &offer))
    }

    async fn apply(&mut self, sdp: &str, is_offer: bool) -> Outcome {
        let taken = if is_offer { self.jsep.take_offer(sdp).await } else { self.take_answer(sdp).await };
        match taken {
            Ok(answer) if is_offer => {
                self.perfect.answered();
                self.answer = Some(answer.clone());
                self.queue("answer", answer);
            }
            Ok(_) => self.perfect.completed(),
            Err(Refused::Remote(error)) => return self.recover(error).await,
            Err(Refused::Local(error)) => return Outcome::Failed(error),
        }
        self.certificate = Some(sdp::fingerprint(sdp).unwrap_or_default().to_owned());
        self.generation = sdp::generation(sdp).map(str::to_owned);
        self.applied.applied(sdp);
        self.insisting = false;
        self.refused = 0;
        self.healing.answered();
        for candidate in std::mem::take(&mut self.candidates) {
            self.use_candidate(candidate).await;
        }
        Outcome::Applied
    }

    async fn take_answer(&mut self, sdp: &str) -> Result<String, Refused> {
        self.jsep.take_answer(sdp).await.map(|()| String::new())
    }

    /// A description failed half way: the connection stays in the signaling state where it was by then. Back to `stable`.
    async fn recover(&mut self, error: String) -> Outcome {
        self.refused += 1;
        if self.refused > REFUSED {
            return Outcome::Refused { error, end: Some(Ending::Lost { orderly: false }) };
        }
        if let Err(error) = self.jsep.roll_back_remote().await {
            tracing::warn!(%error, "an offer of the peer can't be rolled back");
        }
        if self.perfect.is_offering() && self.jsep.pending().await.is_none() {
            self.perfect.abandon_offer(true);
        }
        Outcome::Refused { error, end: None }
    }

    /// The peer does not know whether its offer came, and says it again with the candidates that it has by now. Its
    /// state may be that of before our answer; what we offered since then, it has ignored as a collision.
    async fn answer_again(&mut self, offer: &str) {
        for candidate in sdp::candidates(offer) {
            let (candidate, sdp_m_line_index) = (candidate.to_owned(), Some(0));
            self.candidate(Candidate { candidate, sdp_mid: None, sdp_m_line_index, username_fragment: None }).await;
        }
        if let Some(answer) = self.answer.clone() {
            self.queue("answer", answer);
            self.repeat_offer().await;
        }
    }

    /// A candidate of the peer.
    pub(crate) async fn candidate(&mut self, candidate: Candidate) {
        if self.certificate.is_some() {
            self.use_candidate(candidate).await;
            return;
        }
        if self.candidates.len() >= limits::PENDING_CANDIDATES {
            self.candidates.pop_front();
        }
        self.candidates.push_back(candidate);
    }

    async fn use_candidate(&mut self, candidate: Candidate) {
        if let Err(error) = self.jsep.add_candidate(candidate).await {
            // Also those of an offer that was ignored.
            tracing::debug!(%error, "a candidate of the peer can't be used");
            self.unusable.push(error);
        }
    }
}

//! Perfect negotiation (W3C webrtc-pc section 10.7) as a state machine without I/O.
//!
//! The peer's task handles one thing at a time, so "making an offer" is never seen half done: the state is stable, or
//! an offer of ours waits for its answer. The library has no implicit rollback, hence the explicit verdict.

use super::rules::Rules;
use crate::options::{Glare, Role};

/// What to do with a remote description.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Apply it.
    Apply,
    /// Roll our own offer back, then apply it.
    RollBackAndApply,
    /// Drop it: it collides and we are impolite, or it answers nothing.
    Ignore,
}

/// State of one peer's negotiation.
#[derive(Debug)]
pub(crate) struct Perfect {
    polite: bool,
    /// Who is polite does not depend on who offers first.
    fixed: bool,
    /// There is no offer after the first description.
    once: bool,
    /// False until we may offer: a newcomer waits for the first offer and its answer.
    ready: bool,
    /// An offer of ours waits for its answer.
    offering: bool,
    needed: bool,
    restart_ice: bool,
    /// The offer that waits for its answer restarts ICE.
    restarting: bool,
    /// No round is complete yet.
    fresh: bool,
}

impl Perfect {
    /// Before the first offer.
    pub(crate) fn new(rules: Rules) -> Self {
        let offers_first = matches!(rules.role, Role::Offerer | Role::Reconnector);
        Self {
            polite: match rules.glare {
                Glare::FirstOffererYields => offers_first,
                // The task has made one of the others of the latter.
                Glare::ThisYields | Glare::SmallerIdYields => true,
                Glare::RemoteYields => false,
            },
            fixed: rules.glare != Glare::FirstOffererYields,
            once: !rules.renegotiates,
            ready: rules.role != Role::Answerer,
            offering: false,
            needed: offers_first,
            restart_ice: false,
            restarting: false,
            fresh: true,
        }
    }

    /// True for the side that yields when offers collide.
    pub(crate) fn is_polite(&self) -> bool {
        self.polite
    }

    /// True until the first round is complete.
    pub(crate) fn is_fresh(&self) -> bool {
        self.fresh
    }

    /// Both were asked to begin, and our offer is the one that stands.
    pub(crate) fn stand_firm(&mut self) {
        self.polite = false;
    }

    /// True once streams may be added.
    pub(crate) fn is_ready(&self) -> bool {
        self.ready
    }

    /// True while an offer of ours waits for its answer.
    pub(crate) fn is_offering(&self) -> bool {
        self.offering
    }

    /// Something changed that only an offer can tell. Many changes before the offer are one offer.
    pub(crate) fn need(&mut self) {
        self.needed = true;
    }

    /// The path is dead, or is to be changed: the next offer restarts ICE.
    pub(crate) fn need_ice_restart(&mut self) {
        self.needed = true;
        self.restart_ice = true;
    }

    /// True if an offer is due now.
    pub(crate) fn is_due(&self) -> bool {
        self.ready && self.needed && !self.offering && (self.fresh || !self.once)
    }

    /// An offer is being made. True if it must restart ICE.
    pub(crate) fn begin_offer(&mut self) -> bool {
        self.needed = false;
        self.offering = true;
        self.restarting = std::mem::take(&mut self.restart_ice);
        self.restarting
    }

    /// The offer was rolled back or could not be made; `again` if it is still needed.
    pub(crate) fn abandon_offer(&mut self, again: bool) {
        self.offering = false;
        self.needed |= again;
        // A restart is wanted until it is answered (W3C webrtc-pc section 4.4.1.5, [[LocalIceCredentialsToReplace]]).
        self.restart_ice |= again && self.restarting;
        self.restarting = false;
    }

    /// Judges an offer.
    pub(crate) fn remote_offer(&self) -> Verdict {
        match (self.offering, self.polite) {
            (false, _) => Verdict::Apply,
            (true, true) => Verdict::RollBackAndApply,
            (true, false) => Verdict::Ignore,
        }
    }

    /// Judges an answer.
    pub(crate) fn remote_answer(&self) -> Verdict {
        if self.offering { Verdict::Apply } else { Verdict::Ignore }
    }

    /// A remote offer was answered. Who makes the first offer of a connection is its polite side.
    pub(crate) fn answered(&mut self) {
        self.ready = true;
        if std::mem::take(&mut self.fresh) && !self.fixed {
            self.polite = false;
        }
    }

    /// Our offer was answered.
    pub(crate) fn completed(&mut self) {
        self.offering = false;
        self.restarting = false;
        if std::mem::take(&mut self.fresh) && !self.fixed {
            self.polite = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(role: Role) -> Rules {
        Rules { role, glare: Glare::FirstOffererYields, renegotiates: true }
    }

    #[test]
    fn the_polite_side_offers_first() {
        let mut polite = Perfect::new(rules(Role::Offerer));
        assert!(polite.is_due());
        assert!(!polite.begin_offer());
        assert!(!polite.is_due());
        assert_eq!(polite.remote_answer(), Verdict::Apply);
        polite.completed();
        assert_eq!(polite.remote_answer(), Verdict::Ignore);
        assert!(!polite.is_due());
    }

    #[test]
    fn the_newcomer_waits_for_the_first_round() {
        let mut newcomer = Perfect::new(rules(Role::Answerer));
        newcomer.need();
        assert!(!newcomer.is_due() && !newcomer.is_ready());
        assert_eq!(newcomer.remote_offer(), Verdict::Apply);
        newcomer.answered();
        assert!(newcomer.is_due());
    }

    #[test]
    fn in_a_collision_one_side_yields_and_offers_again() {
        let (mut polite, mut impolite) = (Perfect::new(rules(Role::Offerer)), Perfect::new(rules(Role::Answerer)));
        polite.begin_offer();
        impolite.answered();
        polite.completed();
        polite.need();
        impolite.need();
        polite.begin_offer();
        impolite.begin_offer();
        assert_eq!(impolite.remote_offer(), Verdict::Ignore);
        assert_eq!(polite.remote_offer(), Verdict::RollBackAndApply);
        polite.abandon_offer(true);
        polite.answered();
        impolite.completed();
        assert!(polite.is_due());
        assert!(!impolite.is_due());
    }

    #[test]
    fn who_stands_firm_is_polite_once_the_offer_is_answered() {
        let mut perfect = Perfect::new(rules(Role::Offerer));
        perfect.begin_offer();
        perfect.stand_firm();
        assert_eq!(perfect.remote_offer(), Verdict::Ignore);
        perfect.completed();
        assert!(perfect.is_polite());
    }

    #[test]
    fn needs_are_coalesced_and_a_restart_is_not_forgotten() {
        let mut perfect = Perfect::new(rules(Role::Offerer));
        perfect.begin_offer();
        perfect.need();
        perfect.need_ice_restart();
        perfect.need();
        assert!(!perfect.is_due());
        perfect.completed();
        assert!(perfect.is_due());
        assert!(perfect.begin_offer());
        perfect.completed();
        assert!(!perfect.is_due());
    }

    #[test]
    fn a_restart_that_is_rolled_back_is_asked_for_again_and_an_answered_one_is_not() {
        let mut perfect = Perfect::new(rules(Role::Offerer));
        perfect.begin_offer();
        perfect.completed();
        perfect.need_ice_restart();
        assert!(perfect.begin_offer());
        perfect.abandon_offer(true);
        perfect.answered();
        assert!(perfect.begin_offer());
        perfect.completed();
        perfect.need();
        assert!(!perfect.begin_offer());
        perfect.abandon_offer(true);
        assert!(!perfect.begin_offer());
    }

    #[test]
    fn a_fixed_role_stays_whoever_offers_first() {
        for (glare, polite) in [(Glare::ThisYields, true), (Glare::RemoteYields, false)] {
            let mut perfect = Perfect::new(Rules { glare, ..rules(Role::Either) });
            assert!(perfect.is_ready() && !perfect.is_due(), "there is nothing to offer yet");
            perfect.need();
            assert!(perfect.is_due());
            perfect.answered();
            assert_eq!(perfect.is_polite(), polite);
            perfect.begin_offer();
            assert_eq!(perfect.remote_offer() == Verdict::RollBackAndApply, polite);
            perfect.completed();
            assert_eq!(perfect.is_polite(), polite);
        }
    }

    #[test]
    fn without_renegotiation_there_is_one_offer_at_most() {
        let once = |role| Perfect::new(Rules { renegotiates: false, ..rules(role) });
        let (mut offerer, mut answerer) = (once(Role::Offerer), once(Role::Answerer));
        assert!(offerer.is_due());
        offerer.begin_offer();
        offerer.completed();
        offerer.need();
        assert!(!offerer.is_due());
        answerer.answered();
        answerer.need();
        assert!(!answerer.is_due());
    }
}

//! Interleavings that once ended badly.

use super::super::{Negotiation, Outcome, Rules};
use super::paper::{Numbers, Paper};
use crate::attempt::Ending;
use crate::health::healing::{REPEAT_OFFER, YIELD_AFTER};
use crate::options::{Glare, Role};
use confab_wire::signaling::Description;
use futures_util::FutureExt;
use std::time::Duration;
use tokio::time::Instant;

struct Side {
    negotiation: Negotiation<Paper>,
    yields: bool,
    now: Instant,
}

impl Side {
    fn pair() -> (Self, Self) {
        Self::opening(Role::Offerer, Role::Answerer)
    }

    /// Two sides that begin like that, the first of which yields.
    fn opening(one: Role, other: Role) -> (Self, Self) {
        let (numbers, now) = (Numbers::default(), Instant::now());
        let side = |role, yields| Self {
            negotiation: Negotiation::new(
                Paper::new(&numbers),
                Rules { role, glare: Glare::FirstOffererYields, renegotiates: true },
                None,
                now,
            ),
            yields,
            now,
        };
        (side(one, true), side(other, false))
    }

    /// A pair whose first round is complete.
    fn connected() -> (Self, Self) {
        let (mut one, mut other) = Self::pair();
        let answer = other.hears(one.offers());
        assert!(one.hears(answer).is_empty());
        (one, other)
    }

    fn sends(&mut self, tracks: &[&str]) {
        let tracks: Vec<_> = tracks.iter().map(|track| ("s".to_owned(), (*track).to_owned())).collect();
        if self.negotiation.jsep.reconcile(&tracks) {
            self.negotiation.need();
        }
    }

    fn offers(&mut self) -> Vec<Description> {
        assert!(self.negotiation.is_due());
        self.negotiation.offer(self.now).now_or_never().unwrap().unwrap();
        self.negotiation.take_descriptions()
    }

    /// What it says to these descriptions.
    fn hears(&mut self, descriptions: Vec<Description>) -> Vec<Description> {
        for description in descriptions {
            let outcome = self.negotiation.described(&description, self.yields, self.now).now_or_never().unwrap();
            assert!(matches!(outcome, Outcome::Applied | Outcome::Ignored), "{outcome:?}");
        }
        self.negotiation.take_descriptions()
    }

    /// What it says after so long.
    fn waits(&mut self, time: Duration) -> Vec<Description> {
        assert!(self.heals(time).is_none());
        self.negotiation.take_descriptions()
    }

    /// How its connection ends after so long.
    fn heals(&mut self, time: Duration) -> Option<Ending> {
        self.now += time;
        self.negotiation.heal(true, self.now).now_or_never().unwrap()
    }
}

#[test]
fn an_offer_that_nobody_heard_is_said_again() {
    let (mut one, mut other) = Side::connected();
    one.sends(&["a"]);
    assert_eq!(one.offers().len(), 1);
    assert!(one.waits(REPEAT_OFFER / 2).is_empty());
    let answer = other.hears(one.waits(REPEAT_OFFER));
    one.hears(answer);
    assert!(one.negotiation.is_at_rest() && other.negotiation.is_at_rest());
}

#[test]
fn an_answer_to_an_offer_that_was_taken_back_is_not_taken_for_that_of_the_next_one() {
    let (mut polite, mut other) = Side::connected();
    polite.sends(&["a"]);
    let first = polite.offers();
    polite.hears(other.hears(first));
    polite.sends(&[]);
    let lost = polite.offers();
    let late = other.hears(lost);
    assert_eq!(late.len(), 1);
    // The answer is on its way for long; meanwhile the offer is said again, and one of the other side overtakes.
    polite.waits(REPEAT_OFFER);
    other.sends(&["b"]);
    let theirs = other.offers();
    other.hears(polite.hears(theirs));
    assert!(!polite.negotiation.is_due());
    assert!(polite.hears(late).is_empty());
    assert!(polite.waits(REPEAT_OFFER).is_empty());
    let next = polite.offers();
    polite.hears(other.hears(next));
    assert!(polite.negotiation.is_at_rest());
}

#[test]
fn both_agree_on_who_is_polite_though_the_first_answer_was_lost() {
    let (mut one, mut other) = Side::pair();
    assert_eq!(other.hears(one.offers()).len(), 1);
    other.sends(&["b"]);
    let again = one.hears(other.offers());
    let answers = other.hears(again);
    other.hears(one.hears(answers));
    assert!(one.negotiation.is_polite() && !other.negotiation.is_polite());
    assert!(one.negotiation.is_at_rest() && other.negotiation.is_at_rest());
}

#[test]
fn of_two_that_insist_one_gives_way_and_the_other_waits_for_its_answer() {
    let (mut one, mut other) = Side::opening(Role::Reconnector, Role::Reconnector);
    let (first, second) = (one.offers(), other.offers());
    one.hears(second);
    other.hears(first);
    let Some(Ending::Again { role: Role::Answerer, offer: Some(offer) }) = one.heals(YIELD_AFTER) else {
        panic!("it does not give way");
    };
    other.waits(YIELD_AFTER);
    // The connection that follows takes the other side's offer, which still stands.
    let (mut one, _) = Side::opening(Role::Answerer, Role::Answerer);
    let answer = one.hears(vec![offer]);
    other.hears(answer);
    assert!(one.negotiation.is_at_rest() && other.negotiation.is_at_rest());
}

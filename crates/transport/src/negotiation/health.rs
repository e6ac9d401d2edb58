//! What is said when a connection falls ill, or signaling was away.

use super::{Jsep, Negotiation};
use crate::attempt::Ending;
use crate::health::healing::Remedy;
use crate::options::Role;
use std::time::Duration;
use tokio::time::Instant;

/// How long an offer may wait for its answer before a dead connection is offered anew.
const STALE_OFFER: Duration = Duration::from_secs(5);

impl<J: Jsep> Negotiation<J> {
    /// The connection stands.
    pub(crate) fn healthy(&mut self) {
        self.healing.healthy();
    }

    /// The connection is disconnected; the watchdog gives it `timeout`.
    pub(crate) fn disconnected(&mut self, timeout: Duration, now: Instant) {
        self.healing.unhealthy(timeout, self.perfect.is_polite(), now);
    }

    /// The connection failed.
    pub(crate) async fn failed(&mut self, signaling_up: bool, now: Instant) -> Option<Ending> {
        if self.healing.is_restarted() && !self.perfect.is_offering() && signaling_up {
            tracing::info!("the restart of ICE was answered, and did not help");
            return Some(Ending::Lost { orderly: false });
        }
        self.restart_ice(false, now).await;
        None
    }

    /// The path is dead: a new offer with new ICE credentials. `healthy`: another path still stands; a relay that is lost is
    /// no reason to lose the connection.
    pub(crate) async fn restart_ice(&mut self, healthy: bool, now: Instant) {
        if !self.rules.renegotiates {
            return;
        }
        if self.perfect.is_offering() && now.saturating_duration_since(self.offered_at) > STALE_OFFER {
            self.roll_back().await;
        }
        self.perfect.need_ice_restart();
        if !healthy {
            self.healing.restarted(now);
        }
    }

    /// When [`Self::heal`] has something to do.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        [self.healing.deadline(), self.quiet].into_iter().flatten().min()
    }

    /// Does what is due about an unhealthy or unanswered connection; then an offer may be due.
    pub(crate) async fn heal(&mut self, healthy: bool, now: Instant) -> Option<Ending> {
        self.quiet.take_if(|until| *until <= now);
        while let Some(remedy) = self.healing.due(now) {
            tracing::debug!(?remedy, "healing");
            match remedy {
                Remedy::Restart => self.restart_ice(healthy, now).await,
                Remedy::Replace => return Some(Ending::Lost { orderly: false }),
                Remedy::Repeat => self.repeat_offer().await,
                Remedy::Yield(offer) => return Some(Ending::Again { role: Role::Answerer, offer: Some(offer) }),
            }
        }
        None
    }

    /// What is said from here on is lost.
    pub(crate) fn signaling_lost(&mut self) {
        self.healing.forget_restart();
        self.doubtful = true;
    }

    /// What is said comes through again. Offers of the outage were dropped: what still matters is said again.
    pub(crate) async fn signaling_back(&mut self, unhealthy: bool, now: Instant) {
        self.healing.forget_restart();
        self.doubtful = true;
        if !unhealthy {
            self.repeat_offer().await;
            return;
        }
        if !self.rules.renegotiates {
            return;
        }
        if self.perfect.is_offering() {
            self.roll_back().await;
        }
        self.perfect.need_ice_restart();
        self.healing.restarted(now);
    }
}

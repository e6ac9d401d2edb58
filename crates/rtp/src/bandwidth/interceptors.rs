//! Where the estimator and the pacer stand in the chain of interceptors of a connection.

use super::estimator::Estimator;
use super::pacer::Pacer;
use super::rtx::WithRtx;
use super::shared::Bandwidth;
use rtc::interceptor::{CongestionControlBuilder, TwccSenderBuilder};
use rtc::peer_connection::configuration::interceptor_registry::{Registry, Slot};
use std::sync::Arc;

/// Adds the estimator and the pacer to a chain of interceptors; they share `bandwidth`.
pub fn install(registry: Registry, bandwidth: &Arc<Bandwidth>) -> Registry {
    let estimator = Estimator::new(Arc::clone(bandwidth));
    let history = CongestionControlBuilder::new(estimator).build();
    registry
        .with(Slot::CongestionControl, WithRtx::new(history))
        .with(Slot::TwccSender, WithRtx::new(TwccSenderBuilder::new().build()))
        .with(Slot::Pacer, Pacer::new(Arc::clone(bandwidth)))
}

//! How much one peer's line carries, and sending no faster than that.
//!
//! Every RTP packet bears a number; the far end reports when each arrived
//! (draft-holmer-rmcat-transport-wide-cc-extensions-01). The library numbers them and joins the reports with what was sent;
//! what follows from it is decided here:
//!
//! ```text
//! reports ─▶ Estimator ─▶ Bandwidth ─▶ the session shares it among the videos ─▶ layers, the encoder's bitrate
//!                │            │
//!                └─ probes ───┴──▶ Pacer ─▶ the wire
//! ```
//!
//! The library's own estimator and pacer are not used. Of pictures in four packets, 30 in a second, its estimator (`Gcc` of
//! rtc 0.21.1) noticed in eight simulated seconds nothing when 1.6 times what the line carries was sent, and twice as much
//! after 1.2 s; it grows by 8 % a second and can't probe. Its pacer lets sound wait behind video.

mod allocation;
mod estimator;
mod pacer;
mod pacer_queue;
mod probe;
mod retransmission;
mod rtx;
mod shared;
#[cfg(test)]
mod simulation;
mod standing_queue;
mod traffic;

pub use allocation::allocate;
pub use shared::{BACKLOG_LIMIT, Bandwidth};

use estimator::Estimator;
use pacer::Pacer;
use rtc::interceptor::{CongestionControlBuilder, TwccSenderBuilder};
use rtc::peer_connection::configuration::interceptor_registry::{Registry, Slot};
use rtx::WithRtx;
use std::sync::Arc;

/// Adds the estimator and the pacer to a chain of interceptors.
pub fn install(registry: Registry, bandwidth: &Arc<Bandwidth>) -> Registry {
    let estimator = Estimator::new(Arc::clone(bandwidth));
    let history = CongestionControlBuilder::new(estimator).build();
    registry
        .with(Slot::CongestionControl, WithRtx::new(history))
        .with(Slot::TwccSender, WithRtx::new(TwccSenderBuilder::new().build()))
        .with(Slot::Pacer, Pacer::new(Arc::clone(bandwidth)))
}

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

mod estimator;
mod pacer;
mod probe;
mod queue;
mod repairs;
#[cfg(test)]
mod simulation;
mod traffic;
mod waiting;
mod with_repair;

use crate::media::round_trip::RoundTrip;
use estimator::Estimator;
use pacer::Pacer;
use probe::{Cluster, Sent};
use rtc::interceptor::{CongestionControlBuilder, TwccSenderBuilder};
use rtc::peer_connection::configuration::interceptor_registry::{Registry, Slot};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use with_repair::WithRepair;

/// The estimate of a line about which nothing is known yet, in bit/s: enough for a picture, and on most lines no queue.
const INITIAL: f64 = 1_000_000.0;
/// The least that is ever estimated, in bit/s: sound and a small picture.
const LEAST: f64 = 100_000.0;
/// Estimates that differ by less than this share are not told.
const NOTICEABLE: f64 = 0.03;

/// Whatever is retransmitted, new things get this share.
const LEAST_NEW: f64 = 0.5;
/// Of each new count of retransmissions in their mean.
const SMOOTHING: f64 = 0.4;

/// Nothing waits longer in the pacer: what is late is of no use, and the estimate may be wrong.
const LONGEST: Duration = Duration::from_millis(100);
/// What a video has to wait for in the pacer before frames of higher temporal layers are left out.
pub(crate) const LATE: Duration = Duration::from_millis(40);

/// What is known of a line; shared by the interceptors and the peer's task.
#[derive(Debug)]
pub(crate) struct Bandwidth {
    /// Bit/s for everything that is sent for the first time; `u32::MAX` while nothing bounds it.
    estimate: watch::Sender<u32>,
    /// Bit/s that each stream could make use of, by SSRC.
    needs: Mutex<HashMap<u32, u32>>,
    /// Microseconds that the last packet in the pacer will have waited.
    backlog: AtomicU32,
    /// From the departure of a packet to the report of its arrival.
    round_trip: RoundTrip,
    state: Mutex<State>,
}

/// What the estimator, the pacer and the far end say.
#[derive(Debug, Default)]
struct State {
    /// Packets can be sent twice without harm (RFC 4588), as probes do.
    repeats: bool,
    wanted: Option<Cluster>,
    sent: Option<Sent>,
    /// What the far end says is the most (REMB), in bit/s.
    maximum: Option<f64>,
    /// The estimator's latest word; `None` while the far end reports no arrivals.
    target: Option<f64>,
    /// What of it retransmissions take, in bit/s.
    repairs: f64,
    /// SSRCs under which something ended or begins: what was sent there before is not to be sent again.
    changed: Vec<u32>,
}

/// What the pacer is to do.
struct Orders {
    /// What was sent under these SSRCs is not to be sent again.
    changed: Vec<u32>,
    /// To be sent once.
    cluster: Option<Cluster>,
    /// The estimate in bit/s; `None` while there is none.
    target: Option<f64>,
}

impl Default for Bandwidth {
    fn default() -> Self {
        Self {
            estimate: watch::Sender::new(u32::MAX),
            needs: Mutex::default(),
            backlog: AtomicU32::new(0),
            round_trip: RoundTrip::default(),
            state: Mutex::default(),
        }
    }
}

impl Bandwidth {
    /// Bit/s for everything that is sent for the first time, RTP headers included; `u32::MAX` while nothing bounds it.
    pub(crate) fn estimate(&self) -> watch::Receiver<u32> {
        self.estimate.subscribe()
    }

    /// Bit/s that the line is taken to carry, retransmissions included; `None` while nothing is known.
    pub(crate) fn available(&self) -> Option<f64> {
        let state = self.state();
        [state.target, state.maximum].into_iter().flatten().min_by(f64::total_cmp)
    }

    /// The stream `ssrc` could make use of so many bit/s. Nobody looks for more than all need together.
    pub(crate) fn set_need(&self, ssrc: u32, need: u32) {
        self.needs.lock().unwrap_or_else(PoisonError::into_inner).insert(ssrc, need);
    }

    /// Something ended or begins under `ssrc`, maybe for a receiver that must not see again what was there before.
    pub(crate) fn change_feed(&self, ssrc: u32) {
        let mut state = self.state();
        if !state.changed.contains(&ssrc) {
            state.changed.push(ssrc);
        }
    }

    /// How long what is written now will wait in the pacer.
    pub(crate) fn backlog(&self) -> Duration {
        Duration::from_micros(self.backlog.load(Ordering::Relaxed).into())
    }

    /// The far end estimates for itself what it can receive (draft-alvestrand-rmcat-remb-03).
    pub(crate) fn limit(&self, maximum: f32) {
        let maximum = f64::from(maximum);
        if maximum.is_finite() && maximum > 0.0 {
            let mut state = self.state();
            state.maximum = Some(maximum.max(LEAST));
            self.publish(&state);
        }
    }

    /// The far end reports arrivals; from now on the estimate counts.
    fn begin(&self, repairs: bool) {
        let mut state = self.state();
        state.repeats |= repairs;
        state.target.get_or_insert(INITIAL);
        self.publish(&state);
    }

    /// What the pacer is to do from now on.
    fn orders(&self) -> Orders {
        let mut state = self.state();
        Orders { changed: std::mem::take(&mut state.changed), cluster: state.wanted.take(), target: state.target }
    }

    fn can_probe(&self) -> bool {
        self.state().repeats
    }

    /// The pacer is to send a cluster.
    fn ask(&self, cluster: Cluster) {
        self.state().wanted = Some(cluster);
    }

    /// The pacer has sent the cluster.
    fn probed(&self, sent: Sent) {
        self.state().sent = Some(sent);
    }

    fn take_sent(&self) -> Option<Sent> {
        self.state().sent.take()
    }

    fn need(&self) -> f64 {
        let needs = self.needs.lock().unwrap_or_else(PoisonError::into_inner);
        needs.values().copied().map(f64::from).sum()
    }

    /// Retransmissions take so many bit/s. New things get what is left, smoothed: retransmissions come in bursts.
    fn set_repairs(&self, repairs: f64) {
        let mut state = self.state();
        state.repairs += (repairs - state.repairs) * SMOOTHING;
        self.publish(&state);
    }

    fn set_backlog(&self, backlog: Duration) {
        self.backlog.store(u32::try_from(backlog.as_micros()).unwrap_or(u32::MAX), Ordering::Relaxed);
    }

    /// A new estimate in bit/s.
    fn set_target(&self, target: f64) {
        let mut state = self.state();
        if state.target.is_some() {
            state.target = Some(target);
            self.publish(&state);
        }
    }

    fn publish(&self, state: &State) {
        let target = state.target.map(|target| (target - state.repairs).max(target * LEAST_NEW));
        let bounds = [target, state.maximum].into_iter().flatten();
        let least = bounds.fold(f64::INFINITY, f64::min);
        let estimate = least.min(f64::from(u32::MAX)) as u32;
        self.estimate.send_if_modified(|told| {
            let noticeable = f64::from(*told) * NOTICEABLE;
            let differs = f64::from(told.abs_diff(estimate)) > noticeable;
            if differs {
                *told = estimate;
            }
            differs
        });
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Adds the estimator and the pacer to a chain of interceptors.
pub(crate) fn equip(registry: Registry, bandwidth: &Arc<Bandwidth>) -> Registry {
    let estimator = Estimator::new(Arc::clone(bandwidth));
    let history = CongestionControlBuilder::new(estimator).build();
    registry
        .with(Slot::CongestionControl, WithRepair::new(history))
        .with(Slot::TwccSender, WithRepair::new(TwccSenderBuilder::new().build()))
        .with(Slot::Pacer, Pacer::new(Arc::clone(bandwidth)))
}

//! The state of congestion control of one connection, shared by the interceptors and the owner of the connection.

use super::probe::{ProbeCluster, SentCluster};
use crate::meters::RoundTripTime;
use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The estimate of a path about which nothing is known yet, in bit/s: enough for a picture, and on most paths no queue.
pub(crate) const INITIAL_BITRATE: f64 = 1_000_000.0;
/// The least that is ever estimated, in bit/s: sound and a small picture.
pub(crate) const MIN_BITRATE: f64 = 100_000.0;
/// Estimates that differ by less than this share are not published.
const MIN_CHANGE: f64 = 0.03;

/// Whatever is retransmitted, packets that are sent for the first time get this share.
const MIN_NEW_SHARE: f64 = 0.5;
/// Weight of each new count of retransmissions in their moving average.
const SMOOTHING: f64 = 0.4;

/// Backlog of the pacer beyond which frames of higher temporal layers are left out.
pub const BACKLOG_LIMIT: Duration = Duration::from_millis(40);

/// The bandwidth to one receiver, as far as it is known.
#[derive(Debug)]
pub struct Bandwidth {
    /// Bit/s for everything that is sent for the first time; `u32::MAX` while nothing bounds it.
    estimate: AtomicU32,
    on_change: OnChange,
    /// Bit/s that each stream could make use of, by SSRC.
    needs: Mutex<HashMap<u32, u32>>,
    /// Time in µs that the last packet in the pacer will have waited.
    backlog: AtomicU32,
    /// From the departure of a packet to the report of its arrival.
    pub(crate) round_trip: RoundTripTime,
    state: Mutex<State>,
}

/// What the estimator, the pacer and the receiver contribute.
#[derive(Debug, Default)]
struct State {
    /// Packets can be sent twice without harm (RFC 4588), as probes do.
    repeats: bool,
    /// A probe that the estimator asks for and the pacer has not begun.
    requested_probe: Option<ProbeCluster>,
    /// A probe that the pacer has sent and the estimator has not seen.
    sent_probe: Option<SentCluster>,
    /// The most that the receiver says it can receive (REMB), in bit/s.
    maximum: Option<f64>,
    /// The estimator's latest target in bit/s; `None` while the receiver reports no arrivals.
    target: Option<f64>,
    /// The part of it that retransmissions take, in bit/s.
    retransmissions: f64,
    /// SSRCs whose source ended or begins: what was sent there before is not to be sent again.
    changed: Vec<u32>,
}

/// What the pacer is to do.
pub(crate) struct PacerOrders {
    /// What was sent under these SSRCs is not to be sent again.
    pub(crate) changed: Vec<u32>,
    /// To be sent once.
    pub(crate) cluster: Option<ProbeCluster>,
    /// The estimate in bit/s; `None` while there is none.
    pub(crate) target: Option<f64>,
}

/// Is called with each new estimate.
struct OnChange(Box<dyn Fn(u32) + Send + Sync>);

impl fmt::Debug for OnChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OnChange")
    }
}

/// Without a callback.
impl Default for Bandwidth {
    fn default() -> Self {
        Self::new(|_| {})
    }
}

impl Bandwidth {
    /// `on_change` is called with each new estimate, from inside the interceptors: it must not wait.
    pub fn new(on_change: impl Fn(u32) + Send + Sync + 'static) -> Self {
        Self {
            estimate: AtomicU32::new(u32::MAX),
            on_change: OnChange(Box::new(on_change)),
            needs: Mutex::default(),
            backlog: AtomicU32::new(0),
            round_trip: RoundTripTime::default(),
            state: Mutex::default(),
        }
    }

    /// Bit/s for everything that is sent for the first time, RTP headers included; `u32::MAX` while nothing bounds it.
    pub fn estimate(&self) -> u32 {
        self.estimate.load(Ordering::Acquire)
    }

    /// Bit/s that the path is taken to carry, retransmissions included; `None` while nothing is known.
    pub fn available(&self) -> Option<f64> {
        let state = self.state();
        [state.target, state.maximum].into_iter().flatten().min_by(f64::total_cmp)
    }

    /// The stream `ssrc` could make use of so many bit/s. Probes look for no more than all streams need together.
    pub fn set_need(&self, ssrc: u32, need: u32) {
        self.needs.lock().unwrap_or_else(PoisonError::into_inner).insert(ssrc, need);
    }

    /// The source of the stream `ssrc` ended or begins, maybe for a receiver that must not see again what was there before.
    pub fn change_feed(&self, ssrc: u32) {
        let mut state = self.state();
        if !state.changed.contains(&ssrc) {
            state.changed.push(ssrc);
        }
    }

    /// How long a packet that is written now will wait in the pacer.
    pub fn backlog(&self) -> Duration {
        Duration::from_micros(self.backlog.load(Ordering::Relaxed).into())
    }

    /// The receiver estimates for itself what it can receive, in bit/s (REMB, draft-alvestrand-rmcat-remb-03).
    pub fn set_remb(&self, maximum: f32) {
        let maximum = f64::from(maximum);
        if maximum.is_finite() && maximum > 0.0 {
            let mut state = self.state();
            state.maximum = Some(maximum.max(MIN_BITRATE));
            self.publish(&state);
        }
    }

    /// The receiver reports arrivals: from now on the estimate counts. `retransmissions`: they have a stream of their own.
    pub(crate) fn begin(&self, retransmissions: bool) {
        let mut state = self.state();
        state.repeats |= retransmissions;
        state.target.get_or_insert(INITIAL_BITRATE);
        self.publish(&state);
    }

    /// What the pacer is to do from now on.
    pub(crate) fn orders(&self) -> PacerOrders {
        let mut state = self.state();
        PacerOrders {
            changed: std::mem::take(&mut state.changed),
            cluster: state.requested_probe.take(),
            target: state.target,
        }
    }

    /// True if packets can be sent once more to fill a probe.
    pub(crate) fn can_probe(&self) -> bool {
        self.state().repeats
    }

    /// The pacer is to send a cluster.
    pub(crate) fn request_probe(&self, cluster: ProbeCluster) {
        self.state().requested_probe = Some(cluster);
    }

    /// The pacer has sent the cluster.
    pub(crate) fn probe_sent(&self, sent: SentCluster) {
        self.state().sent_probe = Some(sent);
    }

    /// The probe that was sent since the last call.
    pub(crate) fn take_sent_probe(&self) -> Option<SentCluster> {
        self.state().sent_probe.take()
    }

    /// Bit/s that all streams together could make use of.
    pub(crate) fn need(&self) -> f64 {
        let needs = self.needs.lock().unwrap_or_else(PoisonError::into_inner);
        needs.values().copied().map(f64::from).sum()
    }

    /// Retransmissions take so many bit/s. Everything else gets what is left, smoothed: retransmissions come in bursts.
    pub(crate) fn set_retransmissions(&self, retransmissions: f64) {
        let mut state = self.state();
        state.retransmissions += (retransmissions - state.retransmissions) * SMOOTHING;
        self.publish(&state);
    }

    /// How long the last packet in the pacer will have waited.
    pub(crate) fn set_backlog(&self, backlog: Duration) {
        self.backlog.store(u32::try_from(backlog.as_micros()).unwrap_or(u32::MAX), Ordering::Relaxed);
    }

    /// A new estimate in bit/s.
    pub(crate) fn set_target(&self, target: f64) {
        let mut state = self.state();
        if state.target.is_some() {
            state.target = Some(target);
            self.publish(&state);
        }
    }

    /// Computes the estimate, and publishes it if it differs noticeably.
    fn publish(&self, state: &State) {
        let target = state.target.map(|target| (target - state.retransmissions).max(target * MIN_NEW_SHARE));
        let bounds = [target, state.maximum].into_iter().flatten();
        let least = bounds.fold(f64::INFINITY, f64::min);
        let estimate = least.min(f64::from(u32::MAX)) as u32;
        // The lock of the state makes this one step.
        let published = self.estimate();
        if f64::from(published.abs_diff(estimate)) > f64::from(published) * MIN_CHANGE {
            self.estimate.store(estimate, Ordering::Release);
            (self.on_change.0)(estimate);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

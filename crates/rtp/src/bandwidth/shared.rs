//! What is known of the bandwidth to one receiver, shared by the interceptors and the owner of the connection.

use super::probe::{ProbeCluster, SentCluster};
use crate::meters::RoundTripTime;
use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The estimate of a line about which nothing is known yet, in bit/s: enough for a picture, and on most lines no queue.
pub(crate) const INITIAL_BITRATE: f64 = 1_000_000.0;
/// The least that is ever estimated, in bit/s: sound and a small picture.
pub(crate) const MIN_BITRATE: f64 = 100_000.0;
/// Estimates that differ by less than this share are not told.
const MIN_CHANGE: f64 = 0.03;

/// Whatever is retransmitted, new things get this share.
const MIN_NEW_SHARE: f64 = 0.5;
/// Of each new count of retransmissions in their mean.
const SMOOTHING: f64 = 0.4;

/// What a video has to wait for in the pacer before frames of higher temporal layers are left out.
pub const BACKLOG_LIMIT: Duration = Duration::from_millis(40);

/// What is known of a line; shared by the interceptors and the peer's task.
#[derive(Debug)]
pub struct Bandwidth {
    /// Bit/s for everything that is sent for the first time; `u32::MAX` while nothing bounds it.
    estimate: AtomicU32,
    changed: Changed,
    /// Bit/s that each stream could make use of, by SSRC.
    needs: Mutex<HashMap<u32, u32>>,
    /// Microseconds that the last packet in the pacer will have waited.
    backlog: AtomicU32,
    /// From the departure of a packet to the report of its arrival.
    pub(crate) round_trip: RoundTripTime,
    state: Mutex<State>,
}

/// What the estimator, the pacer and the far end say.
#[derive(Debug, Default)]
struct State {
    /// Packets can be sent twice without harm (RFC 4588), as probes do.
    repeats: bool,
    wanted: Option<ProbeCluster>,
    sent: Option<SentCluster>,
    /// What the far end says is the most (REMB), in bit/s.
    maximum: Option<f64>,
    /// The estimator's latest word; `None` while the far end reports no arrivals.
    target: Option<f64>,
    /// What of it retransmissions take, in bit/s.
    retransmissions: f64,
    /// SSRCs under which something ended or begins: what was sent there before is not to be sent again.
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
struct Changed(Box<dyn Fn(u32) + Send + Sync>);

impl fmt::Debug for Changed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Changed")
    }
}

/// Nobody hears of changes.
impl Default for Bandwidth {
    fn default() -> Self {
        Self::new(|_| {})
    }
}

impl Bandwidth {
    /// `changed` is called with each new estimate, from inside the interceptors: it must not wait.
    pub fn new(changed: impl Fn(u32) + Send + Sync + 'static) -> Self {
        Self {
            estimate: AtomicU32::new(u32::MAX),
            changed: Changed(Box::new(changed)),
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

    /// Bit/s that the line is taken to carry, retransmissions included; `None` while nothing is known.
    pub fn available(&self) -> Option<f64> {
        let state = self.state();
        [state.target, state.maximum].into_iter().flatten().min_by(f64::total_cmp)
    }

    /// The stream `ssrc` could make use of so many bit/s. Nobody looks for more than all need together.
    pub fn set_need(&self, ssrc: u32, need: u32) {
        self.needs.lock().unwrap_or_else(PoisonError::into_inner).insert(ssrc, need);
    }

    /// Something ended or begins under `ssrc`, maybe for a receiver that must not see again what was there before.
    pub fn change_feed(&self, ssrc: u32) {
        let mut state = self.state();
        if !state.changed.contains(&ssrc) {
            state.changed.push(ssrc);
        }
    }

    /// How long what is written now will wait in the pacer.
    pub fn backlog(&self) -> Duration {
        Duration::from_micros(self.backlog.load(Ordering::Relaxed).into())
    }

    /// The far end estimates for itself what it can receive (draft-alvestrand-rmcat-remb-03).
    pub fn set_remb(&self, maximum: f32) {
        let maximum = f64::from(maximum);
        if maximum.is_finite() && maximum > 0.0 {
            let mut state = self.state();
            state.maximum = Some(maximum.max(MIN_BITRATE));
            self.publish(&state);
        }
    }

    /// The far end reports arrivals; from now on the estimate counts.
    pub(crate) fn begin(&self, retransmissions: bool) {
        let mut state = self.state();
        state.repeats |= retransmissions;
        state.target.get_or_insert(INITIAL_BITRATE);
        self.publish(&state);
    }

    /// What the pacer is to do from now on.
    pub(crate) fn orders(&self) -> PacerOrders {
        let mut state = self.state();
        PacerOrders { changed: std::mem::take(&mut state.changed), cluster: state.wanted.take(), target: state.target }
    }

    pub(crate) fn can_probe(&self) -> bool {
        self.state().repeats
    }

    /// The pacer is to send a cluster.
    pub(crate) fn request_probe(&self, cluster: ProbeCluster) {
        self.state().wanted = Some(cluster);
    }

    /// The pacer has sent the cluster.
    pub(crate) fn probe_sent(&self, sent: SentCluster) {
        self.state().sent = Some(sent);
    }

    pub(crate) fn take_sent_probe(&self) -> Option<SentCluster> {
        self.state().sent.take()
    }

    pub(crate) fn need(&self) -> f64 {
        let needs = self.needs.lock().unwrap_or_else(PoisonError::into_inner);
        needs.values().copied().map(f64::from).sum()
    }

    /// Retransmissions take so many bit/s. New things get what is left, smoothed: retransmissions come in bursts.
    pub(crate) fn set_retransmissions(&self, retransmissions: f64) {
        let mut state = self.state();
        state.retransmissions += (retransmissions - state.retransmissions) * SMOOTHING;
        self.publish(&state);
    }

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

    fn publish(&self, state: &State) {
        let target = state.target.map(|target| (target - state.retransmissions).max(target * MIN_NEW_SHARE));
        let bounds = [target, state.maximum].into_iter().flatten();
        let least = bounds.fold(f64::INFINITY, f64::min);
        let estimate = least.min(f64::from(u32::MAX)) as u32;
        // The lock of the state makes this one step.
        let told = self.estimate();
        if f64::from(told.abs_diff(estimate)) > f64::from(told) * MIN_CHANGE {
            self.estimate.store(estimate, Ordering::Release);
            (self.changed.0)(estimate);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

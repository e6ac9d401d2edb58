//! The bandwidth estimator: from reports of arrivals to a target bitrate, by queuing delay and loss.
//!
//! While a queue stands, the path is full, and what arrives is what it carries: that, less what drains the queue, is the
//! target. While none stands there may be room: the target grows slowly near a limit that was met lately, faster elsewhere,
//! and at once where a probe finds more. Losses alone are taken for the path's nature until they are many.

use super::probe::Prober;
use super::shared::{Bandwidth, INITIAL_BITRATE, MIN_BITRATE};
use super::standing_queue::StandingQueue;
use super::traffic::Traffic;
use rtc::interceptor::{BandwidthEstimator, PacketReport};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A queue that stands so long, in ms, is one of ours; half of it is none.
const CONGESTED: f64 = 30.0;
/// What may stay of a queue, in ms: some of it is inaccuracy. The rest is to be gone after so many ms.
const TOLERATED: f64 = 15.0;
const DRAINED: f64 = 500.0;
/// The part of the bandwidth that is left free to drain a queue, at least and at most.
const LEAST_DRAIN: f64 = 0.05;
const MOST_DRAIN: f64 = 0.4;
/// More was sent than arrived, and not by chance.
const OVERFED: f64 = 1.05;
/// The source uses the estimate if it sends so much of it.
const USED: f64 = 0.8;
/// A queue that stands though less is sent: the step down, and how often.
const STEP_DOWN: f64 = 0.9;
const STEP: Duration = Duration::from_millis(300);
/// A queue that did not shrink in this time though less was sent is not ours.
const NOT_OURS: Duration = Duration::from_secs(2);
/// A higher loss rate means that the path is too full (draft-ietf-rmcat-gcc-02 section 6).
const TOO_LOSSY: f64 = 0.1;
/// A full queue of ours loses more than that.
const FEW_LOST: f64 = 0.02;
const LOSS_STEP: Duration = Duration::from_millis(500);
/// A limit that was met counts so long.
const MEMORY: Duration = Duration::from_secs(15);
/// Back to so much of that limit at once, then by this share of it in a second.
const BACK_TO: f64 = 0.85;
const NEAR_THE_LIMIT: f64 = 0.06;
/// Elsewhere by this share in a second.
const GROWTH: f64 = 0.15;
/// The target is at most this multiple of what arrives: whether more would arrive is not known.
const UNPROVEN: f64 = 1.5;
/// Reports that stop for so long: another path may follow.
const SILENCE: Duration = Duration::from_secs(1);
/// What probes look for, and the highest target, as multiples of what all streams need.
const GOAL: f64 = 1.25;
const MOST: f64 = 2.0;

/// The estimator of one path.
pub(crate) struct Estimator {
    bandwidth: Arc<Bandwidth>,
    /// Target bitrate in bit/s.
    target: f64,
    queue: StandingQueue,
    traffic: Traffic,
    prober: Prober,
    /// When the last reports came.
    reported: Option<Instant>,
    /// What the path carried when it was full, in bit/s, and when that was.
    limit: Option<(f64, Instant)>,
    /// Since when a queue stands, and how long it was then, in ms.
    congested: Option<(Instant, f64)>,
    /// When the target was last lowered by a step.
    stepped: Option<Instant>,
}

impl Estimator {
    pub(crate) fn new(bandwidth: Arc<Bandwidth>) -> Self {
        Self {
            bandwidth,
            target: INITIAL_BITRATE,
            queue: StandingQueue::default(),
            traffic: Traffic::default(),
            prober: Prober::default(),
            reported: None,
            limit: None,
            congested: None,
            stepped: None,
        }
    }

    /// Reports come again after a silence: of the path before nothing is known to hold.
    fn begin_anew(&mut self) {
        self.queue.forget();
        self.traffic.forget();
        self.prober.forget();
        (self.limit, self.congested, self.stepped) = (None, None, None);
        self.target = self.target.min(INITIAL_BITRATE);
    }

    /// Lowers the target: a queue of `standing` ms stands.
    fn decrease(&mut self, now: Instant, standing: f64) {
        let (sent, arrived) = (self.traffic.sent(), self.traffic.arrived());
        let (since, before) = *self.congested.get_or_insert((now, standing));
        self.prober.wait(now + STEP);
        if sent > arrived * OVERFED || arrived > self.target * USED {
            let drain = ((standing - TOLERATED) / DRAINED).clamp(LEAST_DRAIN, MOST_DRAIN);
            let carried = self.traffic.carried();
            self.limit = Some((carried, now));
            self.target = self.target.min(carried * (1.0 - drain));
        } else if self.may_step(now, STEP) {
            self.target = (self.target * STEP_DOWN).max(arrived.min(self.target));
        }
        if now.saturating_duration_since(since) > NOT_OURS {
            if standing > before * USED && sent <= arrived * OVERFED && self.traffic.lost() < FEW_LOST {
                self.queue.accept();
            }
            self.congested = Some((now, standing));
        }
    }

    /// Raises the target: no queue stands; `passed` since the last reports.
    fn increase(&mut self, now: Instant, passed: Duration) {
        let seconds = passed.as_secs_f64();
        if self.target > self.traffic.arrived() * UNPROVEN {
            return;
        }
        self.limit = self.limit.filter(|(_, at)| now.saturating_duration_since(*at) < MEMORY);
        self.target = match self.limit {
            Some((limit, _)) if self.target < limit * BACK_TO => (self.target * (1.0 + seconds)).min(limit * BACK_TO),
            Some((limit, _)) if self.target < limit * (2.0 - BACK_TO) => self.target + limit * NEAR_THE_LIMIT * seconds,
            _ => self.target * (1.0 + GROWTH * seconds),
        };
    }

    /// Lowers the target, because this share of the packets was lost.
    fn lose(&mut self, now: Instant, lost: f64) {
        if self.may_step(now, LOSS_STEP) {
            self.target *= 1.0 - lost / 2.0;
        }
    }

    /// True if the target may be lowered by a step: `pause` has passed since the last one.
    fn may_step(&mut self, now: Instant, pause: Duration) -> bool {
        let may = self.stepped.is_none_or(|at| now.saturating_duration_since(at) >= pause);
        if may {
            self.stepped = Some(now);
        }
        may
    }

    /// A probe showed that the path carries `rate` bit/s.
    fn found(&mut self, now: Instant, rate: f64) {
        if rate > self.target {
            if self.limit.is_some_and(|(limit, _)| rate > limit) {
                self.limit = None;
            }
            self.target = rate;
            self.prober.succeeded(now);
        }
    }
}

impl BandwidthEstimator for Estimator {
    fn on_reports(&mut self, now: Instant, reports: &[PacketReport]) {
        if reports.is_empty() {
            return;
        }
        let passed = self.reported.map_or(Duration::ZERO, |at| now.saturating_duration_since(at));
        self.reported = Some(now);
        if passed > SILENCE {
            self.begin_anew();
        }
        if let Some(newest) = reports.iter().filter(|report| report.arrived).map(|report| report.departure).max() {
            self.bandwidth.round_trip.set(now.saturating_duration_since(newest));
        }
        if let Some(sent) = self.bandwidth.take_sent_probe() {
            self.prober.sent(sent);
        }
        let mut found = None;
        for report in reports {
            self.traffic.push(report);
            self.queue.push(report);
            found = self.prober.push(now, report).or(found);
        }
        let (standing, lost) = (self.queue.standing().unwrap_or(0.0), self.traffic.lost());
        if standing > CONGESTED {
            self.decrease(now, standing);
        } else {
            self.congested = None;
            if let Some(rate) = found {
                self.found(now, rate);
            }
            if lost > TOO_LOSSY {
                self.lose(now, lost);
            } else if standing < CONGESTED / 2.0 {
                self.increase(now, passed.min(SILENCE));
            }
        }
        let need = self.bandwidth.need();
        self.target = self.target.min((need * MOST).max(INITIAL_BITRATE)).max(MIN_BITRATE);
        let clear = standing < CONGESTED / 2.0 && lost <= TOO_LOSSY;
        if clear
            && self.bandwidth.can_probe()
            && let Some(cluster) = self.prober.due(now, self.target, need * GOAL)
        {
            self.bandwidth.request_probe(cluster);
        }
        self.bandwidth.set_target(self.target);
    }

    fn target_bitrate(&self) -> f64 {
        self.target
    }
}

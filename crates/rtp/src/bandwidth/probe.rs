//! Bandwidth probes: finding out whether the path carries more, without waiting for the encoder to send more.
//!
//! A cluster of packets leaves faster than what is sent at present; how fast it arrives is what the path carries, or nearly.
//! It consists of what waits to be sent and of packets that are sent once more (RFC 4588), which also repair what was lost.

use rtc::interceptor::PacketReport;
use std::time::{Duration, Instant};

/// A cluster takes so long. Half of what it is too fast is the queue that it builds on a path with nothing to spare: 20 ms.
const LENGTH: Duration = Duration::from_millis(40);
/// Fewer packets than that measure nothing.
const FEWEST: usize = 4;
/// Of a cluster that arrives this much slower than it left, the path was the limit.
const SATURATED: f64 = 0.9;
/// What of a limit that was found is made use of, so that no queue stands.
const USE: f64 = 0.9;
/// A result counts if so much of the cluster arrived.
const ARRIVED: f64 = 0.8;
/// A cluster whose packets were not all reported after this time is given up.
const PATIENCE: Duration = Duration::from_secs(2);
/// After a probe that found nothing more the next one waits so long, after one that did, only so long.
const PAUSE: Duration = Duration::from_millis(2_500);
const PAUSE_AFTER_SUCCESS: Duration = Duration::from_millis(150);
/// But what probes send is at most this part of everything.
const MOST: f64 = 0.05;
/// After one that showed nothing.
const PAUSE_AFTER_NOTHING: Duration = Duration::from_millis(400);
/// How much faster than the estimate a probe is; the first one of a path more so.
const FASTER: f64 = 2.0;
const FIRST: f64 = 3.0;

/// A cluster of packets that the pacer is to send as a probe.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct ProbeCluster {
    /// In bit/s.
    pub(crate) rate: f64,
    /// At least so many, in at least so many packets.
    pub(crate) bytes: usize,
    pub(crate) packets: usize,
}

/// When a cluster was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SentCluster {
    pub(crate) first: Instant,
    pub(crate) last: Instant,
}

#[derive(Debug)]
struct Pending {
    since: Instant,
    /// The estimate then, in bit/s.
    target: f64,
    sent: Option<SentCluster>,
    packets: Vec<PacketReport>,
}

/// Says when to probe, and reads the results.
#[derive(Debug, Default)]
pub(crate) struct Prober {
    pending: Option<Pending>,
    /// Not before then.
    next: Option<Instant>,
    /// This path was probed.
    begun: bool,
}

impl Prober {
    /// A cluster, if it is time for one: the estimate is `target`, and `goal` is all that can be made use of, in bit/s.
    pub(crate) fn due(&mut self, now: Instant, target: f64, goal: f64) -> Option<ProbeCluster> {
        let waits = self.pending.is_some() || self.next.is_some_and(|next| now < next);
        if waits || target >= goal {
            return None;
        }
        let rate = (target * if self.begun { FASTER } else { FIRST }).min(goal * 1.1);
        self.begun = true;
        self.pending = Some(Pending { since: now, target, sent: None, packets: Vec::new() });
        Some(ProbeCluster { rate, bytes: (rate * LENGTH.as_secs_f64() / 8.0) as usize, packets: FEWEST + 1 })
    }

    /// The pacer has sent the cluster.
    pub(crate) fn sent(&mut self, sent: SentCluster) {
        if let Some(pending) = &mut self.pending {
            pending.sent = Some(sent);
        }
    }

    /// Takes in what is known of a packet. Returns bit/s that the path carries at least, once a cluster shows it.
    pub(crate) fn push(&mut self, now: Instant, packet: &PacketReport) -> Option<f64> {
        let pending = self.pending.as_mut()?;
        if packet.departure >= pending.since {
            pending.packets.push(packet.clone());
        }
        // A packet from behind its end, or its last one.
        let over = pending.sent.is_some_and(|sent| packet.departure >= sent.last);
        if !over {
            if now.saturating_duration_since(pending.since) > PATIENCE {
                self.finish(now, PAUSE_AFTER_NOTHING);
            }
            return None;
        }
        let result = pending.sent.and_then(|sent| measure(sent, &pending.packets));
        let bits = pending.packets.iter().map(|packet| packet.size).sum::<usize>() as f64 * 8.0;
        let pause = PAUSE.max(Duration::from_secs_f64(bits / (pending.target * MOST)));
        self.finish(now, if result.is_some() { pause } else { PAUSE_AFTER_NOTHING });
        result
    }

    /// The result was more than was known: the next one may find still more.
    pub(crate) fn succeeded(&mut self, now: Instant) {
        self.next = Some(now + PAUSE_AFTER_SUCCESS);
    }

    /// No probe before then, because the path is full.
    pub(crate) fn wait(&mut self, until: Instant) {
        self.next = Some(self.next.map_or(until, |next| next.max(until)));
    }

    /// Another path may have taken over.
    pub(crate) fn forget(&mut self) {
        *self = Self::default();
    }

    fn finish(&mut self, now: Instant, pause: Duration) {
        self.pending = None;
        self.next = Some(now + pause);
    }
}

/// Bit/s that a cluster shows.
fn measure(sent: SentCluster, packets: &[PacketReport]) -> Option<f64> {
    let cluster: Vec<&PacketReport> =
        packets.iter().filter(|packet| packet.departure >= sent.first && packet.departure <= sent.last).collect();
    let came: Vec<(Duration, usize)> =
        cluster.iter().filter_map(|packet| Some((packet.arrival?, packet.size))).collect();
    if came.len() < FEWEST || (came.len() as f64) < cluster.len() as f64 * ARRIVED {
        return None;
    }
    let bits = |sizes: &mut dyn Iterator<Item = usize>| sizes.sum::<usize>() as f64 * 8.0;
    // The last packet to leave and the first one to arrive only mark the time.
    let left = bits(&mut cluster.iter().rev().skip(1).map(|packet| packet.size));
    let leaving = sent.last.saturating_duration_since(sent.first).as_secs_f64();
    let (first, first_size) = *came.iter().min_by_key(|(at, _)| *at)?;
    let last = came.iter().map(|(at, _)| *at).max()?;
    let arrived = bits(&mut came.iter().map(|(_, size)| *size)) - first_size as f64 * 8.0;
    let arriving = last.saturating_sub(first).as_secs_f64();
    if leaving <= 0.0 {
        return None;
    }
    let send_rate = left / leaving;
    // Packets that arrive closer together than they left had waited for something: not a sign of more.
    let arrival_rate = if arriving > 0.0 { arrived / arriving } else { f64::INFINITY };
    if arrival_rate < send_rate * SATURATED { Some(arrival_rate * USE) } else { Some(send_rate.min(arrival_rate)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bandwidth::traffic::tests::report;

    /// What a cluster of twelve packets shows, of which one leaves every 3 ms and arrives every `spacing` ms.
    fn shown(spacing: u64, lost: u64) -> Option<f64> {
        let (mut prober, start) = (Prober::default(), Instant::now());
        let cluster = prober.due(start, 1_000_000.0, 10_000_000.0).unwrap();
        assert_eq!((cluster.rate, cluster.bytes), (3_000_000.0, 15_000));
        assert_eq!(prober.due(start, 1_000_000.0, 10_000_000.0), None, "one at a time");
        let ms = |ms| start + Duration::from_millis(ms);
        prober.sent(SentCluster { first: ms(3), last: ms(36) });
        let mut result = None;
        for n in 1..=12 {
            let arrival = (n > lost).then_some(20 + n * spacing);
            result = prober.push(ms(60), &report(start, n * 3, arrival));
        }
        assert_eq!(prober.due(ms(61), 1_000_000.0, 10_000_000.0), None, "no second one at once");
        assert!(prober.due(ms(3_000), 1_000_000.0, 10_000_000.0).is_some());
        result
    }

    #[test]
    fn a_path_that_carries_it_shows_the_rate_of_the_cluster() {
        assert_eq!(shown(3, 0), Some(3_200_000.0));
        // Bunched on the way.
        assert_eq!(shown(1, 0), Some(3_200_000.0));
    }

    #[test]
    fn a_path_that_does_not_shows_its_own_rate() {
        assert_eq!(shown(6, 0), Some(1_440_000.0));
    }

    #[test]
    fn half_a_cluster_shows_nothing() {
        assert_eq!(shown(3, 6), None);
    }

    #[test]
    fn no_probe_looks_for_more_than_is_needed() {
        let (mut prober, now) = (Prober::default(), Instant::now());
        assert_eq!(prober.due(now, 1_000_000.0, 900_000.0), None);
        assert_eq!(prober.due(now, 1_000_000.0, 1_500_000.0).unwrap().rate.round(), 1_650_000.0);
    }
}

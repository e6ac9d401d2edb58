//! The pacer: sends video evenly instead of frame by frame, and sends probes.
//!
//! Audio and RTCP pass at once: they never wait behind video. Of video nothing waits longer than [`MAX_QUEUE_TIME`].

use super::pacer_queue::{MAX_QUEUE_TIME, PacerQueue, PacketPriority, bits};
use super::probe::{ProbeCluster, SentCluster};
use super::retransmission::{Original, Retransmissions, bucket};
use super::shared::{Bandwidth, INITIAL_BITRATE, PacerOrders};
use rtc::interceptor::Pacer as LeakyBucket;
use rtc::interceptor::{Attribute, AttributedPacket, Interceptor, Packet, StreamInfo, TaggedPacket};
use rtc::rtcp::transport_feedbacks::transport_layer_nack::{TransportLayerNack, nack_pairs_from_sequence_numbers};
use rtc::rtp;
use rtc::sansio::Protocol;
use rtc::sdp::extmap::TRANSPORT_CC_URI;
use rtc::shared::TransportContext;
use rtc::shared::error::Error;
use rtc::shared::marshal::MarshalSize;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Frames leave this much faster than the estimate: an encoder's frames differ in size.
const FACTOR: f64 = 1.6;
/// So much of that leaves at once. A frame of usual size does not wait at all on a path with room to spare.
const BURST: Duration = Duration::from_millis(15);
/// A cluster that was not sent after this time is over.
const PROBE_PATIENCE: Duration = Duration::from_millis(250);
/// A moment later the budget is there for certain, whatever was rounded.
const ROUNDING: Duration = Duration::from_micros(100);

#[derive(Debug)]
struct ActiveProbe {
    cluster: ProbeCluster,
    since: Instant,
    bytes: usize,
    packets: usize,
    sent: Option<SentCluster>,
}

/// The interceptor that paces what is sent on one connection.
pub(crate) struct Pacer {
    bandwidth: Arc<Bandwidth>,
    bucket: LeakyBucket,
    /// In bit/s.
    rate: f64,
    queue: PacerQueue,
    retransmissions: Retransmissions,
    /// SSRCs of video, with that of their retransmissions if there is one.
    videos: HashMap<u32, Option<u32>>,
    /// Packets that were requested once more to fill a probe.
    padding: VecDeque<Original>,
    probe: Option<ActiveProbe>,
    reads: VecDeque<TaggedPacket>,
    writes: VecDeque<TaggedPacket>,
}

impl Pacer {
    pub(crate) fn new(bandwidth: Arc<Bandwidth>) -> Self {
        let rate = INITIAL_BITRATE * FACTOR;
        Self {
            bandwidth,
            bucket: bucket(&LeakyBucket::new(rate), rate, BURST),
            rate,
            queue: PacerQueue::default(),
            retransmissions: Retransmissions::new(INITIAL_BITRATE),
            videos: HashMap::new(),
            padding: VecDeque::new(),
            probe: None,
            reads: VecDeque::new(),
            writes: VecDeque::new(),
        }
    }

    /// Follows [`Bandwidth`]: sends at the estimate, or at the rate of a probe.
    fn follow(&mut self, now: Instant) {
        let PacerOrders { changed, cluster, target } = self.bandwidth.orders();
        for ssrc in changed {
            self.retransmissions.forget(ssrc);
            self.end_probe();
        }
        if let Some(cluster) = cluster {
            self.begin_probe(cluster, now);
        }
        let target = target.unwrap_or(f64::from(u32::MAX));
        let (rate, burst) = match &self.probe {
            // Without a burst: its rate is what is measured.
            Some(probe) => (probe.cluster.rate, Duration::ZERO),
            None => (target * FACTOR, BURST),
        };
        if (rate - self.rate).abs() > 1.0 {
            self.bucket.refill(now);
            self.bucket = bucket(&self.bucket, rate, burst);
            self.retransmissions.set_rate(target, now);
            self.rate = rate;
        }
    }

    /// Requests retransmissions that fill the cluster, beside what waits anyway.
    fn begin_probe(&mut self, cluster: ProbeCluster, now: Instant) {
        let missing = cluster.bytes as f64 - self.queue.bits() / 8.0;
        let chosen = self.retransmissions.latest(missing, cluster.packets.saturating_sub(self.queue.len()));
        // The responder answers each packet once for one request.
        for (ssrc, original) in chosen.into_iter().rev() {
            self.padding.push_back(original);
            self.reads.push_back(request(ssrc, original.1, now));
        }
        self.probe = Some(ActiveProbe { cluster, since: now, bytes: 0, packets: 0, sent: None });
    }

    fn end_probe(&mut self) {
        if let Some(sent) = self.probe.take().and_then(|probe| probe.sent) {
            self.bandwidth.probe_sent(sent);
        }
        self.padding.clear();
        self.queue.drop_padding();
    }

    fn enqueue(&mut self, packet: TaggedPacket) {
        match self.priority(&packet) {
            Some(Some(priority)) => self.queue.push(priority, packet),
            Some(None) => {}
            None => {
                // It uses up budget, so that video makes room for it.
                self.bucket.consume(bits(&packet));
                self.writes.push_back(packet);
            }
        }
    }

    /// The priority of a packet: `None` for audio and RTCP, which pass; `Some(None)` for retransmissions of no use.
    fn priority(&mut self, packet: &TaggedPacket) -> Option<Option<PacketPriority>> {
        let Packet::Rtp(rtp) = &packet.message.packet else { return None };
        let (ssrc, sequence) = (rtp.header.ssrc, rtp.header.sequence_number);
        let video = self.videos.get(&ssrc);
        if packet.message.has(&Attribute::Retransmission) {
            // Without a stream of their own they are the same packets again.
            let original = if video.is_some() { (ssrc, sequence) } else { original(rtp)? };
            if let Some(index) = self.padding.iter().position(|padding| *padding == original) {
                self.padding.remove(index);
                return Some(Some(PacketPriority::Padding));
            }
            let round_trip = self.bandwidth.round_trip.get().unwrap_or_default();
            let admitted = self.retransmissions.admit(original, bits(packet), packet.now, round_trip);
            return Some(admitted.then_some(PacketPriority::Retransmission));
        }
        let original = (video?.unwrap_or(ssrc), sequence);
        self.retransmissions.remember(ssrc, original, rtp.marshal_size(), packet.now);
        Some(Some(PacketPriority::Video))
    }

    /// Sends what the budget allows.
    fn release(&mut self, now: Instant) {
        if let Some(retransmissions) = self.retransmissions.count(now) {
            self.bandwidth.set_retransmissions(retransmissions);
        }
        self.bucket.refill(now);
        while let Some((size, overdue)) = self.queue.next(now) {
            if !overdue && !self.bucket.can_release(size) {
                break;
            }
            let Some(mut packet) = self.queue.pop(now) else { break };
            // What was overdue is no debt for ever: the encoder comes down to the estimate by itself.
            let debt = self.bucket.budget_bits() + self.bucket.burst_bits();
            self.bucket.consume(size.min(debt.max(0.0)));
            packet.now = now;
            self.writes.push_back(packet);
            self.count(size, now);
        }
        if self.probe.as_ref().is_some_and(|probe| now.saturating_duration_since(probe.since) > PROBE_PATIENCE) {
            self.end_probe();
        }
        self.bandwidth.set_backlog(Duration::from_secs_f64((self.queue.bits() / self.rate).max(0.0)));
    }

    /// A packet of so many bits was sent; it may be one of a probe.
    fn count(&mut self, bits: f64, now: Instant) {
        let Some(probe) = &mut self.probe else { return };
        probe.bytes += (bits / 8.0) as usize;
        probe.packets += 1;
        probe.sent.get_or_insert(SentCluster { first: now, last: now }).last = now;
        if probe.bytes >= probe.cluster.bytes && probe.packets >= probe.cluster.packets {
            self.end_probe();
            self.follow(now);
        }
    }
}

/// What a retransmission repeats (RFC 4588 section 4).
fn original(packet: &rtp::Packet) -> Option<Original> {
    let sequence = packet.payload.get(..2)?;
    Some((packet.header.ssrc, u16::from_be_bytes([sequence[0], sequence[1]])))
}

/// A request for a retransmission as if it came from the far end: the responder has the packets and numbers what it sends.
fn request(ssrc: u32, sequence: u16, now: Instant) -> TaggedPacket {
    let nacks = nack_pairs_from_sequence_numbers(&[sequence]);
    let nack = TransportLayerNack { sender_ssrc: 0, media_ssrc: ssrc, nacks };
    let message = AttributedPacket::new(Packet::Rtcp(vec![Box::new(nack)]));
    TaggedPacket { now, transport: TransportContext::default(), message }
}

impl Protocol<TaggedPacket, TaggedPacket, ()> for Pacer {
    type Rout = TaggedPacket;
    type Wout = TaggedPacket;
    type Eout = ();
    type Error = Error;
    type Time = Instant;

    fn handle_read(&mut self, packet: TaggedPacket) -> Result<(), Error> {
        let now = packet.now;
        let report = matches!(packet.message.packet, Packet::Rtcp(_));
        self.reads.push_back(packet);
        if report {
            self.follow(now);
            self.release(now);
        }
        Ok(())
    }

    fn poll_read(&mut self) -> Option<TaggedPacket> {
        self.reads.pop_front()
    }

    fn handle_write(&mut self, packet: TaggedPacket) -> Result<(), Error> {
        let now = packet.now;
        self.follow(now);
        self.enqueue(packet);
        self.release(now);
        Ok(())
    }

    fn poll_write(&mut self) -> Option<TaggedPacket> {
        self.writes.pop_front()
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), Error> {
        self.follow(now);
        self.release(now);
        Ok(())
    }

    fn poll_timeout(&mut self) -> Option<Instant> {
        let latest = self.queue.deadline()?;
        let (size, _) = self.queue.next(latest - MAX_QUEUE_TIME)?;
        Some(self.bucket.releasable_at(size).map_or(latest, |at| (at + ROUNDING).min(latest)))
    }
}

impl Interceptor for Pacer {
    fn bind_local_stream(&mut self, info: &StreamInfo) {
        let numbered = info.rtp_header_extensions.iter().any(|extension| extension.uri == TRANSPORT_CC_URI);
        let rtx = info.ssrc_rtx.filter(|_| info.payload_type_rtx.is_some());
        if numbered {
            self.bandwidth.begin(rtx.is_some());
        }
        if info.mime_type.to_ascii_lowercase().starts_with("video/") {
            self.videos.insert(info.ssrc, rtx);
        }
    }

    fn unbind_local_stream(&mut self, info: &StreamInfo) {
        self.videos.remove(&info.ssrc);
        self.retransmissions.forget(info.ssrc);
    }

    fn bind_remote_stream(&mut self, _: &StreamInfo) {}

    fn unbind_remote_stream(&mut self, _: &StreamInfo) {}
}

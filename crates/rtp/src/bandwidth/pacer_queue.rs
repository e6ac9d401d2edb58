//! The queues of the pacer, by priority.

use rtc::interceptor::{Packet, TaggedPacket};
use rtc::shared::marshal::MarshalSize;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// No packet waits longer in the pacer: what is late is of no use, and the estimate may be wrong.
pub(crate) const MAX_QUEUE_TIME: Duration = Duration::from_millis(100);

/// Priorities of packets, the most urgent first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PacketPriority {
    /// Something was lost and the receiver waits for it.
    Retransmission,
    /// A packet of video that is sent for the first time.
    Video,
    /// It only fills a probe.
    Padding,
}

/// Packets that wait to be sent: in order within a priority, each with the time since when it waits.
#[derive(Default)]
pub(crate) struct PacerQueue {
    queues: [VecDeque<(Instant, TaggedPacket)>; 3],
    bits: f64,
}

impl PacerQueue {
    pub(crate) fn push(&mut self, priority: PacketPriority, packet: TaggedPacket) {
        self.bits += bits(&packet);
        self.queues[priority as usize].push_back((packet.now, packet));
    }

    /// The next packet's bits, and whether it has waited for [`MAX_QUEUE_TIME`].
    pub(crate) fn next(&self, now: Instant) -> Option<(f64, bool)> {
        let queue = &self.queues[self.turn(now)?];
        Some((bits(&queue.front()?.1), is_overdue(queue, now)))
    }

    pub(crate) fn pop(&mut self, now: Instant) -> Option<TaggedPacket> {
        let turn = self.turn(now)?;
        let (_, packet) = self.queues[turn].pop_front()?;
        self.bits -= bits(&packet);
        Some(packet)
    }

    /// When the first packet will have waited for [`MAX_QUEUE_TIME`].
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.queues.iter().filter_map(|queue| Some(queue.front()?.0 + MAX_QUEUE_TIME)).min()
    }

    /// Drops the padding: the probe is over.
    pub(crate) fn drop_padding(&mut self) {
        for (_, packet) in self.queues[PacketPriority::Padding as usize].drain(..) {
            self.bits -= bits(&packet);
        }
    }

    /// Bits of everything that waits.
    pub(crate) fn bits(&self) -> f64 {
        self.bits
    }

    /// Packets that are not padding.
    pub(crate) fn len(&self) -> usize {
        self.queues[PacketPriority::Retransmission as usize].len() + self.queues[PacketPriority::Video as usize].len()
    }

    /// Which queue is next: what is overdue, then the order of urgency.
    fn turn(&self, now: Instant) -> Option<usize> {
        let overdue = self.queues.iter().position(|queue| is_overdue(queue, now));
        overdue.or_else(|| self.queues.iter().position(|queue| !queue.is_empty()))
    }
}

fn is_overdue(queue: &VecDeque<(Instant, TaggedPacket)>, now: Instant) -> bool {
    queue.front().is_some_and(|(since, _)| now.saturating_duration_since(*since) >= MAX_QUEUE_TIME)
}

/// Size of an RTP packet, without what is below RTP.
pub(crate) fn bits(packet: &TaggedPacket) -> f64 {
    match &packet.message.packet {
        Packet::Rtp(rtp) => rtp.marshal_size() as f64 * 8.0,
        _ => 0.0,
    }
}

//! What waits in the pacer.

use super::LONGEST;
use rtc::interceptor::{Packet, TaggedPacket};
use rtc::shared::marshal::MarshalSize;
use std::collections::VecDeque;
use std::time::Instant;

/// Kinds of packets, the most urgent first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Something was lost and is waited for.
    Repair,
    Picture,
    /// It only fills a probe.
    Padding,
}

/// Packets of each kind in order, each since when.
#[derive(Default)]
pub(super) struct Waiting {
    queues: [VecDeque<(Instant, TaggedPacket)>; 3],
    bits: f64,
}

impl Waiting {
    pub(super) fn push(&mut self, kind: Kind, packet: TaggedPacket) {
        self.bits += bits(&packet);
        self.queues[kind as usize].push_back((packet.now, packet));
    }

    /// The next packet's bits, and whether it has waited longest enough.
    pub(super) fn next(&self, now: Instant) -> Option<(f64, bool)> {
        let queue = &self.queues[self.turn(now)?];
        Some((bits(&queue.front()?.1), is_overdue(queue, now)))
    }

    pub(super) fn pop(&mut self, now: Instant) -> Option<TaggedPacket> {
        let turn = self.turn(now)?;
        let (_, packet) = self.queues[turn].pop_front()?;
        self.bits -= bits(&packet);
        Some(packet)
    }

    /// When something will have waited longest enough.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.queues.iter().filter_map(|queue| Some(queue.front()?.0 + LONGEST)).min()
    }

    /// Padding that is of no use any more.
    pub(super) fn drop_padding(&mut self) {
        for (_, packet) in self.queues[Kind::Padding as usize].drain(..) {
            self.bits -= bits(&packet);
        }
    }

    /// Bits of everything that waits.
    pub(super) fn bits(&self) -> f64 {
        self.bits
    }

    /// Packets that are not padding.
    pub(super) fn len(&self) -> usize {
        self.queues[Kind::Repair as usize].len() + self.queues[Kind::Picture as usize].len()
    }

    /// Which queue is next: what is overdue, then the order of urgency.
    fn turn(&self, now: Instant) -> Option<usize> {
        let overdue = self.queues.iter().position(|queue| is_overdue(queue, now));
        overdue.or_else(|| self.queues.iter().position(|queue| !queue.is_empty()))
    }
}

fn is_overdue(queue: &VecDeque<(Instant, TaggedPacket)>, now: Instant) -> bool {
    queue.front().is_some_and(|(since, _)| now.saturating_duration_since(*since) >= LONGEST)
}

/// Size of an RTP packet, without what is below RTP.
pub(super) fn bits(packet: &TaggedPacket) -> f64 {
    match &packet.message.packet {
        Packet::Rtp(rtp) => rtp.marshal_size() as f64 * 8.0,
        _ => 0.0,
    }
}

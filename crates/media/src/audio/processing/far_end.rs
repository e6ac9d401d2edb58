//! The far end of echo cancellation: a lock-free queue of the blocks that the speaker plays, between two clocks.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use crossbeam_queue::ArrayQueue;

use crate::format::BLOCK;

/// Blocks the queue holds: 500 ms, as much as the rings of the devices. Full: the oldest goes.
const CAPACITY: usize = 50;
/// Window over which the reader counts blocks left over, in blocks: two seconds.
const WINDOW: u32 = 200;
/// Blocks left over all through a window that are too many: the speaker's clock is the faster one, or the microphone stood
/// still. A speaker keeps at least as many in its own ring, so that no echo comes before the block it is of.
const TOO_MANY: usize = 3;
/// Blocks that stay when too many are left over.
const KEPT: usize = 1;

/// The far end of echo cancellation: exactly the blocks that are written to the speaker, in their order. One output writes
/// and one capture reads; of several, the newest counts. Clones are the same far end.
#[derive(Debug, Clone)]
pub struct FarEnd(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    blocks: ArrayQueue<[f32; BLOCK]>,
    writer: AtomicU32,
    reader: AtomicU32,
}

impl Default for FarEnd {
    fn default() -> Self {
        let (writer, reader) = (AtomicU32::new(0), AtomicU32::new(0));
        Self(Arc::new(Shared { blocks: ArrayQueue::new(CAPACITY), writer, reader }))
    }
}

impl FarEnd {
    /// The writer for the speaker that plays from now on; what an earlier writer writes is ignored.
    pub(crate) fn writer(&self) -> FarEndWriter {
        let number = self.0.writer.fetch_add(1, Ordering::AcqRel) + 1;
        FarEndWriter { shared: self.0.clone(), number }
    }

    /// The reader for the microphone that captures from now on; an earlier reader finds nothing more.
    pub(crate) fn reader(&self) -> FarEndReader {
        let number = self.0.reader.fetch_add(1, Ordering::AcqRel) + 1;
        while self.0.blocks.pop().is_some() {}
        let writer = self.0.writer.load(Ordering::Acquire);
        FarEndReader { shared: self.0.clone(), number, writer, looked: 0, least: usize::MAX }
    }
}

/// See [`FarEnd::writer`].
#[derive(Debug)]
pub(crate) struct FarEndWriter {
    shared: Arc<Shared>,
    number: u32,
}

impl FarEndWriter {
    /// Hands on a block that was just written to the speaker. Neither waits nor allocates.
    pub(crate) fn write(&self, block: &[f32; BLOCK]) {
        if self.shared.writer.load(Ordering::Acquire) == self.number {
            self.shared.blocks.force_push(*block);
        }
    }
}

/// See [`FarEnd::reader`].
#[derive(Debug)]
pub(crate) struct FarEndReader {
    shared: Arc<Shared>,
    number: u32,
    writer: u32,
    looked: u32,
    /// Fewest blocks left over since the window began.
    least: usize,
}

impl FarEndReader {
    /// True once after the speaker was replaced: the echo path is another one.
    pub(crate) fn speaker_replaced(&mut self) -> bool {
        let now = self.shared.writer.load(Ordering::Acquire);
        std::mem::replace(&mut self.writer, now) != now
    }

    /// The next block that was played; `None` if the speaker is silent, late or not there. One is to be taken for each block
    /// of the microphone: both sides then keep the delay to which the canceller has adapted.
    pub(crate) fn next(&mut self) -> Option<[f32; BLOCK]> {
        if self.shared.reader.load(Ordering::Acquire) != self.number {
            return None;
        }
        let block = self.shared.blocks.pop();
        self.trim();
        block
    }

    /// Throws away what is left over all the time, at the end of each window.
    fn trim(&mut self) {
        self.least = self.least.min(self.shared.blocks.len());
        self.looked += 1;
        if self.looked < WINDOW {
            return;
        }
        if self.least >= TOO_MANY {
            for _ in KEPT..self.least {
                self.shared.blocks.pop();
            }
        }
        (self.looked, self.least) = (0, usize::MAX);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(value: usize) -> [f32; BLOCK] {
        [value as f32; BLOCK]
    }

    #[test]
    fn blocks_come_in_order_and_the_oldest_goes_when_nobody_reads() {
        let far = FarEnd::default();
        let (writer, mut reader) = (far.writer(), far.reader());
        assert!(reader.next().is_none());
        for n in 0..CAPACITY + 5 {
            writer.write(&block(n));
        }
        assert_eq!(reader.next(), Some(block(5)));
        assert_eq!(reader.next(), Some(block(6)));
        let mut later = far.reader();
        assert!(later.next().is_none(), "who begins to listen hears nothing old");
        writer.write(&block(1));
        assert!(reader.next().is_none(), "an earlier reader takes nothing from a later one");
        assert_eq!(later.next(), Some(block(1)));
    }

    #[test]
    fn the_newest_speaker_is_the_far_end() {
        let far = FarEnd::default();
        let first = far.writer();
        let mut reader = far.reader();
        assert!(!reader.speaker_replaced());
        let second = far.writer();
        first.write(&block(1));
        second.write(&block(2));
        assert!(reader.speaker_replaced() && !reader.speaker_replaced());
        assert_eq!(reader.next(), Some(block(2)));
        assert!(reader.next().is_none());
    }

    #[test]
    fn what_is_left_over_for_long_is_thrown_away_and_a_burst_is_not() {
        let far = FarEnd::default();
        let (writer, mut reader) = (far.writer(), far.reader());
        // A speaker that asks for 40 ms at once.
        for n in 0..10 * WINDOW as usize {
            if n % 4 == 0 {
                (n..n + 4).for_each(|n| writer.write(&block(n)));
            }
            assert_eq!(reader.next(), Some(block(n)));
        }
        // A microphone that stood still for 60 ms.
        let mut written = 10 * WINDOW as usize;
        for _ in 0..6 {
            writer.write(&block(written));
            written += 1;
        }
        for _ in 0..2 * WINDOW {
            writer.write(&block(written));
            written += 1;
            reader.next();
        }
        assert_eq!(reader.next(), Some(block(written - KEPT)), "brought back to the shortest distance");
    }
}

//! Payloads of packets on the thread of the mix, which frees no memory.

use std::ops::Deref;
use std::sync::Arc;

use bytes::Bytes;
use crossbeam_queue::ArrayQueue;

/// Payloads that the mix is done with, on their way to a thread that may free them. Full: the mix frees them after all.
pub(crate) type SpentPayloads = Arc<ArrayQueue<Bytes>>;

/// The payload of a packet. Dropped, it goes into the queue of those that are spent, if there is one.
#[derive(Debug, Clone)]
pub struct Payload {
    data: Bytes,
    spent: Option<SpentPayloads>,
}

impl Payload {
    pub(crate) fn new(data: Bytes, spent: Option<SpentPayloads>) -> Self {
        Self { data, spent }
    }
}

impl Drop for Payload {
    fn drop(&mut self) {
        if let Some(spent) = &self.spent {
            drop(spent.push(std::mem::take(&mut self.data)));
        }
    }
}

impl Deref for Payload {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.data
    }
}

impl PartialEq for Payload {
    fn eq(&self, other: &Self) -> bool {
        self.data == other.data
    }
}

impl Eq for Payload {}

//! Requests to a server, one after the other.

use serde_json::Value;
use std::collections::VecDeque;
use std::time::Duration;
use tokio::time::Instant;

/// How long the next request waits for the answer to the one before it.
const PATIENCE: Duration = Duration::from_secs(2);

/// Who wants an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RequestId {
    Request(u64),
    Probe,
}

/// An event that wants an answer.
#[derive(Debug)]
pub(super) struct QueuedRequest {
    pub(super) id: RequestId,
    pub(super) event: String,
    pub(super) args: Vec<Value>,
}

/// Requests one after the other: numbers that the library draws at random collide, and one of two that share a number gets
/// the other's answer. The next goes when the one before is answered, or after [`PATIENCE`], so that one which never is holds
/// up nobody for long.
#[derive(Debug, Default)]
pub(super) struct RequestQueue {
    waiting: VecDeque<QueuedRequest>,
    current: Option<(RequestId, Instant)>,
}

impl RequestQueue {
    pub(super) fn push(&mut self, request: QueuedRequest) {
        self.waiting.push_back(request);
    }

    /// The next request, if it may go.
    pub(super) fn next(&mut self, now: Instant) -> Option<QueuedRequest> {
        if self.current.is_some_and(|(_, until)| now < until) {
            return None;
        }
        let request = self.waiting.pop_front()?;
        self.current = Some((request.id, now + PATIENCE));
        Some(request)
    }

    pub(super) fn answered(&mut self, id: RequestId) {
        if self.current.is_some_and(|(current, _)| current == id) {
            self.current = None;
        }
    }

    /// When there is something to send.
    pub(super) fn due(&self) -> Option<Instant> {
        self.waiting.front().map(|_| self.current.map_or_else(Instant::now, |(_, until)| until))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_wait_for_each_other_and_one_without_an_answer_holds_up_nobody_for_long() {
        let asked = |number| QueuedRequest { id: RequestId::Request(number), event: "e".into(), args: Vec::new() };
        let number = |asked: Option<QueuedRequest>| asked.map(|asked| asked.id);
        let (mut queue, now) = (RequestQueue::default(), Instant::now());
        for n in 1..=3 {
            queue.push(asked(n));
        }
        assert_eq!(number(queue.next(now)), Some(RequestId::Request(1)));
        assert_eq!(number(queue.next(now)), None);
        queue.answered(RequestId::Request(7));
        assert_eq!(number(queue.next(now)), None);
        queue.answered(RequestId::Request(1));
        assert_eq!(number(queue.next(now)), Some(RequestId::Request(2)));
        assert_eq!(queue.due(), Some(now + PATIENCE));
        assert_eq!(number(queue.next(now + PATIENCE)), Some(RequestId::Request(3)));
        assert_eq!(queue.due(), None);
    }
}

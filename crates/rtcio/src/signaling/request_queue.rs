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
    /// Numbers of those that went.
    sent: Vec<u64>,
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
        if let RequestId::Request(number) = request.id {
            self.sent.push(number);
        }
        Some(request)
    }

    /// Numbers of the requests that went since the last call.
    pub(super) fn take_sent(&mut self) -> Vec<u64> {
        std::mem::take(&mut self.sent)
    }

    /// Of those that wait, keeps the `wanted` ones.
    pub(super) fn retain(&mut self, wanted: impl Fn(u64) -> bool) {
        self.waiting.retain(|request| match request.id {
            RequestId::Request(number) => wanted(number),
            RequestId::Probe => true,
        });
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
        assert_eq!(queue.take_sent(), [1, 2, 3]);
        assert!(queue.take_sent().is_empty());
    }

    #[test]
    fn what_nobody_waits_for_is_not_sent() {
        let (mut queue, now) = (RequestQueue::default(), Instant::now());
        for id in [RequestId::Request(1), RequestId::Request(2), RequestId::Probe, RequestId::Request(3)] {
            queue.push(QueuedRequest { id, event: "e".into(), args: Vec::new() });
        }
        queue.retain(|number| number == 3);
        assert_eq!(queue.next(now).map(|request| request.id), Some(RequestId::Probe));
        assert_eq!(queue.next(now + PATIENCE).map(|request| request.id), Some(RequestId::Request(3)));
        assert_eq!(queue.take_sent(), [3]);
    }
}

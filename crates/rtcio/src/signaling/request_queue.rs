//! Requests to a server, one after the other.

use serde_json::Value;
use std::collections::VecDeque;
use std::time::Duration;
use tokio::time::Instant;

/// How long the next request waits for the answer to the one before it.
const PATIENCE: Duration = Duration::from_secs(2);

/// An event that wants an answer.
#[derive(Debug)]
pub(super) struct QueuedRequest {
    pub(super) number: u64,
    pub(super) event: String,
    pub(super) args: Vec<Value>,
}

/// Requests one after the other: numbers that the library draws at random collide, and one of two that share a number gets
/// the other's answer. The next goes when the one before is answered, or after [`PATIENCE`], so that one which never is holds
/// up nobody for long.
#[derive(Debug, Default)]
pub(super) struct RequestQueue {
    waiting: VecDeque<QueuedRequest>,
    current: Option<(u64, Instant)>,
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
        self.current = Some((request.number, now + PATIENCE));
        self.sent.push(request.number);
        Some(request)
    }

    /// Numbers of the requests that went since the last call.
    pub(super) fn take_sent(&mut self) -> Vec<u64> {
        std::mem::take(&mut self.sent)
    }

    /// Of those that wait, keeps the `wanted` ones.
    pub(super) fn retain(&mut self, wanted: impl Fn(u64) -> bool) {
        self.waiting.retain(|request| wanted(request.number));
    }

    pub(super) fn answered(&mut self, number: u64) {
        if self.current.is_some_and(|(current, _)| current == number) {
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
        let asked = |number| QueuedRequest { number, event: "e".into(), args: Vec::new() };
        let number = |asked: Option<QueuedRequest>| asked.map(|asked| asked.number);
        let (mut queue, now) = (RequestQueue::default(), Instant::now());
        for n in 1..=3 {
            queue.push(asked(n));
        }
        assert_eq!(number(queue.next(now)), Some(1));
        assert_eq!(number(queue.next(now)), None);
        queue.answered(7);
        assert_eq!(number(queue.next(now)), None);
        queue.answered(1);
        assert_eq!(number(queue.next(now)), Some(2));
        assert_eq!(queue.due(), Some(now + PATIENCE));
        assert_eq!(number(queue.next(now + PATIENCE)), Some(3));
        assert_eq!(queue.due(), None);
        assert_eq!(queue.take_sent(), [1, 2, 3]);
        assert!(queue.take_sent().is_empty());
    }

    #[test]
    fn what_nobody_waits_for_is_not_sent() {
        let (mut queue, now) = (RequestQueue::default(), Instant::now());
        for number in 1..=3 {
            queue.push(QueuedRequest { number, event: "e".into(), args: Vec::new() });
        }
        queue.retain(|number| number == 3);
        assert_eq!(queue.next(now).map(|request| request.number), Some(3));
        assert_eq!(queue.take_sent(), [3]);
    }
}

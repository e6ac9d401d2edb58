//! The playout delay of pictures: those that are too early for the sound that belongs to them wait.

use std::collections::VecDeque;
use std::time::Duration;
use tokio::time::Instant;

/// Pictures that wait at most: more than come in the longest delay. The oldest is shown early.
const MOST: usize = 64;

/// A queue in which each item waits for its own time. It keeps the order.
#[derive(Debug)]
pub struct PlayoutQueue<T> {
    waiting: VecDeque<(Instant, T)>,
}

impl<T> Default for PlayoutQueue<T> {
    fn default() -> Self {
        Self { waiting: VecDeque::new() }
    }
}

impl<T> PlayoutQueue<T> {
    /// Takes an item that came at `now` and waits for `delay`.
    pub fn push(&mut self, item: T, delay: Duration, now: Instant) {
        self.waiting.push_back((now + delay, item));
    }

    /// The next item whose time has come.
    pub fn pop(&mut self, now: Instant) -> Option<T> {
        let due = self.waiting.front()?.0 <= now || self.waiting.len() > MOST;
        if due { self.waiting.pop_front().map(|(_, item)| item) } else { None }
    }

    /// When the next one's time comes; `None` if nothing waits.
    pub fn due(&self) -> Option<Instant> {
        self.waiting.front().map(|(due, _)| *due)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_come_out_in_their_order_and_at_their_time() {
        let (mut queue, start) = (PlayoutQueue::default(), Instant::now());
        let at = |ms| start + Duration::from_millis(ms);
        queue.push(1, Duration::from_millis(100), at(0));
        queue.push(2, Duration::ZERO, at(10));
        assert_eq!((queue.pop(at(99)), queue.due()), (None, Some(at(100))), "the second one does not overtake");
        assert_eq!([queue.pop(at(100)), queue.pop(at(100)), queue.pop(at(100))], [Some(1), Some(2), None]);
        queue.push(3, Duration::ZERO, at(200));
        assert_eq!(queue.pop(at(200)), Some(3), "what does not wait passes at once");
    }

    #[test]
    fn a_flood_does_not_grow_the_queue() {
        let (mut queue, now) = (PlayoutQueue::default(), Instant::now());
        for number in 0..1000 {
            queue.push(number, Duration::from_secs(60), now);
            queue.pop(now);
        }
        assert!(queue.waiting.len() <= MOST);
    }
}

//! Pictures that wait for the sound that belongs to them.

use std::collections::VecDeque;
use std::time::Duration;
use tokio::time::Instant;

/// Pictures that wait at most: more than come in the longest wait. The oldest is shown early.
const MOST: usize = 64;

/// A queue in which each thing waits its time. It keeps the order.
#[derive(Debug)]
pub struct Held<T> {
    waiting: VecDeque<(Instant, T)>,
}

impl<T> Default for Held<T> {
    fn default() -> Self {
        Self { waiting: VecDeque::new() }
    }
}

impl<T> Held<T> {
    /// Takes something that came at `now` and waits for `wait`.
    pub fn push(&mut self, thing: T, wait: Duration, now: Instant) {
        self.waiting.push_back((now + wait, thing));
    }

    /// The next thing whose time has come.
    pub fn pop(&mut self, now: Instant) -> Option<T> {
        let due = self.waiting.front()?.0 <= now || self.waiting.len() > MOST;
        if due { self.waiting.pop_front().map(|(_, thing)| thing) } else { None }
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
    fn things_come_out_in_their_order_and_at_their_time() {
        let (mut held, start) = (Held::default(), Instant::now());
        let at = |ms| start + Duration::from_millis(ms);
        held.push(1, Duration::from_millis(100), at(0));
        held.push(2, Duration::ZERO, at(10));
        assert_eq!((held.pop(at(99)), held.due()), (None, Some(at(100))), "the second one does not overtake");
        assert_eq!([held.pop(at(100)), held.pop(at(100)), held.pop(at(100))], [Some(1), Some(2), None]);
        held.push(3, Duration::ZERO, at(200));
        assert_eq!(held.pop(at(200)), Some(3), "what does not wait passes at once");
    }

    #[test]
    fn a_flood_does_not_grow_the_queue() {
        let (mut held, now) = (Held::default(), Instant::now());
        for number in 0..1000 {
            held.push(number, Duration::from_secs(60), now);
            held.pop(now);
        }
        assert!(held.waiting.len() <= MOST);
    }
}

//! Requests to a server, one after the other.

use serde_json::Value;
use std::collections::VecDeque;
use std::time::Duration;
use tokio::time::Instant;

/// How long the next request waits for the answer to the one before it.
const TURN: Duration = Duration::from_secs(2);

/// Who wants an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Question {
    Request(u64),
    Probe,
}

/// An event that wants an answer.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) question: Question,
    pub(super) event: String,
    pub(super) args: Vec<Value>,
}

/// Requests one after the other: numbers that the library draws at random collide, and one of two that share a number gets
/// the other's answer. The next goes when the one before is answered, or after [`TURN`], so that one which never is holds
/// up nobody for long.
#[derive(Debug, Default)]
pub(super) struct Turns {
    waiting: VecDeque<Asked>,
    turn: Option<(Question, Instant)>,
}

impl Turns {
    pub(super) fn push(&mut self, asked: Asked) {
        self.waiting.push_back(asked);
    }

    /// The next request, if it is its turn.
    pub(super) fn next(&mut self, now: Instant) -> Option<Asked> {
        if self.turn.is_some_and(|(_, until)| now < until) {
            return None;
        }
        let asked = self.waiting.pop_front()?;
        self.turn = Some((asked.question, now + TURN));
        Some(asked)
    }

    pub(super) fn answered(&mut self, question: Question) {
        if self.turn.is_some_and(|(turn, _)| turn == question) {
            self.turn = None;
        }
    }

    /// When there is something to ask.
    pub(super) fn due(&self) -> Option<Instant> {
        self.waiting.front().map(|_| self.turn.map_or_else(Instant::now, |(_, until)| until))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_take_turns_and_one_without_an_answer_holds_up_nobody_for_long() {
        let asked = |number| Asked { question: Question::Request(number), event: "e".into(), args: Vec::new() };
        let number = |asked: Option<Asked>| asked.map(|asked| asked.question);
        let (mut turns, now) = (Turns::default(), Instant::now());
        for n in 1..=3 {
            turns.push(asked(n));
        }
        assert_eq!(number(turns.next(now)), Some(Question::Request(1)));
        assert_eq!(number(turns.next(now)), None);
        turns.answered(Question::Request(7));
        assert_eq!(number(turns.next(now)), None);
        turns.answered(Question::Request(1));
        assert_eq!(number(turns.next(now)), Some(Question::Request(2)));
        assert_eq!(turns.due(), Some(now + TURN));
        assert_eq!(number(turns.next(now + TURN)), Some(Question::Request(3)));
        assert_eq!(turns.due(), None);
    }
}

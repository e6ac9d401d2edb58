//! Requests that wait for their answer.

use super::command::Reply;
use crate::error::RequestError;
use crate::limits;
use std::collections::{HashMap, VecDeque};
use tokio::time::Instant;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Requests {
    waiting: HashMap<String, Reply>,
    /// In the order of their deadlines; those that were answered are still in it.
    deadlines: VecDeque<(Instant, String)>,
}

impl Requests {
    /// True while another one may be made.
    pub(super) fn have_room(&self) -> bool {
        self.waiting.len() < limits::REQUESTS
    }

    pub(super) fn add(&mut self, id: String, reply: Reply, now: Instant) {
        self.deadlines.push_back((now + limits::REQUEST_TIMEOUT, id.clone()));
        self.waiting.insert(id, reply);
    }

    /// The answer came. False if nobody waits for it.
    pub(super) fn answer(&mut self, id: &str, answer: Result<(), RequestError>) -> bool {
        let reply = self.waiting.remove(id);
        while self.deadlines.front().is_some_and(|(_, id)| !self.waiting.contains_key(id)) {
            self.deadlines.pop_front();
        }
        // Who asked may have gone.
        reply.map(|reply| reply.send(answer)).is_some()
    }

    /// When the next one has waited too long.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.deadlines.front().map(|(at, _)| *at)
    }

    /// Gives up those that have waited too long.
    pub(super) fn expire(&mut self, now: Instant) {
        while let Some((_, id)) = self.deadlines.pop_front_if(|(at, _)| *at <= now) {
            if let Some(reply) = self.waiting.remove(&id) {
                reply.send(Err(RequestError::Timeout)).ok();
            }
        }
    }

    /// The connection is lost: so are they.
    pub(super) fn lose(&mut self) {
        self.deadlines.clear();
        for (_, reply) in self.waiting.drain() {
            reply.send(Err(RequestError::Disconnected)).ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use tokio::sync::oneshot;

    #[test]
    fn requests_are_answered_expire_or_are_lost() {
        let (mut requests, now) = (Requests::default(), Instant::now());
        let ask = |requests: &mut Requests, id: &str, now| {
            let (reply, answer) = oneshot::channel();
            requests.add(id.to_owned(), reply, now);
            answer
        };
        let (mut one, mut two) = (ask(&mut requests, "1", now), ask(&mut requests, "2", now + Duration::from_secs(1)));
        let mut three = ask(&mut requests, "3", now + Duration::from_secs(2));
        assert!(requests.answer("1", Ok(())) && !requests.answer("1", Ok(())) && !requests.answer("9", Ok(())));
        assert_eq!(one.try_recv(), Ok(Ok(())));
        let deadline = requests.deadline().unwrap();
        assert_eq!(deadline, now + Duration::from_secs(1) + limits::REQUEST_TIMEOUT);
        requests.expire(deadline);
        assert_eq!(two.try_recv(), Ok(Err(RequestError::Timeout)));
        requests.lose();
        assert_eq!((three.try_recv(), requests.deadline()), (Ok(Err(RequestError::Disconnected)), None));
    }

    #[test]
    fn there_is_room_for_so_many() {
        let mut requests = Requests::default();
        for id in 0..limits::REQUESTS {
            assert!(requests.have_room());
            requests.add(id.to_string(), oneshot::channel().0, Instant::now());
        }
        assert!(!requests.have_room());
    }
}

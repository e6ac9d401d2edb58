//! How often connections with one remote begin. A remote can make us begin one with each offer under another certificate,
//! and by leaving its room and joining it again; each costs sockets, keys and a handshake.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Connections that may begin one right after the other: more than a path makes that comes and goes.
const AT_ONCE: u32 = 8;
/// How long after that each further one waits.
const PAUSE: Duration = Duration::from_secs(5);
/// Remotes that are remembered, those who began none for a while are not.
const REMEMBERED: usize = 256;

/// What the remotes of an endpoint have spent. It outlives the peers: who leaves and comes back is known again.
#[derive(Debug, Default)]
pub struct ConnectionRate {
    /// When each remote may begin [`AT_ONCE`] connections again (the virtual scheduling of a leaky bucket, ITU-T I.371).
    whole: Mutex<HashMap<String, Instant>>,
}

impl ConnectionRate {
    /// When the next connection with `id` may begin: perhaps in the past.
    pub(crate) fn next(&self, id: &str, now: Instant) -> Instant {
        let whole = self.lock().get(id).copied();
        whole.and_then(|whole| whole.checked_sub(PAUSE * (AT_ONCE - 1))).unwrap_or(now)
    }

    /// A connection with `id` begins.
    pub(crate) fn begin(&self, id: &str, now: Instant) {
        let mut remotes = self.lock();
        if remotes.len() >= REMEMBERED && !remotes.contains_key(id) {
            remotes.retain(|_, whole| *whole > now);
        }
        if remotes.len() >= REMEMBERED
            && !remotes.contains_key(id)
            && let Some(least) = remotes.iter().min_by_key(|(_, whole)| **whole).map(|(id, _)| id.clone())
        {
            remotes.remove(&least);
        }
        let whole = remotes.entry(id.to_owned()).or_insert(now);
        *whole = (*whole).max(now) + PAUSE;
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Instant>> {
        self.whole.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many connections begin within `time`, by somebody who begins as many as possible.
    fn begun(rate: &ConnectionRate, id: &str, from: Instant, time: Duration) -> usize {
        let mut now = from;
        let mut count = 0;
        loop {
            now = now.max(rate.next(id, now));
            if now > from + time {
                return count;
            }
            rate.begin(id, now);
            count += 1;
        }
    }

    #[test]
    fn a_few_begin_at_once_and_each_further_one_waits() {
        let (rate, now) = (ConnectionRate::default(), Instant::now());
        assert_eq!(begun(&rate, "eve", now, Duration::ZERO), AT_ONCE as usize);
        assert_eq!(rate.next("eve", now), now + PAUSE);
        assert_eq!(rate.next("ben", now), now);
        let hour = Duration::from_secs(3_600);
        assert_eq!(begun(&rate, "eve", now, hour), (hour.as_secs() / PAUSE.as_secs()) as usize);
        assert_eq!(begun(&rate, "eve", now + 2 * hour, Duration::ZERO), AT_ONCE as usize);
    }

    #[test]
    fn of_many_remotes_those_who_began_most_are_remembered() {
        let (rate, now) = (ConnectionRate::default(), Instant::now());
        begun(&rate, "eve", now, Duration::ZERO);
        for n in 0..2 * REMEMBERED {
            rate.begin(&n.to_string(), now);
        }
        assert_eq!(rate.lock().len(), REMEMBERED);
        assert_eq!(rate.next("eve", now), now + PAUSE);
        let later = now + PAUSE * (AT_ONCE + 1);
        rate.begin("ben", later);
        assert_eq!(rate.lock().len(), 1);
    }
}

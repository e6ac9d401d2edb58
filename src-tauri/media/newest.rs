//! Tasks of which a bounded number runs: with one more, the oldest is told to end.

use std::collections::VecDeque;
use tokio::task::JoinSet;
use tokio_util::sync::{CancellationToken, DropGuard};

/// See the module. Dropping it ends all of them.
pub struct Newest<T> {
    most: usize,
    tasks: JoinSet<(u64, T)>,
    /// Number of each task that was not told to end, oldest first.
    running: VecDeque<(u64, DropGuard)>,
    next: u64,
}

impl<T: Send + 'static> Newest<T> {
    /// At most `most` tasks.
    pub fn new(most: usize) -> Self {
        Self { most, tasks: JoinSet::new(), running: VecDeque::new(), next: 0 }
    }

    /// Starts a task, which ends soon after its token is cancelled.
    pub fn spawn<F: Future<Output = T> + Send + 'static>(&mut self, task: impl FnOnce(CancellationToken) -> F) {
        if self.running.len() >= self.most {
            self.running.pop_front();
        }
        let (number, token) = (self.next, CancellationToken::new());
        self.next += 1;
        let task = task(token.clone());
        self.running.push_back((number, token.drop_guard()));
        self.tasks.spawn(async move { (number, task.await) });
    }

    /// What the next task that ends comes to; `None` without one. A task that panicked is passed over.
    pub async fn next(&mut self) -> Option<T> {
        loop {
            if let Ok((number, output)) = self.tasks.join_next().await? {
                self.running.retain(|(running, _)| *running != number);
                return Some(output);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_more_ends_the_oldest() {
        let mut newest = Newest::new(2);
        for number in 0..5 {
            newest.spawn(|cut| async move {
                cut.cancelled().await;
                number
            });
        }
        let mut ended = [newest.next().await, newest.next().await, newest.next().await];
        ended.sort();
        assert_eq!(ended, [Some(0), Some(1), Some(2)]);
        assert_eq!(newest.running.len(), 2);
    }
}

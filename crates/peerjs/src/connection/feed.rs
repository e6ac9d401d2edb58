//! A queue of events with a bound in number and in bytes.

use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

/// Events that wait.
const EVENTS: usize = 64;
/// KiB that wait.
const BUDGET: usize = 64 << 10;

/// The writing end.
#[derive(Debug)]
pub(super) struct Feed<E> {
    sender: mpsc::Sender<(E, Option<OwnedSemaphorePermit>)>,
    budget: Arc<Semaphore>,
}

impl<E> Clone for Feed<E> {
    fn clone(&self) -> Self {
        Self { sender: self.sender.clone(), budget: Arc::clone(&self.budget) }
    }
}

/// The reading end.
#[derive(Debug)]
pub(super) struct Reader<E> {
    receiver: mpsc::Receiver<(E, Option<OwnedSemaphorePermit>)>,
}

/// Both ends.
pub(super) fn feed<E>() -> (Feed<E>, Reader<E>) {
    let (sender, receiver) = mpsc::channel(EVENTS);
    (Feed { sender, budget: Arc::new(Semaphore::new(BUDGET)) }, Reader { receiver })
}

impl<E> Feed<E> {
    /// Adds an event that holds so many bytes; waits for room. Without a reader nobody wants it.
    pub(super) async fn send(&self, event: E, bytes: usize) {
        let permits = u32::try_from((bytes >> 10).min(BUDGET)).unwrap_or(u32::MAX);
        let permit = if permits == 0 {
            None
        } else {
            tokio::select! {
                permit = Arc::clone(&self.budget).acquire_many_owned(permits) => permit.ok(),
                () = self.sender.closed() => return,
            }
        };
        self.sender.send((event, permit)).await.ok();
    }

    /// Adds an event that may be missed.
    pub(super) fn offer(&self, event: E) {
        if self.sender.try_send((event, None)).is_err() {
            tracing::debug!("an event is dropped: nobody reads the events of a connection, or too slowly");
        }
    }
}

impl<E> Reader<E> {
    pub(super) async fn recv(&mut self) -> Option<E> {
        self.receiver.recv().await.map(|(event, _)| event)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use tokio::time::timeout;

    #[tokio::test]
    async fn bytes_that_nobody_takes_hold_up_the_writer() {
        let (feed, mut reader) = feed();
        feed.send(1, 40 << 20).await;
        let second = tokio::spawn({
            let feed = feed.clone();
            async move { feed.send(2, 1 << 30).await }
        });
        tokio::task::yield_now().await;
        assert!(!second.is_finished());
        feed.offer(3);
        assert_eq!((reader.recv().await, reader.recv().await, reader.recv().await), (Some(1), Some(3), Some(2)));
        timeout(Duration::from_secs(10), second).await.unwrap().unwrap();
        let waiting = tokio::spawn(async move {
            feed.send(4, 64 << 20).await;
            feed.send(5, 64 << 20).await;
        });
        drop(reader);
        timeout(Duration::from_secs(10), waiting).await.unwrap().unwrap();
    }
}

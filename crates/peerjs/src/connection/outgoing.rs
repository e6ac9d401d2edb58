//! The task that hands the frames of a data connection to its channel, as fast as the remote takes them.

use crate::serialization::codec::Frame;
use confab_transport::channel::{ChannelData, DataChannel};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::{mpsc, oneshot};

/// Messages that wait for the task: each belongs to somebody who waits.
const MESSAGES: usize = 16;

/// A message, and who is told that its last frame is under way.
pub(super) struct Message {
    frames: Vec<Frame>,
    done: oneshot::Sender<()>,
}

/// The writing end.
#[derive(Debug, Clone)]
pub(super) struct Outgoing {
    sender: mpsc::Sender<Message>,
    /// Frames that wait.
    waiting: Arc<AtomicUsize>,
}

/// The reading end.
pub(super) struct Pending {
    receiver: mpsc::Receiver<Message>,
    waiting: Arc<AtomicUsize>,
}

/// Both ends.
pub(super) fn outgoing() -> (Outgoing, Pending) {
    let (sender, receiver) = mpsc::channel(MESSAGES);
    let waiting = Arc::new(AtomicUsize::new(0));
    (Outgoing { sender, waiting: Arc::clone(&waiting) }, Pending { receiver, waiting })
}

impl Outgoing {
    /// Sends frames in a row, and waits until the last one is under way. False if the channel closed before.
    pub(super) async fn send(&self, frames: Vec<Frame>) -> bool {
        let (done, answer) = oneshot::channel();
        let Ok(place) = self.sender.reserve().await else { return false };
        self.waiting.fetch_add(frames.len(), Ordering::Relaxed);
        place.send(Message { frames, done });
        answer.await.is_ok()
    }

    /// Frames that wait.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }
}

impl Pending {
    /// Sends to the end of the channel, or until nobody can send any more.
    pub(super) async fn run(mut self, channel: DataChannel) {
        while let Some(Message { frames, done }) = self.receiver.recv().await {
            for frame in frames {
                // Below the high mark; without the wait the queue above it would overflow.
                if channel.drained().await.is_err() {
                    return;
                }
                let data = match frame {
                    Frame::Bytes(bytes) => ChannelData::Bytes(bytes),
                    Frame::Text(text) => ChannelData::Text(text),
                };
                channel.send(data).await;
                self.waiting.fetch_sub(1, Ordering::Relaxed);
            }
            if channel.drained().await.is_err() {
                return;
            }
            // Who gave up waiting does not want to know.
            done.send(()).ok();
        }
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        self.waiting.store(0, Ordering::Relaxed);
    }
}

//! Messages to the server, from wherever they are made.

use tokio::sync::mpsc;

/// Messages that wait: before the server has said `OPEN`, and while it takes them slowly.
const MESSAGES: usize = 4096;

/// The writing end. It never waits; of too many messages the newest is dropped.
#[derive(Debug, Clone)]
pub(crate) struct Outbox {
    sender: mpsc::Sender<String>,
}

impl Outbox {
    /// Both ends.
    pub(crate) fn new() -> (Self, mpsc::Receiver<String>) {
        let (sender, receiver) = mpsc::channel(MESSAGES);
        (Self { sender }, receiver)
    }

    pub(crate) fn send(&self, message: String) {
        if self.sender.try_send(message).is_err() {
            tracing::warn!("too many messages wait for the server, or the peer is destroyed: one is dropped");
        }
    }
}

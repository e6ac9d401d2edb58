//! Events on their way to the peers, sent in their order by a task of their own: a peer that takes nothing holds up no command.

use crate::effect::PeerMessage;
use confab_rtcio::Socket;
use tokio::sync::mpsc::{self, error::TrySendError};
use tokio_util::task::AbortOnDropHandle;

/// Messages that wait. A new one is dropped when it is full: then some peer has taken none for many seconds.
const QUEUE: usize = 1024;

/// See the module.
#[derive(Debug)]
pub struct Messenger {
    queue: mpsc::Sender<PeerMessage>,
    task: AbortOnDropHandle<()>,
}

impl Messenger {
    /// Sends through this socket.
    pub fn new(socket: Socket) -> Self {
        let (queue, messages) = mpsc::channel(QUEUE);
        Self { queue, task: AbortOnDropHandle::new(tokio::spawn(run(socket, messages))) }
    }

    /// Sends a message, after those before it.
    pub fn send(&self, message: PeerMessage) {
        if let Err(TrySendError::Full(message)) = self.queue.try_send(message) {
            tracing::error!(event = message.event, "a message to peers is dropped: they take too few");
        }
    }

    /// Returns when all messages are sent.
    pub async fn finish(self) {
        drop(self.queue);
        if let Err(error) = self.task.await {
            tracing::error!(%error, "messages to peers were not sent");
        }
    }
}

async fn run(socket: Socket, mut messages: mpsc::Receiver<PeerMessage>) {
    while let Some(PeerMessage { to, event, args }) = messages.recv().await {
        let sent = match &to {
            Some(peer) => socket.peer(peer).emit(event, args).await,
            None => socket.emit(event, args).await,
        };
        if let Err(error) = sent {
            tracing::warn!(peer = to, event, %error, "a message was not sent to every peer it was for");
        }
    }
}

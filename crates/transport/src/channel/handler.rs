//! What becomes of what happens on a data channel.

use super::{ChannelData, DataChannelError};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use std::any::Any;
use std::sync::Arc;
use tokio::sync::mpsc;

/// What happens on a data channel, in order: `Open` at most once and first, `Closed` once and last.
#[derive(Debug, Clone, PartialEq)]
pub enum DataChannelEvent {
    /// Messages go.
    Open,
    /// A message came.
    Message(ChannelData),
    /// What waited has gone, and the remote has taken all but the low mark.
    Drain,
    /// Something was refused or failed. The channel goes on.
    Failed(DataChannelError),
    /// The connection is over: nothing can be sent any more. What came before is still read.
    Detached,
    /// The channel is over, and all that came has been read.
    Closed,
}

/// What has to happen before more is read from a channel.
pub type ChannelPending = BoxFuture<'static, ()>;

/// Takes what happens on data channels. It is called by the channel's task, one event at a time, and must not block.
pub trait ChannelHandler: Any + Send + Sync {
    /// Takes an event. What it gives back is awaited before anything more is read, so a slow reader slows the remote down
    /// (SCTP flow control). It is not awaited for [`DataChannelEvent::Open`], nor for a `Drain` or `Failed` while a message
    /// is being awaited: an event of this side alone may be dropped then.
    fn handle(&self, event: DataChannelEvent) -> Option<ChannelPending>;

    /// Completes when somebody is there to take events. Nothing is read before, for a second at most.
    fn ready(&self) -> BoxFuture<'_, ()> {
        std::future::ready(()).boxed()
    }
}

/// A handler that puts events into a bounded queue. While it is full, nothing more is read from the remote.
#[derive(Debug)]
pub struct QueueHandler {
    sender: mpsc::Sender<DataChannelEvent>,
}

impl QueueHandler {
    /// A handler and the receiving end of its queue, whose last event is [`DataChannelEvent::Closed`].
    pub fn new(capacity: usize) -> (Arc<Self>, mpsc::Receiver<DataChannelEvent>) {
        let (sender, receiver) = mpsc::channel(capacity);
        (Arc::new(Self { sender }), receiver)
    }
}

impl ChannelHandler for QueueHandler {
    fn handle(&self, event: DataChannelEvent) -> Option<ChannelPending> {
        let Err(mpsc::error::TrySendError::Full(event)) = self.sender.try_send(event) else { return None };
        let sender = self.sender.clone();
        Some(
            async move {
                sender.send(event).await.ok();
            }
            .boxed(),
        )
    }
}

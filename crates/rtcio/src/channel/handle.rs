//! The handle of a channel to one peer.

use super::error::ChannelError;
use super::events::{ChannelEvent, ChannelEvents, ChannelListener, ChannelMessage};
use super::handler::NamedChannel;
use crate::args::Args;
use confab_transport::channel::{ChannelData, DataChannel, ReadyState};
use confab_wire::{
    ctrl::{Envelope, EnvelopeError},
    limits,
};
use serde_json::Value;
use std::sync::Arc;

/// The text frame of an event.
pub(super) fn frame(event: &str, args: Vec<Value>) -> Result<ChannelData, ChannelError> {
    if event.len() > limits::EVENT_NAME_BYTES {
        return Err(EnvelopeError::Name.into());
    }
    let envelope = Envelope { event: event.to_owned(), args };
    Ok(ChannelData::Text(serde_json::to_string(&envelope).map_err(|_| EnvelopeError::Shape)?))
}

/// A named data channel to one peer: `RTCIOChannel` of rtc.io. Cloning gives another handle of the same channel; the
/// channel stays when all are dropped, until [`Channel::close`] or the end of the connection.
///
/// Its end is final: when the peer's connection was replaced, make the channel anew.
#[derive(Debug, Clone)]
pub struct Channel {
    pub(super) channel: DataChannel,
    pub(super) state: Arc<NamedChannel>,
}

impl Channel {
    /// The name it was made with.
    pub fn name(&self) -> &str {
        &self.channel.spec().name
    }

    /// Id of the peer at the other end.
    pub fn peer(&self) -> &str {
        self.state.peer()
    }

    /// Sends bytes or text: `channel.send` of rtc.io. True if it is under way. False if it waits for the channel to open or
    /// for the peer to take what it has ([`Channel::drained`]), or if it was refused, which an
    /// [`ChannelEvent::Error`] tells: over [`super::ChannelOptions::queue_budget`], over [`crate::MESSAGE_BYTES`], or closed.
    /// Never waits for the peer.
    pub async fn send(&self, data: impl Into<ChannelData> + Send) -> bool {
        self.channel.send(data).await
    }

    /// Sends an event: `channel.emit` of rtc.io. As [`Channel::send`] of its envelope.
    pub async fn emit(&self, event: &str, args: impl Into<Args>) -> bool {
        match frame(event, args.into().into_values()) {
            Ok(frame) => self.channel.send(frame).await,
            Err(error) => {
                drop(self.state.deliver(ChannelEvent::Error(error)));
                false
            }
        }
    }

    /// Listens to the events of one name: `channel.on` of rtc.io.
    pub fn on(&self, event: &str) -> ChannelListener {
        self.state.listeners.named(event)
    }

    /// The next event of that name after this call: `channel.once` of rtc.io. `None` when the channel ends before.
    pub fn once(&self, event: &str) -> impl Future<Output = Option<ChannelMessage>> + Send + use<> {
        let mut listener = self.on(event);
        async move { listener.recv().await }
    }

    /// Listens to everything: `open`, `close`, `error`, `drain`, `data` and all events.
    pub fn events(&self) -> ChannelEvents {
        self.state.listeners.all()
    }

    /// Waits until nothing waits on this side any more. An error says that the channel is over.
    pub async fn drained(&self) -> Result<(), ChannelError> {
        self.channel.drained().await.map_err(Into::into)
    }

    /// Where the channel is: `readyState` of rtc.io.
    pub fn ready_state(&self) -> ReadyState {
        self.channel.ready_state()
    }

    /// Bytes that were sent and that the peer has not yet taken: `bufferedAmount` of rtc.io. What waits in the queue is not
    /// in it.
    pub async fn buffered_amount(&self) -> usize {
        self.channel.buffered_amount().await
    }

    /// Closes the channel on both sides: `channel.close` of rtc.io. What was sent still arrives; what waits is dropped.
    pub fn close(&self) {
        self.channel.close();
    }
}

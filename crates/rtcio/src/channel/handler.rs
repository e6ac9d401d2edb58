//! What becomes of what happens on one named channel: events for its listeners, and for those of the broadcast channel that
//! it is part of.

use super::error::ChannelError;
use super::events::{ChannelEvent, Delivery, Listeners};
use confab_transport::channel::{ChannelData, ChannelHandler, ChannelPending, DataChannelError, DataChannelEvent};
use confab_wire::{
    ctrl::{Envelope, EnvelopeError},
    limits,
};
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, join_all};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use tokio::sync::mpsc;

/// A channel to several peers, as one of its parts sees it.
pub(super) trait ChannelGroup: Send + Sync {
    /// Those who listen to all parts.
    fn listeners(&self) -> &Listeners;

    /// Nothing goes to this part any more.
    fn remove(&self, part: &NamedChannel);

    /// Everything of this part has been read.
    fn left(&self, part: &NamedChannel);
}

/// The listeners of one named channel.
pub(crate) struct NamedChannel {
    peer: Arc<str>,
    pub(super) listeners: Listeners,
    group: Mutex<Option<Weak<dyn ChannelGroup>>>,
}

impl std::fmt::Debug for NamedChannel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NamedChannel").field("peer", &self.peer).finish_non_exhaustive()
    }
}

impl NamedChannel {
    pub(super) fn new(peer: &Arc<str>) -> Arc<Self> {
        Arc::new(Self { peer: Arc::clone(peer), listeners: Listeners::default(), group: Mutex::default() })
    }

    /// Id of the peer at the other end.
    pub(super) fn peer(&self) -> &Arc<str> {
        &self.peer
    }

    /// From now on the channel is also part of a broadcast channel.
    pub(super) fn join(&self, group: Weak<dyn ChannelGroup>) {
        *self.group.lock().unwrap_or_else(PoisonError::into_inner) = Some(group);
    }

    fn group(&self) -> Option<Arc<dyn ChannelGroup>> {
        self.group.lock().unwrap_or_else(PoisonError::into_inner).as_ref()?.upgrade()
    }

    /// Tells those who have room, and gives back what is to be waited for.
    pub(super) fn deliver(&self, event: ChannelEvent) -> Option<ChannelPending> {
        let delivery = Delivery { peer: Some(Arc::clone(&self.peer)), event };
        let mut behind = self.listeners.deliver(&delivery);
        if let Some(group) = self.group()
            // Of the end, a broadcast channel says that the peer left.
            && delivery.event != ChannelEvent::Close
        {
            behind.append(&mut group.listeners().deliver(&delivery));
        }
        if behind.is_empty() { None } else { Some(send_all(behind, delivery).boxed()) }
    }

    fn closed(&self) -> Option<ChannelPending> {
        let pending = self.deliver(ChannelEvent::Close);
        self.listeners.end();
        if let Some(group) = self.group() {
            group.left(self);
        }
        pending
    }
}

/// Waits for listeners that are behind. One that stopped listening needs nothing.
async fn send_all(listeners: Vec<mpsc::Sender<Delivery>>, delivery: Delivery) {
    drop(join_all(listeners.iter().map(|listener| listener.send(delivery.clone()))).await);
}

impl ChannelHandler for NamedChannel {
    fn handle(&self, event: DataChannelEvent) -> Option<ChannelPending> {
        match event {
            DataChannelEvent::Open => self.deliver(ChannelEvent::Open),
            DataChannelEvent::Message(data) => self.deliver(read(data)),
            DataChannelEvent::Drain => self.deliver(ChannelEvent::Drain),
            DataChannelEvent::Failed(DataChannelError::NotText) => {
                self.deliver(ChannelEvent::Error(EnvelopeError::Shape.into()))
            }
            DataChannelEvent::Failed(error) => self.deliver(ChannelEvent::Error(ChannelError::from(error))),
            DataChannelEvent::Detached => {
                if let Some(group) = self.group() {
                    group.remove(self);
                }
                None
            }
            DataChannelEvent::Closed => self.closed(),
        }
    }

    fn ready(&self) -> BoxFuture<'_, ()> {
        async move {
            match self.group() {
                Some(group) => {
                    tokio::select! {
                        () = self.listeners.first() => {}
                        () = group.listeners().first() => {}
                    }
                }
                None => self.listeners.first().await,
            }
        }
        .boxed()
    }
}

fn read(data: ChannelData) -> ChannelEvent {
    let text = match data {
        ChannelData::Bytes(bytes) => return ChannelEvent::Data(bytes),
        ChannelData::Text(text) => text,
    };
    match serde_json::from_str::<Envelope>(&text) {
        Ok(Envelope { event, .. }) if event.len() > limits::EVENT_NAME_BYTES => {
            ChannelEvent::Error(EnvelopeError::Name.into())
        }
        Ok(Envelope { event, args }) => ChannelEvent::Message { event, args },
        Err(_) => ChannelEvent::Error(EnvelopeError::Shape.into()),
    }
}

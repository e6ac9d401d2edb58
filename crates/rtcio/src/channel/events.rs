//! Events of a channel, and those who listen.

use super::error::ChannelError;
use bytes::Bytes;
use futures_util::Stream;
use serde_json::Value;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use tokio::sync::{Notify, mpsc};

/// Events that wait for one listener. When they are that many, the channel reads nothing more from the peer, and nothing
/// is lost: SCTP slows the peer down.
const WAITING: usize = 64;

/// What happens on a channel.
#[derive(Debug, Clone, PartialEq)]
pub enum ChannelEvent {
    /// Messages go (`open`); on a broadcast channel, to one peer more.
    Open,
    /// The channel is over (`close`); on a broadcast channel, also when the last peer left.
    Close,
    /// Something was refused or failed (`error`). The channel goes on.
    Error(ChannelError),
    /// What waited has gone, and the peer has taken all but the low mark (`drain`).
    Drain,
    /// A binary message (`data`).
    Data(Bytes),
    /// A text message: an event by its name.
    Message {
        /// Event name.
        event: String,
        /// Its arguments.
        args: Vec<Value>,
    },
    /// The peer is no longer in this broadcast channel (`peer-left`).
    PeerLeft(String),
}

/// An event that came as text.
#[derive(Debug, Clone, PartialEq)]
pub struct ChannelMessage {
    /// Id of the peer that sent it.
    pub peer: String,
    /// Event name.
    pub event: String,
    /// Its arguments.
    pub args: Vec<Value>,
}

/// An event and the peer it concerns.
#[derive(Debug, Clone)]
pub(super) struct Delivery {
    pub(super) peer: Option<Arc<str>>,
    pub(super) event: ChannelEvent,
}

#[derive(Debug, Clone)]
struct Subscriber {
    /// Only messages of this name; otherwise everything.
    name: Option<Arc<str>>,
    sender: mpsc::Sender<Delivery>,
}

impl Subscriber {
    fn wants(&self, event: &ChannelEvent) -> bool {
        match &self.name {
            None => true,
            Some(name) => matches!(event, ChannelEvent::Message { event, .. } if **event == **name),
        }
    }
}

/// Those who listen to one channel.
#[derive(Debug, Default)]
pub(super) struct Listeners {
    subscribers: Mutex<Arc<Vec<Subscriber>>>,
    /// Somebody listens, or did.
    listened: AtomicBool,
    first: Notify,
    /// Nothing will happen any more: those who come now hear the end at once.
    over: AtomicBool,
}

impl Listeners {
    pub(super) fn all(&self) -> ChannelEvents {
        ChannelEvents { receiver: self.subscribe(None) }
    }

    pub(super) fn named(&self, event: &str) -> ChannelListener {
        ChannelListener { receiver: self.subscribe(Some(event.into())) }
    }

    fn subscribe(&self, name: Option<Arc<str>>) -> mpsc::Receiver<Delivery> {
        let (sender, receiver) = mpsc::channel(WAITING);
        {
            let mut subscribers = self.subscribers.lock().unwrap_or_else(PoisonError::into_inner);
            if !self.over.load(Ordering::Acquire) {
                let mut next: Vec<_> = subscribers.iter().filter(|other| !other.sender.is_closed()).cloned().collect();
                next.push(Subscriber { name, sender });
                *subscribers = Arc::new(next);
            }
        }
        self.listened.store(true, Ordering::Release);
        self.first.notify_waiters();
        receiver
    }

    /// True once somebody has listened.
    pub(super) fn listened(&self) -> bool {
        self.listened.load(Ordering::Acquire)
    }

    /// Waits for the first listener.
    pub(super) async fn first(&self) {
        let first = self.first.notified();
        if !self.listened() {
            first.await;
        }
    }

    fn snapshot(&self) -> Arc<Vec<Subscriber>> {
        Arc::clone(&self.subscribers.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Tells those who have room. Gives back those who have none.
    #[must_use]
    pub(super) fn deliver(&self, delivery: &Delivery) -> Vec<mpsc::Sender<Delivery>> {
        let mut behind = Vec::new();
        for subscriber in self.snapshot().iter().filter(|subscriber| subscriber.wants(&delivery.event)) {
            if let Err(mpsc::error::TrySendError::Full(_)) = subscriber.sender.try_send(delivery.clone()) {
                behind.push(subscriber.sender.clone());
            }
        }
        behind
    }

    /// Ends all listeners, when they have read what they have.
    pub(super) fn end(&self) {
        let mut subscribers = self.subscribers.lock().unwrap_or_else(PoisonError::into_inner);
        self.over.store(true, Ordering::Release);
        *subscribers = Arc::default();
    }
}

/// All events of a channel, in order. Bounded: a slow reader slows the peer down, and nothing is lost. What concerns this
/// side alone (`error` and `drain` of a full queue) is dropped when the reader is that far behind.
///
/// Also a [`Stream`].
#[derive(Debug)]
pub struct ChannelEvents {
    receiver: mpsc::Receiver<Delivery>,
}

impl ChannelEvents {
    /// The next event; `None` when the channel is over and all have been read.
    pub async fn recv(&mut self) -> Option<ChannelEvent> {
        Some(self.receiver.recv().await?.event)
    }

    /// The next event with the id of the peer it concerns; there is none in what concerns a whole broadcast channel.
    pub async fn recv_from(&mut self) -> Option<(Option<String>, ChannelEvent)> {
        let delivery = self.receiver.recv().await?;
        Some((delivery.peer.map(|peer| peer.to_string()), delivery.event))
    }
}

impl Stream for ChannelEvents {
    type Item = ChannelEvent;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<ChannelEvent>> {
        self.receiver.poll_recv(context).map(|delivery| delivery.map(|delivery| delivery.event))
    }
}

/// Messages of one event name: what `channel.on(event, …)` of rtc.io registers, and `off` when it is dropped.
///
/// Also a [`Stream`].
#[derive(Debug)]
pub struct ChannelListener {
    receiver: mpsc::Receiver<Delivery>,
}

impl ChannelListener {
    /// The next message; `None` when the channel is over.
    pub async fn recv(&mut self) -> Option<ChannelMessage> {
        self.receiver.recv().await.and_then(message)
    }

    /// Listens no longer: `channel.off(event, …)` of rtc.io.
    pub fn off(self) {}
}

impl Stream for ChannelListener {
    type Item = ChannelMessage;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<ChannelMessage>> {
        self.receiver.poll_recv(context).map(|delivery| delivery.and_then(message))
    }
}

fn message(delivery: Delivery) -> Option<ChannelMessage> {
    match delivery.event {
        ChannelEvent::Message { event, args } => {
            let peer = delivery.peer.map(|peer| peer.to_string()).unwrap_or_default();
            Some(ChannelMessage { peer, event, args })
        }
        // Only messages are sent to a listener of one name.
        _ => None,
    }
}

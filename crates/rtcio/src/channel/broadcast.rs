//! A channel to every peer, present and future.

use super::events::{Delivery, Listeners};
use super::handle::frame;
use super::link::Link;
use super::options::{label, stream_id};
use super::{ChannelData, ChannelError, ChannelEvent, ChannelEvents, ChannelListener, ChannelMessage, ChannelOptions};
use crate::Args;
use futures_util::future::join_all;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// The state that the handles of one broadcast channel have in common.
#[derive(Debug)]
pub(crate) struct Broadcast {
    pub(super) name: Arc<str>,
    pub(super) options: ChannelOptions,
    pub(super) listeners: Listeners,
    members: Mutex<HashMap<Arc<str>, Arc<Link>>>,
    closed: AtomicBool,
}

impl Broadcast {
    fn members(&self) -> MutexGuard<'_, HashMap<Arc<str>, Arc<Link>>> {
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn links(&self) -> Vec<Arc<Link>> {
        self.members().values().cloned().collect()
    }

    /// A peer takes part.
    pub(super) fn add(self: &Arc<Self>, peer: &Arc<str>, link: &Arc<Link>) {
        if self.closed.load(Ordering::Acquire) {
            return;
        }
        link.join(self);
        self.members().insert(Arc::clone(peer), Arc::clone(link));
    }

    /// A peer's channel is over; nothing goes to it any more.
    pub(super) fn remove(&self, peer: &Arc<str>, link: &Link) {
        let mut members = self.members();
        if members.get(peer).is_some_and(|member| std::ptr::eq(&**member, link)) {
            members.remove(peer);
        }
    }

    /// Everything of a peer's channel has been read.
    pub(super) fn left(&self, peer: &Arc<str>, link: &Link) {
        self.remove(peer, link);
        if self.closed.load(Ordering::Acquire) {
            return;
        }
        self.tell(Some(Arc::clone(peer)), ChannelEvent::PeerLeft(peer.to_string()));
        if self.members().is_empty() {
            self.tell(None, ChannelEvent::Close);
        }
    }

    fn tell(&self, peer: Option<Arc<str>>, event: ChannelEvent) {
        let delivery = Delivery { peer, event };
        for listener in self.listeners.tell_now(&delivery) {
            let delivery = delivery.clone();
            // Such news must arrive, and nobody here may wait. One for each peer that leaves.
            tokio::spawn(async move { listener.send(delivery).await });
        }
    }

    fn close(&self) {
        if self.closed.swap(true, Ordering::AcqRel) {
            return;
        }
        let members = std::mem::take(&mut *self.members());
        for link in members.values() {
            link.close();
        }
        self.tell(None, ChannelEvent::Close);
        self.listeners.end();
    }
}

/// The broadcast channels of one socket.
#[derive(Debug)]
pub(crate) struct Broadcasts {
    channels: Mutex<Vec<Arc<Broadcast>>>,
    version: watch::Sender<u64>,
}

impl Default for Broadcasts {
    fn default() -> Self {
        Self { channels: Mutex::default(), version: watch::Sender::new(0) }
    }
}

impl Broadcasts {
    /// The channel of that name, made if there is none.
    pub(crate) fn get_or_create(&self, name: &str, options: ChannelOptions) -> Result<Arc<Broadcast>, ChannelError> {
        options.check()?;
        label(name)?;
        let mut channels = self.channels.lock().unwrap_or_else(PoisonError::into_inner);
        channels.retain(|channel| !channel.closed.load(Ordering::Acquire));
        if let Some(channel) = channels.iter().find(|channel| *channel.name == *name) {
            return Ok(Arc::clone(channel));
        }
        let id = stream_id(name);
        if let Some(other) = channels.iter().find(|channel| stream_id(&channel.name) == id) {
            return Err(ChannelError::Collision { name: name.to_owned(), other: other.name.to_string(), id });
        }
        let channel = Arc::new(Broadcast {
            name: name.into(),
            options,
            listeners: Listeners::default(),
            members: Mutex::default(),
            closed: AtomicBool::new(false),
        });
        channels.push(Arc::clone(&channel));
        Ok(channel)
    }

    /// Tells the peers that there is a channel more.
    pub(crate) fn changed(&self) {
        self.version.send_modify(|version| *version += 1);
    }

    /// A value that changes when there are other channels.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.version.subscribe()
    }

    pub(super) fn open(&self) -> Vec<Arc<Broadcast>> {
        let channels = self.channels.lock().unwrap_or_else(PoisonError::into_inner);
        channels.iter().filter(|channel| !channel.closed.load(Ordering::Acquire)).cloned().collect()
    }

    /// The socket closes.
    pub(crate) fn close(&self) {
        for channel in self.open() {
            channel.close();
        }
    }
}

/// A named data channel to every peer, present and future: `RTCIOBroadcastChannel` of rtc.io. Cloning gives another handle
/// of the same channel, which stays until [`BroadcastChannel::close`].
#[derive(Debug, Clone)]
pub struct BroadcastChannel {
    pub(crate) shared: Arc<Broadcast>,
}

impl BroadcastChannel {
    /// The name it was made with.
    pub fn name(&self) -> &str {
        &self.shared.name
    }

    /// Sends bytes or text to every peer of now: `send` of rtc.io. True if every transport has it; see
    /// [`crate::Channel::send`].
    pub async fn send(&self, data: impl Into<ChannelData> + Send) -> bool {
        let data = data.into();
        let mut sent = true;
        for link in self.shared.links() {
            sent &= link.send(data.clone()).await;
        }
        sent
    }

    /// Sends an event to every peer of now: `emit` of rtc.io.
    pub async fn emit(&self, event: &str, args: impl Into<Args>) -> bool {
        match frame(event, args.into().into_values()) {
            Ok(frame) => self.send(frame).await,
            Err(error) => {
                self.shared.tell(None, ChannelEvent::Error(error));
                false
            }
        }
    }

    /// Listens to the events of one name from any peer: `on` of rtc.io.
    pub fn on(&self, event: &str) -> ChannelListener {
        self.shared.listeners.named(event)
    }

    /// The next event of that name after this call: `once` of rtc.io. `None` when the channel ends before.
    pub fn once(&self, event: &str) -> impl Future<Output = Option<ChannelMessage>> + Send + use<> {
        let mut listener = self.on(event);
        async move { listener.recv().await }
    }

    /// Listens to everything: `open`, `close`, `error`, `drain`, `data`, `peer-left` and all events, of any peer.
    pub fn events(&self) -> ChannelEvents {
        self.shared.listeners.all()
    }

    /// Waits until nothing waits for any peer. A peer that leaves is not waited for.
    pub async fn drained(&self) {
        let links = self.shared.links();
        // Closed ones need nothing.
        drop(join_all(links.iter().map(|link| link.drained())).await);
    }

    /// Peers that take part, connected or about to be: `peerCount` of rtc.io.
    pub fn peer_count(&self) -> usize {
        self.shared.members().len()
    }

    /// True after [`BroadcastChannel::close`]: `closed` of rtc.io.
    pub fn is_closed(&self) -> bool {
        self.shared.closed.load(Ordering::Acquire)
    }

    /// Closes the channel to every peer: `close` of rtc.io. Later peers do not join it; making one of this name makes a new
    /// one.
    pub fn close(&self) {
        self.shared.close();
    }
}

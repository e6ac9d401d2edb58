//! A channel to every peer, present and future.

use super::error::ChannelError;
use super::events::{ChannelEvent, ChannelEvents, ChannelListener, ChannelMessage, Delivery, Listeners};
use super::handle::{Channel, frame};
use super::handler::{ChannelGroup, NamedChannel};
use super::options::{ChannelOptions, spec, stream_id};
use super::peer::{PeerChannels, named};
use crate::args::Args;
use confab_transport::channel::{ChannelData, Channels};
use futures_util::future::join_all;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use tokio::sync::{Semaphore, watch};

/// News of who left that wait for listeners of one channel; more are dropped. All peers of a room, a few times.
const LATE: usize = 256;

/// The state that the handles of one broadcast channel have in common.
#[derive(Debug)]
pub(crate) struct Broadcast {
    pub(super) name: Arc<str>,
    pub(super) options: ChannelOptions,
    pub(super) listeners: Listeners,
    members: Mutex<HashMap<Arc<str>, Channel>>,
    closed: AtomicBool,
    /// Listeners that are behind, each with one piece of news on its way.
    late: Arc<Semaphore>,
}

impl Broadcast {
    fn members(&self) -> MutexGuard<'_, HashMap<Arc<str>, Channel>> {
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn parts(&self) -> Vec<Channel> {
        self.members().values().cloned().collect()
    }

    /// A peer takes part.
    fn add(self: &Arc<Self>, part: &Channel) {
        if self.is_closed() {
            return;
        }
        let group: Weak<dyn ChannelGroup> = Arc::downgrade(self) as Weak<dyn ChannelGroup>;
        part.state.join(group);
        self.members().insert(Arc::clone(part.state.peer()), part.clone());
    }

    fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    fn report(&self, peer: Option<Arc<str>>, event: ChannelEvent) {
        let delivery = Delivery { peer, event };
        for listener in self.listeners.deliver(&delivery) {
            // Who is that far behind hears no more of what failed here.
            if matches!(delivery.event, ChannelEvent::Error(_)) {
                continue;
            }
            let Ok(waits) = Arc::clone(&self.late).try_acquire_owned() else {
                tracing::warn!("a listener of a channel is not read; it does not hear who left");
                continue;
            };
            let delivery = delivery.clone();
            // Such news must arrive, and nobody here may wait.
            tokio::spawn(async move {
                listener.send(delivery).await.ok();
                drop(waits);
            });
        }
    }

    fn close(&self) {
        if self.closed.swap(true, Ordering::AcqRel) {
            return;
        }
        let members = std::mem::take(&mut *self.members());
        for part in members.values() {
            part.close();
        }
        self.report(None, ChannelEvent::Close);
        self.listeners.end();
    }
}

impl ChannelGroup for Broadcast {
    fn listeners(&self) -> &Listeners {
        &self.listeners
    }

    fn remove(&self, part: &NamedChannel) {
        let mut members = self.members();
        if members.get(part.peer()).is_some_and(|member| std::ptr::eq(&*member.state, part)) {
            members.remove(part.peer());
        }
    }

    fn left(&self, part: &NamedChannel) {
        self.remove(part);
        if self.is_closed() {
            return;
        }
        let peer = part.peer();
        self.report(Some(Arc::clone(peer)), ChannelEvent::PeerLeft(peer.to_string()));
        if self.members().is_empty() {
            self.report(None, ChannelEvent::Close);
        }
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
        spec(name, &options).check().map_err(|error| ChannelError::of(name, "", error))?;
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
            late: Arc::new(Semaphore::new(LATE)),
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

    /// Lets a peer take part in the channels that there are.
    pub(crate) fn join(&self, peer: &Arc<str>, channels: &Channels) -> Result<(), ChannelError> {
        let mut result = Ok(());
        for broadcast in self.open() {
            match named(peer, channels, &broadcast.name, &broadcast.options) {
                Ok(part) => broadcast.add(&part),
                Err(error) => result = Err(error),
            }
        }
        result
    }

    fn open(&self) -> Vec<Arc<Broadcast>> {
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

impl PeerChannels {
    /// Lets the peer take part in the broadcast channels that there are.
    pub(crate) fn join(&self, broadcasts: &Broadcasts) -> Result<(), ChannelError> {
        broadcasts.join(&self.peer, &self.channels)
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
        for part in self.shared.parts() {
            sent &= part.send(data.clone()).await;
        }
        sent
    }

    /// Sends an event to every peer of now: `emit` of rtc.io.
    pub async fn emit(&self, event: &str, args: impl Into<Args>) -> bool {
        match frame(event, args.into().into_values()) {
            Ok(frame) => self.send(frame).await,
            Err(error) => {
                self.shared.report(None, ChannelEvent::Error(error));
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
        let parts = self.shared.parts();
        // Closed ones need nothing.
        drop(join_all(parts.iter().map(Channel::drained)).await);
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

#[cfg(test)]
mod tests {
    use super::*;
    use confab_wire::limits;

    #[tokio::test]
    async fn what_fails_while_a_listener_is_behind_costs_no_task() {
        let channels = Arc::<Broadcasts>::default();
        let channel = channels.get_or_create("cursor", ChannelOptions::default()).unwrap();
        let _unread = channel.listeners.all();
        let tasks = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
        let before = tasks();
        let error = || frame(&"x".repeat(limits::EVENT_NAME_BYTES + 1), Vec::new()).unwrap_err();
        for _ in 0..10_000 {
            channel.report(None, ChannelEvent::Error(error()));
        }
        assert_eq!(tasks(), before);
        for number in 0..10_000 {
            channel.report(None, ChannelEvent::PeerLeft(number.to_string()));
        }
        assert!(tasks() <= before + LATE, "{}", tasks());
    }
}

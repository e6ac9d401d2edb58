//! The channels of one peer, by their SCTP stream.

use super::broadcast::Broadcasts;
use super::link::Link;
use super::options::{label, stream_id};
use super::{Channel, ChannelError, ChannelOptions};
use crate::RemotePeer;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};
use webrtc::peer_connection::PeerConnection;

/// How long the stream of a closed channel rests before a channel of that stream is made anew: both sides reset it first
/// (RFC 6525), and the library does not say when they have.
const REST: Duration = Duration::from_secs(2);

#[derive(Debug, Default)]
struct Slots {
    links: HashMap<u16, Arc<Link>>,
    /// Channels of streams that are not yet free again.
    resting: HashMap<u16, Arc<Link>>,
    /// The association is up.
    open: bool,
    /// The peer has left.
    gone: bool,
}

impl Slots {
    fn check(&self, name: &str) -> Result<(), ChannelError> {
        let id = stream_id(name);
        match self.links.get(&id) {
            Some(link) if link.name() != name => {
                Err(ChannelError::Collision { name: name.to_owned(), other: link.name().to_owned(), id })
            }
            _ => Ok(()),
        }
    }
}

/// The channels of one peer. They are asked for by the application, and made by the peer's task.
#[derive(Debug)]
pub(crate) struct PeerChannels {
    peer: Arc<str>,
    remote: RemotePeer,
    slots: Mutex<Slots>,
    /// There is a channel to be made.
    wanted: Arc<Notify>,
}

impl PeerChannels {
    pub(crate) fn new(remote: &RemotePeer) -> Self {
        Self { peer: remote.id().into(), remote: remote.clone(), slots: Mutex::default(), wanted: Arc::default() }
    }

    fn slots(&self) -> MutexGuard<'_, Slots> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The channel of that name, asked for if there is none.
    pub(crate) fn get_or_create(&self, name: &str, options: ChannelOptions) -> Result<Channel, ChannelError> {
        options.check()?;
        label(name)?;
        let link = self.link(name, options)?;
        self.wanted.notify_one();
        Ok(Channel { link })
    }

    /// Refuses a name whose stream another channel of the peer has.
    pub(crate) fn check(&self, name: &str) -> Result<(), ChannelError> {
        self.slots().check(name)
    }

    fn link(&self, name: &str, options: ChannelOptions) -> Result<Arc<Link>, ChannelError> {
        let id = stream_id(name);
        let mut slots = self.slots();
        slots.check(name)?;
        if slots.gone {
            return Err(ChannelError::UnknownPeer(self.peer.to_string()));
        }
        if let Some(link) = slots.links.get(&id) {
            if !link.is_over() {
                return Ok(Arc::clone(link));
            }
            if link.is_closed_here() {
                let link = Arc::clone(link);
                slots.resting.insert(id, link);
            }
        }
        let link = Link::new(self.remote.clone(), name, options);
        slots.links.insert(id, Arc::clone(&link));
        Ok(link)
    }

    /// Lets the peer take part in the broadcast channels that there are.
    pub(crate) fn join(&self, broadcasts: &Broadcasts) -> Result<(), ChannelError> {
        let mut result = Ok(());
        for broadcast in broadcasts.open() {
            match self.link(&broadcast.name, broadcast.options.clone()) {
                Ok(link) => broadcast.add(&self.peer, &link),
                Err(error) => result = Err(error),
            }
        }
        self.wanted.notify_one();
        result
    }

    /// Waits until there is a channel to be made.
    pub(crate) async fn wanted(&self) {
        self.wanted.notified().await;
    }

    /// Makes the channels that were asked for.
    pub(crate) async fn attach(&self, pc: &Arc<dyn PeerConnection>) {
        let (links, open) = {
            let mut slots = self.slots();
            let now = Instant::now();
            let until = |link: &Link| link.over_at().unwrap_or(now) + REST;
            slots.resting.retain(|_, link| until(link) > now);
            if let Some(until) = slots.resting.values().map(|link| until(link)).min() {
                // Looks again then.
                let wanted = Arc::clone(&self.wanted);
                tokio::spawn(async move {
                    sleep_until(until).await;
                    wanted.notify_one();
                });
            }
            let ready = |(id, link): (&u16, &Arc<Link>)| {
                (!link.is_attached() && !link.is_over() && !slots.resting.contains_key(id)).then(|| Arc::clone(link))
            };
            (slots.links.iter().filter_map(ready).collect::<Vec<_>>(), slots.open)
        };
        for link in links {
            if let Err(error) = link.attach(pc, open).await {
                tracing::error!(%error, name = link.name(), "a channel can't be made");
                link.fail(error);
                link.detach();
            }
        }
    }

    /// The association is up.
    pub(crate) fn open(&self) {
        let links: Vec<_> = {
            let mut slots = self.slots();
            slots.open = true;
            slots.links.values().cloned().collect()
        };
        for link in links {
            link.open();
        }
    }

    /// The connection is over, and its channels with it. Those that were not yet made wait for the next one.
    pub(crate) fn detach(&self) {
        let over: Vec<_> = {
            let mut slots = self.slots();
            slots.open = false;
            slots.resting.clear();
            slots.links.extract_if(|_, link| link.is_attached() || link.is_over()).map(|(_, link)| link).collect()
        };
        for link in over {
            link.detach();
        }
    }

    /// The peer is gone.
    pub(crate) fn end(&self) {
        let links = {
            let mut slots = self.slots();
            slots.gone = true;
            std::mem::take(&mut slots.links)
        };
        for link in links.into_values() {
            link.detach();
        }
    }
}

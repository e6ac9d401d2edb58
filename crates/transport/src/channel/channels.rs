//! The data channels of one remote.

use super::handler::{ChannelHandler, DataChannelEvent, QueueHandler};
use super::link::Link;
use super::options::{ChannelSpec, DataChannelOptions};
use super::reader::{Association, Surroundings, attach};
use super::sending::ReadyState;
use super::{ChannelData, DataChannelError};
use crate::remote_peer::RemoteControl;
use std::any::Any;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, mpsc};
use tokio::time::{Instant, sleep_until};
use webrtc::data_channel::DataChannel as LibraryChannel;
use webrtc::peer_connection::PeerConnection;

/// How long the stream of a closed channel rests before a channel of that stream is made anew: both sides reset it first
/// (RFC 6525), and the library does not say when they have.
const REST: Duration = Duration::from_secs(2);
/// Events of a channel that the remote opened, until the dialect has taken them.
const IN_BAND_EVENTS: usize = 64;

/// A data channel to one remote. Cloning gives another handle of the same channel; the channel stays when all are dropped,
/// until [`DataChannel::close`] or the end of the connection. Its end is final.
#[derive(Debug, Clone)]
pub struct DataChannel {
    link: Arc<Link>,
}

impl DataChannel {
    /// What it was made as.
    pub fn spec(&self) -> &ChannelSpec {
        self.link.spec()
    }

    /// The handler it was made with, if that is of this type.
    pub fn handler<H: ChannelHandler>(&self) -> Option<Arc<H>> {
        let handler: Arc<dyn Any + Send + Sync> = self.link.handler().clone();
        handler.downcast().ok()
    }

    /// Sends bytes or text. True if it is under way. False if it waits for the channel to open or for the remote to take what
    /// it has ([`DataChannel::drained`]), or if it was refused, which a [`DataChannelEvent::Failed`] tells: over
    /// [`DataChannelOptions::queue_budget`], over [`super::MESSAGE_BYTES`], or closed. Never waits for the remote.
    pub async fn send(&self, data: impl Into<ChannelData> + Send) -> bool {
        self.link.send(data.into()).await
    }

    /// Waits until nothing waits on this side any more. An error says that the channel is over.
    pub async fn drained(&self) -> Result<(), DataChannelError> {
        self.link.drained().await
    }

    /// Where the channel is.
    pub fn ready_state(&self) -> ReadyState {
        self.link.ready_state()
    }

    /// Bytes that were sent and that the remote has not yet taken (`bufferedAmount`). What waits in the queue is not in it.
    pub async fn buffered_amount(&self) -> usize {
        self.link.buffered_amount().await
    }

    /// Closes the channel on both sides. What was sent still arrives; what waits is dropped.
    pub fn close(&self) {
        self.link.close();
    }

    /// True if both are handles of one channel.
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.link, &other.link)
    }
}

/// A data channel that the remote opened.
#[derive(Debug)]
pub struct InBandChannel {
    /// The channel; its name is its label.
    pub channel: DataChannel,
    /// What happens on it. Nothing more is read from the remote while this is full.
    pub events: mpsc::Receiver<DataChannelEvent>,
}

#[derive(Debug, Default)]
struct Slots {
    /// By SCTP stream.
    negotiated: HashMap<u16, Arc<Link>>,
    /// Those that this side or the remote opened.
    in_band: Vec<Arc<Link>>,
    /// Channels of streams that are not yet free again.
    resting: HashMap<u16, Arc<Link>>,
    /// The remote is gone.
    gone: bool,
}

impl Slots {
    fn check(&self, spec: &ChannelSpec) -> Result<(), DataChannelError> {
        let Some(id) = spec.negotiated else { return Ok(()) };
        match self.negotiated.get(&id) {
            Some(link) if link.spec().label != spec.label => {
                Err(DataChannelError::StreamInUse { other: link.spec().name.clone(), id })
            }
            _ => Ok(()),
        }
    }

    fn all(&self) -> impl Iterator<Item = &Arc<Link>> {
        self.negotiated.values().chain(&self.in_band)
    }
}

/// The data channels of one remote. They are asked for by the dialect, and made by the connection; those that wait for one
/// are made by the next.
#[derive(Debug)]
pub struct Channels {
    remote: RemoteControl,
    slots: Mutex<Slots>,
    /// There is a channel to be made.
    wanted: Arc<Notify>,
    association: Mutex<Arc<Association>>,
}

impl Channels {
    pub(crate) fn new(remote: RemoteControl) -> Self {
        Self { remote, slots: Mutex::default(), wanted: Arc::default(), association: Mutex::default() }
    }

    fn slots(&self) -> MutexGuard<'_, Slots> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The channel on the SCTP stream of `spec`, asked for with a handler of `handler` if there is none. An in-band channel
    /// is always a new one.
    pub fn get_or_create(
        &self,
        spec: ChannelSpec,
        handler: impl FnOnce() -> Arc<dyn ChannelHandler>,
    ) -> Result<DataChannel, DataChannelError> {
        spec.check()?;
        let link = {
            let mut slots = self.slots();
            slots.check(&spec)?;
            if slots.gone {
                return Err(DataChannelError::Gone);
            }
            match spec.negotiated {
                None => {
                    slots.in_band.retain(|link| !link.is_over());
                    let link = Link::new(spec, handler());
                    slots.in_band.push(Arc::clone(&link));
                    link
                }
                Some(id) => {
                    if let Some(link) = slots.negotiated.get(&id) {
                        if !link.is_over() {
                            return Ok(DataChannel { link: Arc::clone(link) });
                        }
                        if link.is_closed_here() {
                            let link = Arc::clone(link);
                            slots.resting.insert(id, link);
                        }
                    }
                    let link = Link::new(spec, handler());
                    slots.negotiated.insert(id, Arc::clone(&link));
                    link
                }
            }
        };
        self.wanted.notify_one();
        Ok(DataChannel { link })
    }

    /// Refuses a channel whose SCTP stream another channel of the remote has.
    pub fn check(&self, spec: &ChannelSpec) -> Result<(), DataChannelError> {
        self.slots().check(spec)
    }

    // ---- for the connection ----

    fn association(&self) -> Arc<Association> {
        Arc::clone(&self.association.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn surroundings(&self, pc: &Arc<dyn PeerConnection>) -> Surroundings {
        Surroundings { pc: Arc::downgrade(pc), remote: self.remote.clone(), association: self.association() }
    }

    /// Waits until there is something to do: see [`Self::attach`] and [`Self::is_association_up`].
    pub(crate) async fn changed(&self) {
        let association = self.association();
        tokio::select! {
            biased;
            () = association.changed.notified() => {}
            () = self.wanted.notified() => {}
        }
    }

    /// True once the library said of any channel that it is open.
    pub(crate) fn is_association_up(&self) -> bool {
        self.association().is_up()
    }

    /// Makes the channels that were asked for. True if there were some.
    pub(crate) async fn attach(&self, pc: &Arc<dyn PeerConnection>) -> bool {
        let links = {
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
            let rests = |link: &Link| link.spec().negotiated.is_some_and(|id| slots.resting.contains_key(&id));
            let ready = |link: &&Arc<Link>| !link.is_attached() && !link.is_over() && !rests(link);
            slots.all().filter(ready).cloned().collect::<Vec<_>>()
        };
        let open = self.is_association_up();
        for link in &links {
            let spec = link.spec();
            match pc.create_data_channel(&spec.label, Some(spec.init())).await {
                Ok(library) => attach(link, library, self.surroundings(pc), open),
                Err(error) => {
                    tracing::error!(%error, name = spec.name, "a channel can't be made");
                    link.fail(DataChannelError::Library(error.to_string()));
                    link.detach();
                }
            }
        }
        !links.is_empty()
    }

    /// Takes a channel that the remote opened, on which this side sends with the flow control of `flow`.
    pub(crate) async fn adopt(
        &self,
        pc: &Arc<dyn PeerConnection>,
        library: Arc<dyn LibraryChannel>,
        flow: DataChannelOptions,
    ) -> webrtc::error::Result<InBandChannel> {
        let options = DataChannelOptions {
            ordered: library.ordered().await?,
            max_retransmits: library.max_retransmits().await?,
            max_packet_life_time: library.max_packet_life_time().await?,
            ..flow
        };
        let protocol = library.protocol().await?;
        let spec = ChannelSpec { protocol, ..ChannelSpec::in_band(&library.label().await?, options) };
        let (handler, events) = QueueHandler::new(IN_BAND_EVENTS);
        let link = Link::new(spec, handler);
        {
            let mut slots = self.slots();
            slots.in_band.retain(|link| !link.is_over());
            slots.in_band.push(Arc::clone(&link));
        }
        // It came over the association.
        attach(&link, library, self.surroundings(pc), true);
        Ok(InBandChannel { channel: DataChannel { link }, events })
    }

    /// The association is up: so are the channels.
    pub(crate) fn open(&self) {
        self.association().set_up();
        let links: Vec<_> = self.slots().all().cloned().collect();
        for link in links {
            link.open();
        }
    }

    /// The connection is over, and its channels with it. Those that were not yet made wait for the next one.
    pub(crate) fn detach(&self) {
        *self.association.lock().unwrap_or_else(PoisonError::into_inner) = Arc::default();
        let over: Vec<_> = {
            let mut slots = self.slots();
            slots.resting.clear();
            let ended = |link: &Arc<Link>| link.is_attached() || link.is_over();
            let mut over: Vec<_> = slots.negotiated.extract_if(|_, link| ended(link)).map(|(_, link)| link).collect();
            over.extend(slots.in_band.extract_if(.., |link| ended(link)));
            over
        };
        for link in over {
            link.detach();
        }
    }

    /// The remote is gone.
    pub(crate) fn end(&self) {
        let links: Vec<_> = {
            let mut slots = self.slots();
            slots.gone = true;
            let negotiated = std::mem::take(&mut slots.negotiated);
            negotiated.into_values().chain(std::mem::take(&mut slots.in_band)).collect()
        };
        for link in links {
            link.detach();
        }
    }
}

//! A channel to one peer: what is sent waits here while it must, what comes is handed to the listeners.

use super::broadcast::Broadcast;
use super::events::{Delivery, Listeners};
use super::options::{label, stream_id};
use super::{
    ChannelData, ChannelError, ChannelEvent, ChannelEvents, ChannelListener, ChannelMessage, ChannelOptions, ReadyState,
};
use crate::{Args, MESSAGE_BYTES, RemotePeer, RemotePeerEvent};
use bytes::BytesMut;
use confab_protocol::ctrl::{Envelope, EnvelopeError};
use confab_protocol::limits;
use futures_util::future::join_all;
use serde_json::Value;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, timeout};
use tracing::Instrument;
use webrtc::data_channel::{DataChannel, DataChannelEvent};
use webrtc::peer_connection::PeerConnection;

/// How long what comes first waits for the first listener of a new channel: the application gets its handle before it can
/// listen.
const FIRST_LISTENER: Duration = Duration::from_secs(1);
/// How often a sender looks by itself whether the peer has taken what it had, while this side's own reader is behind: the
/// library tells of it only after what came before.
const LOOK: Duration = Duration::from_millis(20);

/// How long a closing channel waits for the peer to take what was sent.
const LINGER: Duration = Duration::from_secs(30);
/// How long nothing more may come of a channel that the peer closed until it counts as read to its end: the library
/// (rtc 0.21.1) tells of the close before the last messages.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// The sending side of a channel.
#[derive(Default)]
struct Sending {
    phase: Phase,
    transport: Option<Arc<dyn DataChannel>>,
    /// There is, or was, a data channel, and a task that reads it and tells the end.
    attached: bool,
    /// This side closed it, not the peer or the end of the connection.
    closed_here: bool,
    /// When the end was told.
    over_at: Option<Instant>,
    queue: VecDeque<ChannelData>,
    /// What the queue takes of the budget.
    weight: usize,
    /// The queue is being sent: others line up behind it.
    flushing: bool,
    /// Bytes that the peer has not yet taken, or fewer: what was sent since they were last counted.
    outstanding: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Phase {
    #[default]
    Connecting,
    Open,
    Closing,
    Closed,
}

/// What is to be done with a message.
enum Admission {
    Send(Arc<dyn DataChannel>, ChannelData),
    /// The bytes that the peer has not taken must be counted first.
    Count(Arc<dyn DataChannel>, ChannelData),
    Queued,
    Refused(ChannelError),
}

/// The state that the handles of one channel have in common.
pub(super) struct Link {
    peer: Arc<str>,
    /// Who is told that the channel is open.
    remote: RemotePeer,
    name: Arc<str>,
    options: ChannelOptions,
    sending: Mutex<Sending>,
    listeners: Listeners,
    broadcast: Mutex<Weak<Broadcast>>,
    /// The queue may have to go on.
    kick: Notify,
    /// [`Channel::close`] was called.
    closing: Notify,
    /// The queue is empty, or the channel is over.
    drained: Notify,
}

impl std::fmt::Debug for Link {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Channel").field("peer", &self.peer).field("name", &self.name).finish_non_exhaustive()
    }
}

impl Link {
    pub(super) fn new(remote: RemotePeer, name: &str, options: ChannelOptions) -> Arc<Self> {
        Arc::new(Self {
            peer: remote.id().into(),
            remote,
            name: name.into(),
            options,
            sending: Mutex::default(),
            listeners: Listeners::default(),
            broadcast: Mutex::default(),
            kick: Notify::new(),
            closing: Notify::new(),
            drained: Notify::new(),
        })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    fn sending(&self) -> MutexGuard<'_, Sending> {
        self.sending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn broadcast(&self) -> Option<Arc<Broadcast>> {
        self.broadcast.lock().unwrap_or_else(PoisonError::into_inner).upgrade()
    }

    /// From now on the channel is also part of a broadcast channel.
    pub(super) fn join(&self, broadcast: &Arc<Broadcast>) {
        *self.broadcast.lock().unwrap_or_else(PoisonError::into_inner) = Arc::downgrade(broadcast);
    }

    pub(super) fn is_over(&self) -> bool {
        matches!(self.sending().phase, Phase::Closing | Phase::Closed)
    }

    pub(super) fn is_attached(&self) -> bool {
        self.sending().attached
    }

    pub(super) fn is_closed_here(&self) -> bool {
        self.sending().closed_here
    }

    /// When the end of the channel was told.
    pub(super) fn over_at(&self) -> Option<Instant> {
        self.sending().over_at
    }

    // ---- the connection ----

    /// Makes the data channel, and the task that reads it. `open`: the association is up.
    pub(super) async fn attach(self: &Arc<Self>, pc: &dyn PeerConnection, open: bool) -> Result<(), ChannelError> {
        let failed = |error: webrtc::error::Error| ChannelError::Transport(error.to_string());
        let init = self.options.init(stream_id(&self.name));
        let transport = pc.create_data_channel(&label(&self.name)?, Some(init)).await.map_err(failed)?;
        // At most 4 GiB: the options were checked.
        let low = u32::try_from(self.options.low_watermark).unwrap_or(u32::MAX);
        transport.set_buffered_amount_low_threshold(low).await.map_err(failed)?;
        {
            let mut sending = self.sending();
            (sending.transport, sending.attached) = (Some(Arc::clone(&transport)), true);
            if sending.phase == Phase::Closed || sending.phase == Phase::Closing {
                // Closed while it was made: the reader does the rest.
                self.closing.notify_one();
            }
        }
        if open {
            self.open();
        }
        let reader = Reader {
            link: Arc::clone(self),
            transport,
            listening: AtomicBool::new(false),
            opened: AtomicBool::new(false),
            told_open: AtomicBool::new(false),
        };
        // It ends by itself: with the data channel, when its listeners have read what came before or are gone.
        tokio::spawn(reader.run().in_current_span());
        Ok(())
    }

    /// The association is up. The library's own word for it comes only to channels that were made before.
    pub(super) fn open(&self) {
        let mut sending = self.sending();
        if sending.phase == Phase::Connecting && sending.transport.is_some() {
            sending.phase = Phase::Open;
            drop(sending);
            // The reader flushes, and tells.
            self.kick.notify_one();
        }
    }

    /// The connection is over: nothing goes any more. What came is still read; then the reader tells the end.
    pub(super) fn detach(&self) {
        let attached = {
            let mut sending = self.sending();
            sending.end();
            sending.attached
        };
        self.drained.notify_waiters();
        if let Some(broadcast) = self.broadcast() {
            broadcast.remove(&self.peer, self);
        }
        if !attached {
            self.over();
        }
    }

    /// Nothing can be sent any more.
    fn stop(&self) {
        self.sending().end();
        self.drained.notify_waiters();
    }

    /// Tells the end, once.
    fn over(&self) {
        {
            let mut sending = self.sending();
            sending.end();
            if sending.over_at.replace(Instant::now()).is_some() {
                return;
            }
        }
        self.drained.notify_waiters();
        let delivery = self.delivery(ChannelEvent::Close);
        for listener in self.listeners.tell_now(&delivery) {
            // It must arrive, and nobody here may wait. One for each reader that is behind at the end.
            let delivery = delivery.clone();
            tokio::spawn(async move { listener.send(delivery).await });
        }
        self.listeners.end();
        if let Some(broadcast) = self.broadcast() {
            broadcast.left(&self.peer, self);
        }
    }

    // ---- out ----

    /// Sends a message, or lets it wait. True if the transport has it.
    pub(super) async fn send(&self, data: ChannelData) -> bool {
        if data.len() > MESSAGE_BYTES {
            self.fail(ChannelError::TooLarge(data.len()));
            return false;
        }
        let mut data = data;
        let mut counted = false;
        loop {
            match self.admit(data, counted) {
                Admission::Send(transport, data) => return self.transmit(&*transport, data).await,
                Admission::Count(transport, waiting) => {
                    self.count(&*transport).await;
                    (data, counted) = (waiting, true);
                }
                Admission::Queued => {
                    // If the peer took everything in this moment, nothing would tell.
                    self.kick.notify_one();
                    return false;
                }
                Admission::Refused(error) => {
                    self.fail(error);
                    return false;
                }
            }
        }
    }

    fn admit(&self, data: ChannelData, counted: bool) -> Admission {
        let mut sending = self.sending();
        if matches!(sending.phase, Phase::Closing | Phase::Closed) {
            return Admission::Refused(ChannelError::Closed);
        }
        if sending.phase == Phase::Open
            && sending.queue.is_empty()
            && !sending.flushing
            && let Some(transport) = sending.transport.clone()
        {
            if sending.outstanding < self.options.high_watermark {
                sending.outstanding += data.len();
                return Admission::Send(transport, data);
            }
            if !counted {
                return Admission::Count(transport, data);
            }
        }
        let weight = data.weight();
        if sending.weight + weight > self.options.queue_budget {
            return Admission::Refused(ChannelError::OverBudget { budget: self.options.queue_budget });
        }
        sending.weight += weight;
        sending.queue.push_back(data);
        Admission::Queued
    }

    /// Counts the bytes that the peer has not taken.
    async fn count(&self, transport: &dyn DataChannel) -> usize {
        let outstanding = transport.outstanding_bytes().await.unwrap_or_default();
        self.sending().outstanding = outstanding;
        outstanding
    }

    async fn transmit(&self, transport: &dyn DataChannel, data: ChannelData) -> bool {
        let bytes = data.len();
        let sent = match data {
            ChannelData::Bytes(data) => transport.try_send(BytesMut::from(data)).await,
            ChannelData::Text(text) => transport.try_send_text(&text).await,
        };
        match sent {
            Ok(()) => true,
            Err(error) => {
                {
                    let mut sending = self.sending();
                    sending.outstanding = sending.outstanding.saturating_sub(bytes);
                }
                self.fail(ChannelError::Transport(error.to_string()));
                false
            }
        }
    }

    /// Sends what waits, as far as the high mark lets it. Only the reader does this.
    async fn flush(&self) {
        {
            let mut sending = self.sending();
            if sending.phase != Phase::Open || sending.queue.is_empty() {
                return;
            }
            sending.flushing = true;
        }
        let mut counted = false;
        loop {
            let (transport, data) = {
                let mut sending = self.sending();
                let Some(transport) = sending.transport.clone().filter(|_| sending.phase == Phase::Open) else {
                    sending.flushing = false;
                    return;
                };
                let blocked = sending.outstanding >= self.options.high_watermark;
                if blocked && counted {
                    sending.flushing = false;
                    return;
                }
                match if blocked { None } else { sending.queue.pop_front() } {
                    Some(data) => {
                        sending.weight -= data.weight();
                        sending.outstanding += data.len();
                        (transport, Some(data))
                    }
                    None if blocked => (transport, None),
                    None => {
                        sending.flushing = false;
                        drop(sending);
                        self.drained.notify_waiters();
                        return;
                    }
                }
            };
            match data {
                Some(data) => {
                    self.transmit(&*transport, data).await;
                    counted = false;
                }
                None => {
                    self.count(&*transport).await;
                    counted = true;
                }
            }
        }
    }

    /// Waits until nothing waits on this side.
    pub(super) async fn drained(&self) -> Result<(), ChannelError> {
        loop {
            // From here on a notification counts.
            let drained = self.drained.notified();
            {
                let sending = self.sending();
                if matches!(sending.phase, Phase::Closing | Phase::Closed) {
                    return Err(ChannelError::Closed);
                }
                if sending.queue.is_empty() && !sending.flushing {
                    return Ok(());
                }
            }
            drained.await;
        }
    }

    pub(super) async fn buffered_amount(&self) -> usize {
        let transport = self.sending().transport.clone();
        match transport {
            Some(transport) => self.count(&*transport).await,
            None => 0,
        }
    }

    pub(super) fn close(&self) {
        {
            let mut sending = self.sending();
            if matches!(sending.phase, Phase::Closing | Phase::Closed) {
                return;
            }
            let attached = sending.attached;
            sending.closed_here = attached;
            sending.end();
            sending.phase = Phase::Closing;
            if !attached {
                drop(sending);
                self.over();
                return;
            }
        }
        self.drained.notify_waiters();
        self.closing.notify_one();
    }

    // ---- in ----

    fn delivery(&self, event: ChannelEvent) -> Delivery {
        Delivery { peer: Some(Arc::clone(&self.peer)), event }
    }

    /// Tells of something that concerns this side alone; those who are far behind miss it.
    pub(super) fn fail(&self, error: ChannelError) {
        tracing::debug!(%error, name = %self.name, "channel");
        drop(self.tell_now(ChannelEvent::Error(error)));
    }

    /// Tells those who have room, and gives back what is to be waited for.
    #[must_use]
    fn tell_now(&self, event: ChannelEvent) -> Option<Behind> {
        let delivery = self.delivery(event);
        let mut behind = self.listeners.tell_now(&delivery);
        if let Some(broadcast) = self.broadcast()
            // Of the end, a broadcast channel says that the peer left.
            && delivery.event != ChannelEvent::Close
        {
            behind.append(&mut broadcast.listeners.tell_now(&delivery));
        }
        if behind.is_empty() { None } else { Some(Behind { delivery, listeners: behind }) }
    }

    /// Waits for somebody who listens to this channel, or to the broadcast channel it is part of.
    async fn first_listener(&self) {
        match self.broadcast() {
            Some(broadcast) => {
                tokio::select! {
                    () = self.listeners.first() => {}
                    () = broadcast.listeners.first() => {}
                }
            }
            None => self.listeners.first().await,
        }
    }
}

impl Sending {
    /// Nothing goes any more.
    fn end(&mut self) {
        self.phase = Phase::Closed;
        self.transport = None;
        self.queue.clear();
        self.weight = 0;
        self.flushing = false;
    }
}

/// Listeners that are full, and what they have to get.
struct Behind {
    delivery: Delivery,
    listeners: Vec<tokio::sync::mpsc::Sender<Delivery>>,
}

/// The task that serves one channel while it is connected.
struct Reader {
    link: Arc<Link>,
    transport: Arc<dyn DataChannel>,
    /// The listeners had their time to come.
    listening: AtomicBool,
    opened: AtomicBool,
    told_open: AtomicBool,
}

impl Reader {
    async fn run(self) {
        self.while_serving(timeout(FIRST_LISTENER, self.link.first_listener())).await.ok();
        self.listening.store(true, Ordering::Relaxed);
        self.tell_open();
        let mut ends = false;
        loop {
            let next = self.while_serving(self.transport.poll());
            let next = if ends { timeout(LAST_WORDS, next).await.unwrap_or_default() } else { next.await };
            let event = match next {
                Some(DataChannelEvent::OnMessage(message)) => Self::read(message.is_string, message.data),
                Some(DataChannelEvent::OnBufferedAmountLow) => {
                    self.link.count(&*self.transport).await;
                    self.link.flush().await;
                    ChannelEvent::Drain
                }
                Some(DataChannelEvent::OnOpen) => {
                    self.link.open();
                    continue;
                }
                Some(DataChannelEvent::OnError) => {
                    ChannelEvent::Error(ChannelError::Transport("the library gives no reason".to_owned()))
                }
                Some(DataChannelEvent::OnClosing | DataChannelEvent::OnClose) => {
                    ends = true;
                    self.link.stop();
                    if self.link.is_closed_here() {
                        break;
                    }
                    continue;
                }
                None => break,
                Some(_) => continue,
            };
            self.tell(event).await;
        }
        self.link.over();
    }

    /// Serves the sending side while it waits for something else.
    async fn while_serving<T>(&self, other: impl Future<Output = T>) -> T {
        tokio::pin!(other);
        loop {
            tokio::select! {
                biased;
                () = self.link.kick.notified() => self.kicked().await,
                () = self.link.closing.notified() => {
                    // It ends by itself in bounded time.
                    tokio::spawn(close(Arc::clone(&self.transport)).in_current_span());
                }
                done = &mut other => return done,
            }
        }
    }

    /// The channel opened, or something was put into the queue.
    async fn kicked(&self) {
        if self.link.sending().phase == Phase::Open && !self.opened.swap(true, Ordering::Relaxed) {
            self.link.remote.tell(RemotePeerEvent::DataChannel { name: self.link.name.to_string() });
            self.link.flush().await;
        }
        self.tell_open();
        self.look().await;
    }

    fn tell_open(&self) {
        let now = self.listening.load(Ordering::Relaxed) && self.opened.load(Ordering::Relaxed);
        if now && !self.told_open.swap(true, Ordering::Relaxed) {
            drop(self.link.tell_now(ChannelEvent::Open));
        }
    }

    /// Goes on with what waits if the peer has taken all but the low mark.
    async fn look(&self) {
        let waits = {
            let sending = self.link.sending();
            sending.phase == Phase::Open && !sending.queue.is_empty()
        };
        if waits && self.link.count(&*self.transport).await <= self.link.options.low_watermark {
            self.link.flush().await;
            drop(self.link.tell_now(ChannelEvent::Drain));
        }
    }

    /// Waits for listeners that are behind: what the peer sends waits with them.
    async fn tell(&self, event: ChannelEvent) {
        let Some(Behind { delivery, listeners }) = self.link.tell_now(event) else { return };
        let told = join_all(listeners.iter().map(|listener| listener.send(delivery.clone())));
        tokio::pin!(told);
        loop {
            tokio::select! {
                biased;
                // One who stopped listening needs nothing.
                _ = self.while_serving(&mut told) => return,
                () = sleep(LOOK) => self.look().await,
            }
        }
    }

    fn read(is_text: bool, data: BytesMut) -> ChannelEvent {
        if !is_text {
            return ChannelEvent::Data(data.freeze());
        }
        match serde_json::from_slice::<Envelope>(&data) {
            Ok(Envelope { event, .. }) if event.len() > limits::EVENT_NAME_BYTES => {
                ChannelEvent::Error(EnvelopeError::Name.into())
            }
            Ok(Envelope { event, args }) => ChannelEvent::Message { event, args },
            Err(_) => ChannelEvent::Error(EnvelopeError::Shape.into()),
        }
    }
}

/// Closes a data channel when the peer has taken what was sent: the library (rtc 0.21.1) loses what is under way when it
/// resets the stream.
async fn close(transport: Arc<dyn DataChannel>) {
    let taken = async {
        while transport.outstanding_bytes().await.is_ok_and(|outstanding| outstanding > 0) {
            sleep(LOOK).await;
        }
    };
    if timeout(LINGER, taken).await.is_err() {
        tracing::debug!("a channel is closed although the peer has not taken everything");
    }
    if let Err(error) = transport.close().await {
        tracing::debug!(%error, "a channel was closed already");
    }
}

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
    pub(super) link: Arc<Link>,
}

impl Channel {
    /// The name it was made with.
    pub fn name(&self) -> &str {
        &self.link.name
    }

    /// Id of the peer at the other end.
    pub fn peer(&self) -> &str {
        &self.link.peer
    }

    /// Sends bytes or text: `channel.send` of rtc.io. True if the transport has it. False if it waits for the channel to
    /// open or for the peer to take what it has ([`Channel::drained`]), or if it was refused, which an
    /// [`ChannelEvent::Error`] tells: over [`ChannelOptions::queue_budget`], over [`crate::MESSAGE_BYTES`], or closed.
    /// Never waits for the peer.
    pub async fn send(&self, data: impl Into<ChannelData> + Send) -> bool {
        self.link.send(data.into()).await
    }

    /// Sends an event: `channel.emit` of rtc.io. As [`Channel::send`] of its envelope.
    pub async fn emit(&self, event: &str, args: impl Into<Args>) -> bool {
        match frame(event, args.into().into_values()) {
            Ok(frame) => self.link.send(frame).await,
            Err(error) => {
                self.link.fail(error);
                false
            }
        }
    }

    /// Listens to the events of one name: `channel.on` of rtc.io.
    pub fn on(&self, event: &str) -> ChannelListener {
        self.link.listeners.named(event)
    }

    /// The next event of that name after this call: `channel.once` of rtc.io. `None` when the channel ends before.
    pub fn once(&self, event: &str) -> impl Future<Output = Option<ChannelMessage>> + Send + use<> {
        let mut listener = self.on(event);
        async move { listener.recv().await }
    }

    /// Listens to everything: `open`, `close`, `error`, `drain`, `data` and all events.
    pub fn events(&self) -> ChannelEvents {
        self.link.listeners.all()
    }

    /// Waits until nothing waits on this side any more. An error says that the channel is over.
    pub async fn drained(&self) -> Result<(), ChannelError> {
        self.link.drained().await
    }

    /// Where the channel is: `readyState` of rtc.io.
    pub fn ready_state(&self) -> ReadyState {
        match self.link.sending().phase {
            Phase::Connecting => ReadyState::Connecting,
            Phase::Open => ReadyState::Open,
            Phase::Closing => ReadyState::Closing,
            Phase::Closed => ReadyState::Closed,
        }
    }

    /// Bytes that were sent and that the peer has not yet taken: `bufferedAmount` of rtc.io. What waits in the queue is not
    /// in it.
    pub async fn buffered_amount(&self) -> usize {
        self.link.buffered_amount().await
    }

    /// Closes the channel on both sides: `channel.close` of rtc.io. What was sent still arrives; what waits is dropped.
    pub fn close(&self) {
        self.link.close();
    }
}

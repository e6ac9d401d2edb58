//! A channel to one peer: what its handles, its broadcast channel and its reader share.

use super::broadcast::Broadcast;
use super::events::{Delivery, Listeners};
use super::options::{label, stream_id};
use super::reader::{Behind, Reader};
use super::sending::{Admission, Phase, Sending, Step};
use super::{ChannelData, ChannelError, ChannelEvent, ChannelOptions};
use crate::{MESSAGE_BYTES, RemotePeer};
use bytes::BytesMut;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use tokio::sync::Notify;
use tokio::time::Instant;
use tracing::Instrument;
use webrtc::data_channel::DataChannel;
use webrtc::peer_connection::PeerConnection;

/// What changes.
struct State {
    sending: Sending,
    transport: Option<Arc<dyn DataChannel>>,
    /// Of how many bytes the library tells when it has no more.
    threshold: Option<u32>,
    /// There is, or was, a data channel, and a task that reads it and tells the end.
    attached: bool,
    /// This side closed it, not the peer or the end of the connection.
    closed_here: bool,
    /// When the end was told.
    over_at: Option<Instant>,
}

impl State {
    /// Nothing goes any more.
    fn end(&mut self) {
        self.sending.end();
        self.transport = None;
    }
}

/// The state that the handles of one channel have in common.
pub(super) struct Link {
    peer: Arc<str>,
    /// Who is told that the channel is open.
    remote: RemotePeer,
    name: Arc<str>,
    options: ChannelOptions,
    state: Mutex<State>,
    listeners: Listeners,
    broadcast: Mutex<Weak<Broadcast>>,
    /// The queue may have to go on.
    pub(super) kick: Notify,
    /// [`super::Channel::close`] was called.
    pub(super) closing: Notify,
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
            state: Mutex::new(State {
                sending: Sending::new(options.clone()),
                transport: None,
                threshold: None,
                attached: false,
                closed_here: false,
                over_at: None,
            }),
            options,
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

    pub(super) fn peer(&self) -> &str {
        &self.peer
    }

    pub(super) fn remote(&self) -> &RemotePeer {
        &self.remote
    }

    pub(super) fn listeners(&self) -> &Listeners {
        &self.listeners
    }

    pub(super) fn phase(&self) -> Phase {
        self.state().sending.phase
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn broadcast(&self) -> Option<Arc<Broadcast>> {
        self.broadcast.lock().unwrap_or_else(PoisonError::into_inner).upgrade()
    }

    /// From now on the channel is also part of a broadcast channel.
    pub(super) fn join(&self, broadcast: &Arc<Broadcast>) {
        *self.broadcast.lock().unwrap_or_else(PoisonError::into_inner) = Arc::downgrade(broadcast);
    }

    pub(super) fn is_over(&self) -> bool {
        matches!(self.phase(), Phase::Closing | Phase::Closed)
    }

    pub(super) fn is_attached(&self) -> bool {
        self.state().attached
    }

    pub(super) fn is_closed_here(&self) -> bool {
        self.state().closed_here
    }

    /// When the end of the channel was told.
    pub(super) fn over_at(&self) -> Option<Instant> {
        self.state().over_at
    }

    // ---- the connection ----

    /// Makes the data channel, and the task that reads it. `open`: the association is up.
    pub(super) async fn attach(self: &Arc<Self>, pc: &Arc<dyn PeerConnection>, open: bool) -> Result<(), ChannelError> {
        let failed = |error: webrtc::error::Error| ChannelError::Transport(error.to_string());
        let init = self.options.init(stream_id(&self.name));
        let transport = pc.create_data_channel(&label(&self.name)?, Some(init)).await.map_err(failed)?;
        {
            let mut state = self.state();
            (state.transport, state.attached) = (Some(Arc::clone(&transport)), true);
            if matches!(state.sending.phase, Phase::Closing | Phase::Closed) {
                // Closed while it was made: the reader does the rest.
                self.closing.notify_one();
            }
        }
        if open {
            self.open();
        }
        let reader = Reader::new(Arc::clone(self), transport);
        // It ends by itself: with the data channel, when its listeners have read what came before or are gone.
        tokio::spawn(reader.run(Arc::downgrade(pc)).in_current_span());
        Ok(())
    }

    /// The association is up. The library's own word for it comes only to channels that were made before.
    pub(super) fn open(&self) {
        let mut state = self.state();
        if state.sending.phase == Phase::Connecting && state.transport.is_some() {
            state.sending.phase = Phase::Open;
            drop(state);
            // The reader sends what waits, and tells.
            self.kick.notify_one();
        }
    }

    /// The connection is over: nothing goes any more. What came is still read; then the reader tells the end.
    pub(super) fn detach(&self) {
        let attached = {
            let mut state = self.state();
            state.end();
            state.attached
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
    pub(super) fn stop(&self) {
        self.state().end();
        self.drained.notify_waiters();
    }

    /// Tells the end, once.
    pub(super) fn over(&self) {
        {
            let mut state = self.state();
            state.end();
            if state.over_at.replace(Instant::now()).is_some() {
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

    /// Sends a message, or lets it wait. True if it is under way.
    pub(super) async fn send(&self, data: ChannelData) -> bool {
        if data.len() > MESSAGE_BYTES {
            self.fail(ChannelError::TooLarge(data.len()));
            return false;
        }
        let mut admission = self.state().sending.admit(data, false, Instant::now());
        if let Admission::Count(data) = admission {
            self.count().await;
            admission = self.state().sending.admit(data, true, Instant::now());
        }
        match admission {
            // The reader hands it over: a caller may give up in the middle.
            Admission::Accepted => {
                self.kick.notify_one();
                return true;
            }
            // If the peer took everything in this moment, nothing would tell.
            Admission::Queued => self.kick.notify_one(),
            Admission::OverBudget => self.fail(ChannelError::OverBudget { budget: self.options.queue_budget }),
            Admission::Closed => self.fail(ChannelError::Closed),
            // It was counted.
            Admission::Count(_) => {}
        }
        false
    }

    /// Counts the bytes that the peer has not taken.
    pub(super) async fn count(&self) {
        let transport = self.state().transport.clone();
        if let Some(transport) = transport {
            let outstanding = transport.outstanding_bytes().await.unwrap_or_default();
            self.state().sending.count(outstanding);
        }
    }

    /// Gives the library what it may have, and has it tell when there is room again. Only the reader does this.
    pub(super) async fn pump(&self) -> Option<Behind> {
        let drain = self.state().sending.take_drain();
        let mut counted = false;
        loop {
            let (step, transport, drained) = {
                let mut state = self.state();
                let waited = !state.sending.is_drained();
                let step = state.sending.step(counted, Instant::now());
                (step, state.transport.clone(), waited && state.sending.is_drained())
            };
            if drained {
                self.drained.notify_waiters();
            }
            match (step, transport) {
                (Step::Transmit(data), Some(transport)) => {
                    self.transmit(&*transport, data).await;
                    counted = false;
                }
                (Step::Count, _) => {
                    self.count().await;
                    counted = true;
                }
                (Step::Rest, Some(transport)) if self.aim(&*transport).await => {
                    // It may have passed the new mark before it knew it.
                    self.count().await;
                    counted = true;
                }
                (Step::Rest, _) => break,
                // The connection ended in between: the next step says so.
                (Step::Transmit(_), None) => {}
            }
        }
        let drain = self.state().sending.take_drain() || drain;
        if drain { self.tell_now(ChannelEvent::Drain) } else { None }
    }

    /// Says to the library when it has to tell. True if that is something else than before.
    async fn aim(&self, transport: &dyn DataChannel) -> bool {
        let threshold = {
            let mut state = self.state();
            // At most 4 GiB: the options were checked.
            let threshold = u32::try_from(state.sending.threshold()).unwrap_or(u32::MAX);
            if state.threshold.replace(threshold) == Some(threshold) {
                return false;
            }
            threshold
        };
        if let Err(error) = transport.set_buffered_amount_low_threshold(threshold).await {
            tracing::debug!(%error, "a channel ended while it was sending");
        }
        true
    }

    async fn transmit(&self, transport: &dyn DataChannel, data: ChannelData) {
        let bytes = data.len();
        let sent = match data {
            ChannelData::Bytes(data) => transport.try_send(BytesMut::from(data)).await,
            ChannelData::Text(text) => transport.try_send_text(&text).await,
        };
        if let Err(error) = sent {
            self.state().sending.refused(bytes);
            self.fail(ChannelError::Transport(error.to_string()));
        }
    }

    /// The peer has taken something: goes on, and tells of `drain` if it is time.
    pub(super) async fn progress(&self) -> Option<Behind> {
        self.count().await;
        self.pump().await
    }

    /// True while something is under way or waits.
    pub(super) fn is_sending(&self) -> bool {
        !self.state().sending.is_delivered()
    }

    /// How long the path is: what the library may have.
    pub(super) fn set_round_trip(&self, round_trip: std::time::Duration) {
        self.state().sending.set_round_trip(round_trip);
    }

    /// Waits until nothing waits on this side.
    pub(super) async fn drained(&self) -> Result<(), ChannelError> {
        loop {
            // From here on a notification counts.
            let drained = self.drained.notified();
            {
                let state = self.state();
                if matches!(state.sending.phase, Phase::Closing | Phase::Closed) {
                    return Err(ChannelError::Closed);
                }
                if state.sending.is_drained() {
                    return Ok(());
                }
            }
            drained.await;
        }
    }

    pub(super) async fn buffered_amount(&self) -> usize {
        self.count().await;
        self.state().sending.buffered()
    }

    pub(super) fn close(&self) {
        {
            let mut state = self.state();
            if matches!(state.sending.phase, Phase::Closing | Phase::Closed) {
                return;
            }
            state.sending.close();
            state.closed_here = state.attached;
            if !state.attached {
                drop(state);
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
    pub(super) fn tell_now(&self, event: ChannelEvent) -> Option<Behind> {
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
    pub(super) async fn first_listener(&self) {
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

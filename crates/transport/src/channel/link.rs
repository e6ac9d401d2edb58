//! The state of one data channel: what its handles and its reader share.

use super::handler::{ChannelHandler, ChannelPending, DataChannelEvent};
use super::options::{ChannelSpec, MESSAGE_BYTES};
use super::sending::{Admission, ReadyState, Sending, Step};
use super::{ChannelData, DataChannelError};
use bytes::BytesMut;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;
use tokio::time::Instant;
use webrtc::data_channel::DataChannel as LibraryChannel;

/// What changes.
struct State {
    sending: Sending,
    library: Option<Arc<dyn LibraryChannel>>,
    /// The library tells when it has no more bytes than this.
    threshold: Option<u32>,
    /// There is, or was, a channel of the library, and a task that reads it and reports the end.
    attached: bool,
    /// This side closed it, not the remote or the end of the connection.
    closed_here: bool,
    /// When the end was reported.
    over_at: Option<Instant>,
}

impl State {
    /// Nothing goes any more.
    fn end(&mut self) {
        self.sending.end();
        self.library = None;
    }

    fn is_closing(&self) -> bool {
        matches!(self.sending.state, ReadyState::Closing | ReadyState::Closed)
    }
}

/// The state that the handles of one channel have in common.
pub(super) struct Link {
    spec: ChannelSpec,
    state: Mutex<State>,
    handler: Arc<dyn ChannelHandler>,
    /// The queue may have to go on.
    pub(super) kick: Notify,
    /// [`super::DataChannel::close`] was called.
    pub(super) closing: Notify,
    /// The queue is empty, or the channel is over.
    drained: Notify,
}

impl std::fmt::Debug for Link {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("DataChannel").field("name", &self.spec.name).finish_non_exhaustive()
    }
}

impl Link {
    pub(super) fn new(spec: ChannelSpec, handler: Arc<dyn ChannelHandler>) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::new(State {
                sending: Sending::new(spec.options.clone()),
                library: None,
                threshold: None,
                attached: false,
                closed_here: false,
                over_at: None,
            }),
            spec,
            handler,
            kick: Notify::new(),
            closing: Notify::new(),
            drained: Notify::new(),
        })
    }

    pub(super) fn spec(&self) -> &ChannelSpec {
        &self.spec
    }

    pub(super) fn handler(&self) -> &Arc<dyn ChannelHandler> {
        &self.handler
    }

    pub(super) fn ready_state(&self) -> ReadyState {
        self.state().sending.state
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn is_over(&self) -> bool {
        self.state().is_closing()
    }

    pub(super) fn is_attached(&self) -> bool {
        self.state().attached
    }

    pub(super) fn is_closed_here(&self) -> bool {
        self.state().closed_here
    }

    /// When the end of the channel was reported.
    pub(super) fn over_at(&self) -> Option<Instant> {
        self.state().over_at
    }

    // ---- the connection ----

    /// There is a channel of the library; a reader must follow.
    pub(super) fn set_library(&self, library: Arc<dyn LibraryChannel>) {
        let mut state = self.state();
        (state.library, state.attached) = (Some(library), true);
        if state.is_closing() {
            // Closed while it was made: the reader does the rest.
            self.closing.notify_one();
        }
    }

    /// The association is up. The library's own event for it comes only to channels that were made before.
    pub(super) fn open(&self) {
        let mut state = self.state();
        if state.sending.state == ReadyState::Connecting && state.library.is_some() {
            state.sending.state = ReadyState::Open;
            drop(state);
            // The reader sends what waits, and reports.
            self.kick.notify_one();
        }
    }

    /// The connection is over: nothing goes any more. What came is still read; then the reader reports the end.
    pub(super) fn detach(&self) {
        let attached = {
            let mut state = self.state();
            state.end();
            state.attached
        };
        self.drained.notify_waiters();
        drop(self.handler.handle(DataChannelEvent::Detached));
        if !attached {
            self.over();
        }
    }

    /// Nothing can be sent any more.
    pub(super) fn stop(&self) {
        self.state().end();
        self.drained.notify_waiters();
    }

    /// Reports the end, once.
    pub(super) fn over(&self) {
        {
            let mut state = self.state();
            state.end();
            if state.over_at.replace(Instant::now()).is_some() {
                return;
            }
        }
        self.drained.notify_waiters();
        if let Some(pending) = self.handler.handle(DataChannelEvent::Closed) {
            // It must arrive, and nobody here may wait.
            tokio::spawn(pending);
        }
    }

    // ---- out ----

    /// Sends a message, or lets it wait. True if it is under way.
    pub(super) async fn send(&self, data: ChannelData) -> bool {
        if data.len() > MESSAGE_BYTES {
            self.fail(DataChannelError::TooLarge(data.len()));
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
            // If the remote took everything in this moment, nothing would tell.
            Admission::Queued => self.kick.notify_one(),
            Admission::OverBudget => {
                self.fail(DataChannelError::OverBudget { budget: self.spec.options.queue_budget });
            }
            Admission::Closed => self.fail(DataChannelError::Closed),
            // It was counted.
            Admission::Count(_) => {}
        }
        false
    }

    /// Counts the bytes that the remote has not taken.
    pub(super) async fn count(&self) {
        let library = self.state().library.clone();
        if let Some(library) = library {
            let outstanding = library.outstanding_bytes().await.unwrap_or_default();
            self.state().sending.count(outstanding);
        }
    }

    /// Gives the library what it may have, and has it tell when there is room again. Only the reader does this.
    pub(super) async fn pump(&self) -> Option<ChannelPending> {
        let drain = self.state().sending.take_drain();
        let mut counted = false;
        loop {
            let (step, library, drained) = {
                let mut state = self.state();
                let waited = !state.sending.is_drained();
                let step = state.sending.step(counted, Instant::now());
                (step, state.library.clone(), waited && state.sending.is_drained())
            };
            if drained {
                self.drained.notify_waiters();
            }
            match (step, library) {
                (Step::Transmit(data), Some(library)) => {
                    self.transmit(&*library, data).await;
                    counted = false;
                }
                (Step::Count, _) => {
                    self.count().await;
                    counted = true;
                }
                (Step::Rest, Some(library)) if self.set_threshold(&*library).await => {
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
        if drain { self.handler.handle(DataChannelEvent::Drain) } else { None }
    }

    /// Says to the library when it has to tell. True if that is something else than before.
    async fn set_threshold(&self, library: &dyn LibraryChannel) -> bool {
        let threshold = {
            let mut state = self.state();
            // At most 4 GiB: the options were checked.
            let threshold = u32::try_from(state.sending.threshold()).unwrap_or(u32::MAX);
            if state.threshold.replace(threshold) == Some(threshold) {
                return false;
            }
            threshold
        };
        if let Err(error) = library.set_buffered_amount_low_threshold(threshold).await {
            tracing::debug!(%error, "a channel ended while it was sending");
        }
        true
    }

    async fn transmit(&self, library: &dyn LibraryChannel, data: ChannelData) {
        let bytes = data.len();
        let sent = match data {
            ChannelData::Bytes(data) => library.try_send(BytesMut::from(data)).await,
            ChannelData::Text(text) => library.try_send_text(&text).await,
        };
        if let Err(error) = sent {
            self.state().sending.refused(bytes);
            self.fail(DataChannelError::Library(error.to_string()));
        }
    }

    /// The remote has taken something: goes on, and reports `Drain` if it is time.
    pub(super) async fn progress(&self) -> Option<ChannelPending> {
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
    pub(super) async fn drained(&self) -> Result<(), DataChannelError> {
        loop {
            // From here on a notification counts.
            let drained = self.drained.notified();
            {
                let state = self.state();
                if state.is_closing() {
                    return Err(DataChannelError::Closed);
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
            if state.is_closing() {
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

    /// Reports what concerns this side alone; a handler that is far behind misses it.
    pub(super) fn fail(&self, error: DataChannelError) {
        tracing::debug!(%error, name = %self.spec.name, "channel");
        drop(self.handler.handle(DataChannelEvent::Failed(error)));
    }
}

//! A data channel whose sends wait for room (`DataChannel` of the SDK).

use confab_transport::channel::{
    ChannelData, ChannelSpec, Channels, DataChannel as Channel, DataChannelError as ChannelError, DataChannelEvent,
    DataChannelOptions, InBandChannel, MESSAGE_BYTES, QueueHandler, ReadyState,
};
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::{Mutex, mpsc};

/// Bytes under way from which a send waits (`maxBufferedAmount`).
pub const MAX_BUFFERED_AMOUNT: usize = 1 << 20;
/// Bytes under way from which waiting sends go on (`bufferedAmountLowThreshold`).
pub const BUFFERED_AMOUNT_LOW_THRESHOLD: usize = MAX_BUFFERED_AMOUNT / 2;
/// Sends that may wait (`maxQueuedSends`).
pub const MAX_QUEUED_SENDS: usize = 256;
/// Events that wait for their reader; then nothing more is read from the remote.
const EVENTS: usize = 64;

/// A message was not sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DataChannelError {
    /// [`MAX_QUEUED_SENDS`] sends wait already (`DataChannelOverflowError`).
    #[error("too many sends wait")]
    Overflow,
    /// The message has more than 256 KiB.
    #[error("a message of {0} bytes is too large")]
    TooLarge(usize),
    /// The channel is closed, or was never made.
    #[error(transparent)]
    Channel(ChannelError),
}

/// Flow control of the SDK's channels.
pub(crate) fn flow() -> DataChannelOptions {
    DataChannelOptions {
        high_watermark: MAX_BUFFERED_AMOUNT,
        low_watermark: BUFFERED_AMOUNT_LOW_THRESHOLD,
        ..DataChannelOptions::default()
    }
}

/// A data channel to one remote peer. It ends with the connection ([`confab_transport::RemotePeerEvent::ConnectionReset`]);
/// open another one then. Share it behind an [`std::sync::Arc`].
#[derive(Debug)]
pub struct DataChannel {
    channel: Channel,
    events: Mutex<mpsc::Receiver<DataChannelEvent>>,
    /// Senders take turns, in the order in which they came.
    turn: Mutex<()>,
    waiting: AtomicUsize,
}

/// One send that waits.
struct Waiting<'a>(&'a AtomicUsize);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

impl DataChannel {
    /// Asks for a channel that this side opens.
    pub(crate) fn open(channels: &Channels, label: &str) -> Result<Self, DataChannelError> {
        let (handler, events) = QueueHandler::new(EVENTS);
        let spec = ChannelSpec::in_band(label, flow());
        let channel = channels.get_or_create(spec, || handler).map_err(DataChannelError::Channel)?;
        Ok(Self::new(channel, events))
    }

    /// A channel that the remote opened.
    pub(crate) fn adopt(opened: InBandChannel) -> Self {
        Self::new(opened.channel, opened.events)
    }

    fn new(channel: Channel, events: mpsc::Receiver<DataChannelEvent>) -> Self {
        Self { channel, events: Mutex::new(events), turn: Mutex::default(), waiting: AtomicUsize::new(0) }
    }

    /// Sends text or bytes, after what was to be sent before, once the channel is open and has room. A call that is dropped
    /// may have sent.
    pub async fn send(&self, data: impl Into<ChannelData>) -> Result<(), DataChannelError> {
        let data = data.into();
        if data.len() > MESSAGE_BYTES {
            return Err(DataChannelError::TooLarge(data.len()));
        }
        let waiting = Waiting(&self.waiting);
        // The one whose turn it is does not wait for others.
        if self.waiting.fetch_add(1, Ordering::AcqRel) > MAX_QUEUED_SENDS {
            return Err(DataChannelError::Overflow);
        }
        let _turn = self.turn.lock().await;
        // What an earlier call left behind that was dropped.
        self.channel.drained().await.map_err(DataChannelError::Channel)?;
        if !self.channel.send(data).await {
            self.channel.drained().await.map_err(DataChannelError::Channel)?;
        }
        drop(waiting);
        Ok(())
    }

    /// The next event (`open`, `message`, `close`, `error`); `None` after the end.
    pub async fn recv(&self) -> Option<DataChannelEvent> {
        self.events.lock().await.recv().await
    }

    /// The label.
    pub fn label(&self) -> &str {
        &self.channel.spec().label
    }

    /// Where the channel is.
    pub fn ready_state(&self) -> ReadyState {
        self.channel.ready_state()
    }

    /// Bytes under way that the remote has not yet taken.
    pub async fn buffered_amount(&self) -> usize {
        self.channel.buffered_amount().await
    }

    /// Closes the channel on both sides.
    pub fn close(&self) {
        self.channel.close();
    }
}

//! The tasks of one data connection: one for its connection, one for its channel.

use super::driver::{Notice, drive};
use super::events::DataConnectionEvent;
use super::feed::Feed;
use super::link::{Link, Over};
use super::outgoing::Pending;
use super::settings::Settings;
use crate::data::Data;
use crate::error::ConnectionError;
use crate::message::Offered;
use crate::serialization::Serialization;
use crate::serialization::codec::{Decoder, Frame, Incoming};
use confab_transport::channel::{
    ChannelData, ChannelSpec, Channels, DataChannel, DataChannelEvent, DataChannelOptions, InBandChannel, QueueHandler,
};
use confab_transport::{ConnectionCommand, Role};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::sleep;
use tracing::Instrument;

/// Events of the channel that wait for its task.
const CHANNEL_EVENTS: usize = 64;
/// Bytes that the remote has not taken, above which senders wait; PeerJS has the same.
const HIGH_WATERMARK: usize = 8 << 20;
/// Bytes at which they go on.
const LOW_WATERMARK: usize = 4 << 20;
/// How long the remote may take to take what is under way and to answer the close of a channel, after which the connection is
/// closed.
const CLOSE_PATIENCE: Duration = Duration::from_secs(30);

/// Where the channel comes from.
pub(super) enum Source {
    /// This side opens it.
    Own { label: String, ordered: bool },
    /// The remote does.
    Remote,
}

/// A channel and what happens on it.
struct Opened {
    channel: DataChannel,
    events: mpsc::Receiver<DataChannelEvent>,
}

/// See the module.
pub(super) struct DataTask {
    pub(super) link: Arc<Link>,
    pub(super) offered: Offered,
    pub(super) serialization: Serialization,
    pub(super) feed: Feed<DataConnectionEvent>,
    pub(super) pending: Pending,
}

impl DataTask {
    /// Begins the connection. The future serves it to its end.
    pub(super) fn run(
        self,
        settings: &Settings,
        role: Role,
        source: Source,
        over: Over,
    ) -> impl Future<Output = ()> + Send + use<> {
        let span = tracing::debug_span!("data", peer = self.link.peer, connection = self.link.id);
        let (transport, connection) = settings.connect(&self.link, role, None);
        let (found, channel) = oneshot::channel();
        let mut found = Some(found);
        if let Source::Own { label, ordered } = source {
            match own(&transport.channels, &label, ordered) {
                Some(opened) => drop(found.take().map(|found| found.send(opened))),
                None => self.link.close(),
            }
        }
        let started = self.link.start(transport.commands);
        let Self { link, offered, serialization, feed, pending } = self;
        async move {
            if started {
                let pump = ChannelTask { link: Arc::clone(&link), serialization, feed: feed.clone() };
                let pump = tokio::spawn(pump.run(channel, pending).in_current_span());
                tokio::spawn(connection.in_current_span());
                let notice = |notice| match notice {
                    Notice::State(state) => feed.offer(DataConnectionEvent::IceStateChanged(state)),
                    Notice::Channel(InBandChannel { channel, events }) => match found.take() {
                        Some(found) => drop(found.send(Opened { channel, events })),
                        // A connection has one.
                        None => channel.close(),
                    },
                    // Media on a data connection is not taken.
                    Notice::Track(..) => {}
                };
                let vanished = drive(&link, &offered, transport.events, notice).await;
                link.end();
                drop(found);
                over();
                if pump.await.is_err() {
                    tracing::error!("the task of a channel failed");
                }
                if vanished {
                    let error = DataConnectionEvent::Error(ConnectionError::NegotiationFailed);
                    feed.send(error, 0).await;
                }
            } else {
                link.end();
                over();
            }
            feed.send(DataConnectionEvent::Close, 0).await;
        }
        .instrument(span)
    }
}

/// Asks for the channel, which is made when the connection begins.
fn own(channels: &Channels, label: &str, ordered: bool) -> Option<Opened> {
    let options = DataChannelOptions {
        ordered,
        high_watermark: HIGH_WATERMARK,
        low_watermark: LOW_WATERMARK,
        ..DataChannelOptions::default()
    };
    let (handler, events) = QueueHandler::new(CHANNEL_EVENTS);
    match channels.get_or_create(ChannelSpec::in_band(label, options), || handler) {
        Ok(channel) => Some(Opened { channel, events }),
        Err(error) => {
            tracing::warn!(%error, "a data channel can't be made");
            None
        }
    }
}

/// The task of the channel.
struct ChannelTask {
    link: Arc<Link>,
    serialization: Serialization,
    feed: Feed<DataConnectionEvent>,
}

impl ChannelTask {
    async fn run(self, channel: oneshot::Receiver<Opened>, pending: Pending) {
        let opened = tokio::select! {
            opened = channel => opened.ok(),
            () = self.link.closing.cancelled() => None,
        };
        if let Some(opened) = opened {
            self.serve(opened, pending).await;
        }
        self.link.set_open(false);
        self.link.command(ConnectionCommand::Close);
    }

    /// Serves the channel until it is closed by one of both sides.
    async fn serve(&self, opened: Opened, pending: Pending) {
        let Opened { channel, mut events } = opened;
        let (mut decoder, mut pending) = (Decoder::new(self.serialization), Some(pending));
        let opened = AtomicBool::new(false);
        let closing = async {
            self.link.closing.cancelled().await;
            self.link.set_open(false);
            channel.close();
            if opened.load(Ordering::Relaxed) {
                // What the remote has not taken yet still goes.
                sleep(CLOSE_PATIENCE).await;
            }
        };
        let serving = async {
            while let Some(event) = events.recv().await {
                match event {
                    DataChannelEvent::Open => {
                        if let Some(pending) = pending.take() {
                            // It ends with the channel.
                            tokio::spawn(pending.run(channel.clone()).in_current_span());
                        }
                        opened.store(true, Ordering::Relaxed);
                        self.link.set_open(true);
                        self.feed.send(DataConnectionEvent::Open, 0).await;
                    }
                    DataChannelEvent::Message(data) => {
                        let frame = match data {
                            ChannelData::Bytes(bytes) => Frame::Bytes(bytes),
                            ChannelData::Text(text) => Frame::Text(text),
                        };
                        if !self.read(&mut decoder, frame).await {
                            return;
                        }
                    }
                    DataChannelEvent::Closed => return,
                    DataChannelEvent::Failed(error) => tracing::debug!(%error, "channel"),
                    _ => {}
                }
            }
        };
        tokio::pin!(serving);
        tokio::select! {
            biased;
            () = &mut serving => {}
            () = closing => {}
        }
    }

    /// Reads a frame. False if the connection is to close.
    async fn read(&self, decoder: &mut Decoder, frame: Frame) -> bool {
        for incoming in decoder.decode(frame) {
            match incoming {
                Ok(Incoming::Data(data)) => {
                    let bytes = weight(&data);
                    self.feed.send(DataConnectionEvent::Data(data), bytes).await;
                }
                Ok(Incoming::Close) => return false,
                Err(error) => {
                    tracing::debug!(%error, "a message can't be read");
                    self.feed.send(DataConnectionEvent::Error(error.into()), 0).await;
                    if decoder.is_stream() {
                        return false;
                    }
                }
            }
        }
        true
    }
}

/// Bytes that a value takes here, about.
fn weight(data: &Data) -> usize {
    const ITEM: usize = size_of::<Data>();
    ITEM + match data {
        Data::String(text) => text.len(),
        Data::Bytes(bytes) => bytes.len(),
        Data::Array(elements) => elements.iter().map(weight).sum(),
        Data::Object(properties) => properties.iter().map(|(key, value)| ITEM + key.len() + weight(value)).sum(),
        _ => 0,
    }
}

//! [`MediaConnection`]: a call.

use super::driver::{Notice, drive};
use super::events::{MediaConnectionEvent, MediaConnectionEvents};
use super::feed::{Feed, feed};
use super::link::{Link, Over};
use super::peer_connection::PeerConnection;
use super::settings::Settings;
use crate::error::ConnectionError;
use crate::message::Offered;
use confab_transport::channel::{
    ChannelSpec, Channels, DataChannel, DataChannelEvent, DataChannelOptions, InBandChannel, QueueHandler,
};
use confab_transport::send::local_stream::LocalStream;
use confab_transport::{ConnectionCommand, Role};
use serde_json::Value;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::sleep;
use tracing::Instrument;

/// Label of the channel whose end is the end of the call. PeerJS forgets to give it one, and JavaScript has a word for that.
const HANG_UP_LABEL: &str = "undefined";
/// Events of that channel that wait.
const CHANNEL_EVENTS: usize = 16;
/// How long the remote may take to answer the close of that channel, after which the connection is closed.
const CLOSE_PATIENCE: Duration = Duration::from_secs(1);

/// Why a call can't be answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AnswerError {
    /// It was answered before, or this side makes the call.
    #[error("the call was answered already")]
    Answered,
    /// It is over.
    #[error("the call is over")]
    Over,
}

/// A call. Cloning gives another handle of the same one; it stays when all are dropped, until one of both sides hangs up or
/// its peer is destroyed.
///
/// There is no renegotiation in PeerJS: what the two streams have when the call is made and answered is what there is.
/// Tracks of a kind and codec can be swapped any time ([`LocalStream::replace_track`]).
#[derive(Debug, Clone)]
pub struct MediaConnection {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    link: Arc<Link>,
    /// What a call that nobody has answered is begun with.
    unanswered: Mutex<Option<Unanswered>>,
}

/// See [`Inner::unanswered`].
struct Unanswered {
    settings: Settings,
    offered: Offered,
    feed: Feed<MediaConnectionEvent>,
    over: Over,
}

impl std::fmt::Debug for Unanswered {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Unanswered")
    }
}

impl MediaConnection {
    /// A call of this side, which begins now.
    pub(crate) fn call(
        settings: &Settings,
        link: Arc<Link>,
        offered: Offered,
        stream: &LocalStream,
        over: Over,
    ) -> (Self, MediaConnectionEvents) {
        let (feed, reader) = feed();
        let unanswered = Unanswered { settings: settings.clone(), offered, feed, over };
        unanswered.begin(&link, Role::Offerer, Some(stream));
        let inner = Inner { link, unanswered: Mutex::new(None) };
        (Self { inner: Arc::new(inner) }, MediaConnectionEvents { reader })
    }

    /// A call of the remote, which rings.
    pub(crate) fn incoming(
        settings: &Settings,
        link: Arc<Link>,
        offered: Offered,
        over: Over,
    ) -> (Self, MediaConnectionEvents) {
        let (feed, reader) = feed();
        let unanswered = Unanswered { settings: settings.clone(), offered, feed, over };
        let inner = Inner { link, unanswered: Mutex::new(Some(unanswered)) };
        (Self { inner: Arc::new(inner) }, MediaConnectionEvents { reader })
    }

    /// Id of the remote peer (`peer` of PeerJS).
    pub fn peer(&self) -> &str {
        &self.inner.link.peer
    }

    /// Id of the call, the same on both sides.
    pub fn connection_id(&self) -> &str {
        &self.inner.link.id
    }

    /// What the caller says of the call.
    pub fn metadata(&self) -> Option<&Value> {
        self.inner.link.metadata.as_ref()
    }

    /// True once the call is answered, until it is over.
    pub fn open(&self) -> bool {
        let link = &self.inner.link;
        link.is_negotiated() && !link.is_waiting() && !link.closing.is_cancelled() && !link.over.is_cancelled()
    }

    /// The WebRTC connection.
    pub fn peer_connection(&self) -> PeerConnection {
        PeerConnection::new(&self.inner.link)
    }

    /// Takes the call, with a stream of this side or without. Of the stream goes what the caller's offer has m-lines for: one
    /// track for each of its audio and video tracks.
    pub fn answer(&self, stream: Option<&LocalStream>) -> Result<(), AnswerError> {
        if self.inner.link.closing.is_cancelled() || self.inner.link.over.is_cancelled() {
            return Err(AnswerError::Over);
        }
        let unanswered = self.take_unanswered().ok_or(AnswerError::Answered)?;
        unanswered.begin(&self.inner.link, Role::Answerer, stream);
        Ok(())
    }

    /// Hangs up. A call that is not answered yet is refused, or given up: PeerJS tells the other side neither.
    pub fn close(&self) {
        self.inner.link.close();
        if let Some(Unanswered { feed, over, .. }) = self.take_unanswered() {
            self.inner.link.end();
            over();
            feed.offer(MediaConnectionEvent::Close);
        }
    }

    fn take_unanswered(&self) -> Option<Unanswered> {
        self.inner.unanswered.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    pub(crate) fn link(&self) -> &Arc<Link> {
        &self.inner.link
    }
}

impl PartialEq for MediaConnection {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.inner, &other.inner)
    }
}

impl Eq for MediaConnection {}

/// The channel whose end is the end of the call, and what happens on it.
struct HangUp {
    channel: DataChannel,
    events: mpsc::Receiver<DataChannelEvent>,
}

impl Unanswered {
    /// Begins the connection, in a task of its own.
    fn begin(self, link: &Arc<Link>, role: Role, stream: Option<&LocalStream>) {
        let Self { settings, offered, feed, over } = self;
        let span = tracing::debug_span!("call", peer = link.peer, connection = link.id);
        let (transport, connection) = settings.connect(link, role, stream);
        let own = if role == Role::Offerer { own_channel(&transport.channels) } else { None };
        let started = link.start(transport.commands);
        let link = Arc::clone(link);
        let task = async move {
            let mut vanished = false;
            if started {
                tokio::spawn(connection.in_current_span());
                let (channels, found) = mpsc::channel(1);
                if let Some(own) = own {
                    channels.try_send(own).ok();
                }
                let watch = tokio::spawn(watch(Arc::clone(&link), feed.clone(), found).in_current_span());
                let notice = |notice| match notice {
                    Notice::State(state) => feed.offer(MediaConnectionEvent::IceStateChanged(state)),
                    Notice::Track(stream, track) => feed.offer(MediaConnectionEvent::Stream { stream, track }),
                    Notice::Channel(InBandChannel { channel, events }) => {
                        let rest = channel.clone();
                        if channels.try_send(HangUp { channel, events }).is_err() {
                            rest.close();
                        }
                    }
                };
                vanished = drive(&link, &offered, transport.events, notice).await;
                watch.abort();
            }
            link.end();
            over();
            if vanished {
                feed.send(MediaConnectionEvent::Error(ConnectionError::NegotiationFailed), 0).await;
            }
            feed.send(MediaConnectionEvent::Close, 0).await;
        };
        tokio::spawn(task.instrument(span));
    }
}

fn own_channel(channels: &Channels) -> Option<HangUp> {
    let options = DataChannelOptions { ordered: false, ..DataChannelOptions::default() };
    let (handler, events) = QueueHandler::new(CHANNEL_EVENTS);
    let channel = channels.get_or_create(ChannelSpec::in_band(HANG_UP_LABEL, options), || handler);
    channel.ok().map(|channel| HangUp { channel, events })
}

/// Ends the call when the channel ends, and the channel when this side hangs up.
async fn watch(link: Arc<Link>, feed: Feed<MediaConnectionEvent>, mut channels: mpsc::Receiver<HangUp>) {
    let mut current: Option<HangUp> = None;
    loop {
        let lacks = current.is_none();
        let event = async {
            match &mut current {
                Some(HangUp { events, .. }) => events.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            Some(found) = channels.recv(), if lacks => {
                current = Some(found);
            }
            event = event => match event {
                Some(DataChannelEvent::Open) => feed.offer(MediaConnectionEvent::WillCloseOnRemote),
                Some(DataChannelEvent::Closed) | None => break,
                Some(_) => {}
            },
            () = link.closing.cancelled() => {
                if let Some(HangUp { channel, mut events }) = current {
                    channel.close();
                    let closed = async { while events.recv().await.is_some_and(|event| event != DataChannelEvent::Closed) {} };
                    tokio::select! {
                        () = closed => {}
                        () = sleep(CLOSE_PATIENCE) => {}
                    }
                }
                break;
            }
        }
    }
    link.command(ConnectionCommand::Close);
}

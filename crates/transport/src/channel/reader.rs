//! The task that serves one data channel while it is connected: what comes goes to the handler, and what goes, to the
//! library.

use super::handler::{ChannelPending, DataChannelEvent};
use super::link::Link;
use super::sending::ReadyState;
use super::{ChannelData, DataChannelError};
use crate::remote_peer::{RemoteControl, RemotePeerEvent};
use crate::stats::path::round_trip;
use bytes::BytesMut;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, timeout};
use tracing::Instrument;
use webrtc::data_channel::{DataChannel as LibraryChannel, DataChannelEvent as LibraryEvent};
use webrtc::peer_connection::PeerConnection;

/// How long what comes first waits for the handler of a new channel: an application gets its handle before it can listen.
const HANDLER_PATIENCE: Duration = Duration::from_secs(1);
/// How often a sender looks by itself whether the remote has taken what it had, while the handler is behind: the library
/// tells of it only after what came before.
const LOOK: Duration = Duration::from_millis(20);
/// How long a closing channel waits for the remote to take what was sent.
const LINGER: Duration = Duration::from_secs(30);
/// How long nothing more may come of a channel that the remote closed until it counts as read to its end: the library
/// (rtc 0.21.1) tells of the close before the last messages.
const LAST_MESSAGES: Duration = Duration::from_millis(200);
/// How often the length of the path is looked at while much is under way.
const SURVEY: Duration = Duration::from_secs(2);
/// Of so many looks the shortest counts: a busy machine answers late.
const SURVEYS: usize = 4;

/// What a reader needs of its connection.
#[derive(Clone)]
pub(super) struct Surroundings {
    pub(super) pc: Weak<dyn PeerConnection>,
    /// Where the opening is reported.
    pub(super) remote: RemoteControl,
    /// Woken when the library says that the association is up.
    pub(super) association: Arc<Association>,
}

/// Whether the SCTP association of a connection is up.
#[derive(Debug, Default)]
pub(super) struct Association {
    up: AtomicBool,
    pub(super) changed: Notify,
}

impl Association {
    /// It is up.
    pub(super) fn set_up(&self) {
        if !self.up.swap(true, Ordering::AcqRel) {
            self.changed.notify_one();
        }
    }

    pub(super) fn is_up(&self) -> bool {
        self.up.load(Ordering::Acquire)
    }
}

/// The task.
struct Reader {
    link: Arc<Link>,
    library: Arc<dyn LibraryChannel>,
    surroundings: Surroundings,
    /// The handler had its time to come.
    handled: AtomicBool,
    opened: AtomicBool,
    reported_open: AtomicBool,
}

/// The length of the path to the remote.
#[derive(Default)]
struct Path {
    /// The last round trips, the newest at the end.
    round_trips: VecDeque<Duration>,
    surveyed: Option<Instant>,
}

impl Path {
    /// How long the path is, where it is time to look.
    async fn survey(&mut self, pc: &Weak<dyn PeerConnection>) -> Option<Duration> {
        let now = Instant::now();
        if self.surveyed.is_some_and(|before| now - before < SURVEY) {
            return None;
        }
        self.surveyed = Some(now);
        self.round_trips.push_back(round_trip(&*pc.upgrade()?).await?);
        if self.round_trips.len() > SURVEYS {
            self.round_trips.pop_front();
        }
        self.round_trips.iter().min().copied()
    }
}

/// Serves `link` by a channel of the library from now on. `open`: the association is up.
pub(super) fn attach(link: &Arc<Link>, library: Arc<dyn LibraryChannel>, surroundings: Surroundings, open: bool) {
    link.set_library(Arc::clone(&library));
    if open {
        link.open();
    }
    let reader = Reader {
        link: Arc::clone(link),
        library,
        surroundings,
        handled: AtomicBool::new(false),
        opened: AtomicBool::new(false),
        reported_open: AtomicBool::new(false),
    };
    // It ends by itself: with the library's channel, when the handler has taken what came before.
    tokio::spawn(reader.run().in_current_span());
}

impl Reader {
    /// Serves the channel to its end.
    async fn run(self) {
        let mut path = Path::default();
        self.while_serving(timeout(HANDLER_PATIENCE, self.link.handler().ready())).await.ok();
        self.handled.store(true, Ordering::Relaxed);
        self.report_open();
        let mut ends = false;
        loop {
            let next = self.while_serving(self.library.poll());
            let next = if ends { timeout(LAST_MESSAGES, next).await.unwrap_or_default() } else { next.await };
            let event = match next {
                Some(LibraryEvent::OnMessage(message)) => read(message.is_string, message.data),
                Some(LibraryEvent::OnBufferedAmountLow) => {
                    if let Some(round_trip) = path.survey(&self.surroundings.pc).await {
                        self.link.set_round_trip(round_trip);
                    }
                    self.catch_up(self.link.progress().await).await;
                    continue;
                }
                Some(LibraryEvent::OnOpen) => {
                    self.surroundings.association.set_up();
                    self.link.open();
                    continue;
                }
                Some(LibraryEvent::OnError) => {
                    let error = DataChannelError::Library("the library gives no reason".to_owned());
                    DataChannelEvent::Failed(error)
                }
                Some(LibraryEvent::OnClosing | LibraryEvent::OnClose) => {
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
            self.catch_up(self.link.handler().handle(event)).await;
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
                    tokio::spawn(close(Arc::clone(&self.link), Arc::clone(&self.library)).in_current_span());
                }
                done = &mut other => return done,
            }
        }
    }

    /// The channel opened, or there is something to send.
    async fn kicked(&self) {
        if self.link.ready_state() == ReadyState::Open && !self.opened.swap(true, Ordering::Relaxed) {
            let name = self.link.spec().name.clone();
            self.surroundings.remote.emit(RemotePeerEvent::DataChannel { name });
        }
        self.report_open();
        // A handler that is behind already does not wait for this.
        drop(self.link.pump().await);
    }

    fn report_open(&self) {
        let now = self.handled.load(Ordering::Relaxed) && self.opened.load(Ordering::Relaxed);
        if now && !self.reported_open.swap(true, Ordering::Relaxed) {
            drop(self.link.handler().handle(DataChannelEvent::Open));
        }
    }

    /// Waits for a handler that is behind: what the remote sends waits with it.
    async fn catch_up(&self, pending: Option<ChannelPending>) {
        let Some(mut pending) = pending else { return };
        loop {
            tokio::select! {
                biased;
                () = self.while_serving(&mut pending) => return,
                () = sleep(LOOK) => if self.link.is_sending() {
                    // A handler that is behind already does not wait for this.
                    drop(self.link.progress().await);
                },
            }
        }
    }
}

fn read(is_text: bool, data: BytesMut) -> DataChannelEvent {
    if !is_text {
        return DataChannelEvent::Message(ChannelData::Bytes(data.freeze()));
    }
    match String::from_utf8(Vec::from(data.freeze())) {
        Ok(text) => DataChannelEvent::Message(ChannelData::Text(text)),
        Err(_) => DataChannelEvent::Failed(DataChannelError::NotText),
    }
}

/// Closes a channel of the library when the remote has taken what was sent: the library (rtc 0.21.1) loses what is under
/// way when it resets the stream.
async fn close(link: Arc<Link>, library: Arc<dyn LibraryChannel>) {
    let taken = async {
        while link.is_sending() {
            link.kick.notify_one();
            sleep(LOOK).await;
            link.count().await;
        }
    };
    if timeout(LINGER, taken).await.is_err() {
        tracing::debug!("a channel is closed although the remote has not taken everything");
    }
    if let Err(error) = library.close().await {
        tracing::debug!(%error, "a channel was closed already");
    }
}

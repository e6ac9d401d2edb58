//! The task that serves one channel while it is connected: hands what comes to the listeners, and what goes to the
//! library.

use super::events::Delivery;
use super::link::Link;
use super::sending::Phase;
use super::{ChannelError, ChannelEvent};
use crate::RemotePeerEvent;
use crate::peer::round_trip;
use bytes::BytesMut;
use confab_wire::{
    ctrl::{Envelope, EnvelopeError},
    limits,
};
use futures_util::future::join_all;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;
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
/// How often the length of the path is looked at while much is under way.
const SURVEY: Duration = Duration::from_secs(2);
/// Of so many looks the shortest counts: a busy machine answers late.
const SURVEYS: usize = 4;

/// Listeners that are full, and what they have to get.
pub(super) struct Behind {
    pub(super) delivery: Delivery,
    pub(super) listeners: Vec<tokio::sync::mpsc::Sender<Delivery>>,
}

/// The task.
pub(super) struct Reader {
    link: Arc<Link>,
    transport: Arc<dyn DataChannel>,
    /// The listeners had their time to come.
    listening: AtomicBool,
    opened: AtomicBool,
    told_open: AtomicBool,
}

/// What is known of the way to the peer.
struct Path {
    pc: Weak<dyn PeerConnection>,
    /// The last round trips, the newest at the end.
    round_trips: VecDeque<Duration>,
    surveyed: Option<Instant>,
}

impl Path {
    /// How long the path is, where it is time to look.
    async fn survey(&mut self) -> Option<Duration> {
        let now = Instant::now();
        if self.surveyed.is_some_and(|before| now - before < SURVEY) {
            return None;
        }
        self.surveyed = Some(now);
        self.round_trips.push_back(round_trip(&*self.pc.upgrade()?).await?);
        if self.round_trips.len() > SURVEYS {
            self.round_trips.pop_front();
        }
        self.round_trips.iter().min().copied()
    }
}

impl Reader {
    pub(super) fn new(link: Arc<Link>, transport: Arc<dyn DataChannel>) -> Self {
        Self {
            link,
            transport,
            listening: AtomicBool::new(false),
            opened: AtomicBool::new(false),
            told_open: AtomicBool::new(false),
        }
    }

    /// Serves the channel of `pc` to its end.
    pub(super) async fn run(self, pc: Weak<dyn PeerConnection>) {
        let mut path = Path { pc, round_trips: VecDeque::new(), surveyed: None };
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
                    if let Some(round_trip) = path.survey().await {
                        self.link.set_round_trip(round_trip);
                    }
                    self.catch_up(self.link.progress().await).await;
                    continue;
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
            self.catch_up(self.link.tell_now(event)).await;
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
                    tokio::spawn(close(Arc::clone(&self.link), Arc::clone(&self.transport)).in_current_span());
                }
                done = &mut other => return done,
            }
        }
    }

    /// The channel opened, or there is something to send.
    async fn kicked(&self) {
        if self.link.phase() == Phase::Open && !self.opened.swap(true, Ordering::Relaxed) {
            self.link.remote().tell(RemotePeerEvent::DataChannel { name: self.link.name().to_owned() });
        }
        self.tell_open();
        // Who is behind already does not wait for this.
        drop(self.link.pump().await);
    }

    fn tell_open(&self) {
        let now = self.listening.load(Ordering::Relaxed) && self.opened.load(Ordering::Relaxed);
        if now && !self.told_open.swap(true, Ordering::Relaxed) {
            drop(self.link.tell_now(ChannelEvent::Open));
        }
    }

    /// Waits for listeners that are behind: what the peer sends waits with them.
    async fn catch_up(&self, behind: Option<Behind>) {
        let Some(Behind { delivery, listeners }) = behind else { return };
        let told = join_all(listeners.iter().map(|listener| listener.send(delivery.clone())));
        tokio::pin!(told);
        loop {
            tokio::select! {
                biased;
                // One who stopped listening needs nothing.
                _ = self.while_serving(&mut told) => return,
                () = sleep(LOOK) => if self.link.is_sending() {
                    // Who is behind already does not wait for this.
                    drop(self.link.progress().await);
                },
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
async fn close(link: Arc<Link>, transport: Arc<dyn DataChannel>) {
    let taken = async {
        while link.is_sending() {
            link.kick.notify_one();
            sleep(LOOK).await;
            link.count().await;
        }
    };
    if timeout(LINGER, taken).await.is_err() {
        tracing::debug!("a channel is closed although the peer has not taken everything");
    }
    if let Err(error) = transport.close().await {
        tracing::debug!(%error, "a channel was closed already");
    }
}

//! One peer: a task that owns its connection and does everything that concerns it, one thing at a time.

mod bounds;
mod codecs;
mod connection;
mod ctrl;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod healing;
mod inbound;
mod interim;
mod library;
mod negotiation;
mod onebyone;
mod outbound;
mod outlet;
mod pace;
mod past;
mod plan;
mod quirks;
mod sdp;
mod session;
mod stats;
mod watchdog;

pub(crate) use inbound::placeholder;
pub(crate) use interim::SECOND_TURN;
pub(crate) use pace::Pace;
pub use stats::PeerReport;
pub(crate) use stats::round_trip;
pub use watchdog::Watchdog;

use crate::channel::PeerChannels;
use crate::ice::UNREACHABLE;
use crate::shared::Shared;
use crate::{Event, PeerStats, RemotePeer};
use confab_wire::signaling::Signal;
use interim::{Inbox, Turn};
pub(crate) use plan::Opening;
use plan::{End, Plan};
use session::Session;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

/// Commands that wait for one peer's task: a burst of events, candidates and descriptions.
const COMMANDS: usize = 2048;

/// What a peer's task is asked to do.
#[derive(Debug)]
pub(crate) enum Command {
    /// A signal of the peer.
    Signal(Signal),
    /// Send this envelope on `ctrl`.
    Send(Arc<str>),
    /// The server is gone, or the room is joined again.
    SignalingUp(bool),
    /// The addresses of this machine are others.
    AddressesChanged,
    /// The server says that the peer left its room.
    Left,
    /// The server says that the peer begins anew: so do we, and offer.
    Restart,
    /// Say whether the negotiation is at rest.
    #[cfg(test)]
    Settled(oneshot::Sender<bool>),
    /// Look for a path anew.
    RestartIce,
    /// Report statistics.
    Stats(oneshot::Sender<PeerReport>),
    /// Report everything there is to know.
    AllStats(oneshot::Sender<PeerStats>),
}

/// A peer, as everybody else sees it.
#[derive(Debug, Clone)]
pub(crate) struct Handle {
    pub(crate) commands: mpsc::Sender<Command>,
    /// Ends the peer.
    pub(crate) cancel: CancellationToken,
    pub(crate) channels: Arc<PeerChannels>,
    /// True while `ctrl` is open.
    connected: Arc<AtomicBool>,
    /// True from the first [`Event::PeerConnect`] on.
    announced: Arc<AtomicBool>,
    /// The id that the peer has now, if it told of a new one.
    renamed: Arc<Mutex<Option<String>>>,
}

impl Handle {
    /// True if the peer said that it is `id` now.
    pub(crate) fn is_renamed_to(&self, id: &str) -> bool {
        self.renamed.lock().unwrap_or_else(PoisonError::into_inner).as_deref() == Some(id)
    }

    /// True if the application knows of the peer: its end will be told.
    pub(crate) fn was_announced(&self) -> bool {
        self.announced.load(Ordering::Acquire)
    }

    /// True while `ctrl` to the peer is open.
    pub(crate) fn is_connected(&self) -> bool {
        self.connected.load(Ordering::Acquire) && !self.cancel.is_cancelled()
    }
}

/// What a peer's task has at hand.
pub(crate) struct Context {
    pub(crate) id: String,
    pub(crate) remote: RemotePeer,
    pub(crate) shared: Arc<Shared>,
    channels: Arc<PeerChannels>,
    cancel: CancellationToken,
    connected: Arc<AtomicBool>,
    announced: Arc<AtomicBool>,
    renamed: Arc<Mutex<Option<String>>>,
}

impl Context {
    /// Tells the application. Waits while it does not read, until the peer is to end.
    async fn tell(&self, event: Event) {
        if matches!(event, Event::PeerConnect { .. }) {
            self.announced.store(true, Ordering::Release);
        }
        self.shared.tell(event, &self.cancel).await;
    }

    /// Sends a signal to the peer.
    async fn relay(&self, signal: Signal) {
        self.shared.relay(&self.id, signal).await;
    }
}

/// Makes a peer: its handle, and the task to run.
pub(crate) fn peer(
    remote: RemotePeer,
    opening: Opening,
    signaling_up: bool,
    shared: Arc<Shared>,
    cancel: CancellationToken,
) -> (Handle, impl Future<Output = ()> + Send) {
    let (sender, commands) = mpsc::channel(COMMANDS);
    let connected = Arc::new(AtomicBool::new(false));
    let announced = Arc::new(AtomicBool::new(false));
    let channels = Arc::new(PeerChannels::new(&remote));
    let renamed = Arc::new(Mutex::new(None));
    let handle = Handle {
        commands: sender,
        channels: Arc::clone(&channels),
        cancel: cancel.clone(),
        connected: Arc::clone(&connected),
        announced: Arc::clone(&announced),
        renamed: Arc::clone(&renamed),
    };
    let id = remote.id().to_owned();
    let span = tracing::debug_span!("peer", id);
    let context = Context { id, remote, shared, channels, cancel, connected, announced, renamed };
    let plan = Plan::first(opening, signaling_up);
    (handle, run(context, Inbox::new(commands), plan).instrument(span))
}

impl Drop for Context {
    fn drop(&mut self) {
        // However the peer's task ended.
        self.channels.end();
    }
}

/// One connection after the other: a peer that begins anew, or whose connection is lost while it is in the room, keeps
/// its place, its commands and their order.
async fn run(context: Context, mut inbox: Inbox, mut plan: Plan) {
    loop {
        if interim::hold(&context, &mut inbox, &mut plan).await == Turn::Gone {
            return;
        }
        let attempt = plan.attempt;
        let session = match Session::open(&context, plan).await {
            Ok(session) => session,
            Err(error) => {
                tracing::error!(%error, "a connection can't be made");
                if context.shared.ice.lacks_relays() {
                    let text = "only relays may be used, and there is no TURN server".to_owned();
                    let (peer, url) = (context.id.clone(), String::new());
                    context.tell(Event::IceCandidateError { peer, url, code: UNREACHABLE, text }).await;
                }
                return;
            }
        };
        let over = session.run(&mut inbox).await;
        let orderly = if let End::Lost { orderly } = over.end { Some(orderly) } else { None };
        let Some(next) = Plan::after(over, attempt) else { return };
        plan = next;
        if let Some(orderly) = orderly {
            context.remote.reconnecting();
            if interim::turn(&context, &mut inbox, &mut plan, orderly).await == Turn::Gone {
                return;
            }
        }
    }
}

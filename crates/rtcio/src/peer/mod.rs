//! One peer: a task that owns its connection and does everything that concerns it, one thing at a time.

mod connection;
mod ctrl;
mod feedback;
mod inbound;
mod negotiation;
mod outbound;
mod sdp;
mod session;
mod stats;
mod watchdog;

pub(crate) use inbound::placeholder;
pub use stats::PeerReport;
pub use watchdog::Watchdog;

use crate::Event;
use crate::shared::Shared;
use confab_protocol::signaling::{Description, Signal};
use session::{End, Session};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
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
    /// The server says that the peer left its room.
    Left,
    /// The server says that the peer begins anew: so do we, and offer.
    Restart,
    /// Say whether the negotiation is at rest.
    #[cfg(test)]
    Settled(oneshot::Sender<bool>),
    /// Report statistics.
    Stats(oneshot::Sender<PeerReport>),
}

/// A peer, as everybody else sees it.
#[derive(Debug, Clone)]
pub(crate) struct Handle {
    pub(crate) commands: mpsc::Sender<Command>,
    /// Ends the peer.
    pub(crate) cancel: CancellationToken,
    /// True while `ctrl` is open.
    connected: Arc<AtomicBool>,
    /// True from the first [`Event::PeerConnect`] on.
    announced: Arc<AtomicBool>,
}

impl Handle {
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
    pub(crate) shared: Arc<Shared>,
    cancel: CancellationToken,
    connected: Arc<AtomicBool>,
    announced: Arc<AtomicBool>,
}

impl Context {
    /// Tells the application. Waits while it does not read, until the peer is to end.
    async fn tell(&self, event: Event) {
        if matches!(event, Event::PeerConnect { .. }) {
            self.announced.store(true, Ordering::Release);
        }
        self.shared.feed.tell(event, &self.cancel).await;
    }

    /// Sends a signal to the peer.
    async fn relay(&self, signal: Signal) {
        self.shared.relay(&self.id, signal).await;
    }
}

/// Makes a peer: its handle, and the task to run. `polite` is the side that was in the room before.
pub(crate) fn peer(
    id: String,
    polite: bool,
    signaling_up: bool,
    shared: Arc<Shared>,
    cancel: CancellationToken,
) -> (Handle, impl Future<Output = ()> + Send) {
    let (sender, commands) = mpsc::channel(COMMANDS);
    let connected = Arc::new(AtomicBool::new(false));
    let announced = Arc::new(AtomicBool::new(false));
    let handle = Handle {
        commands: sender,
        cancel: cancel.clone(),
        connected: Arc::clone(&connected),
        announced: Arc::clone(&announced),
    };
    let span = tracing::debug_span!("peer", id);
    let context = Context { id, shared, cancel, connected, announced };
    (handle, run(context, commands, polite, signaling_up).instrument(span))
}

/// One session after the other: a peer that begins anew keeps its place, its commands and their order.
async fn run(context: Context, mut commands: mpsc::Receiver<Command>, mut polite: bool, mut signaling_up: bool) {
    let mut offer: Option<Description> = None;
    loop {
        let session = match Session::open(&context, polite, signaling_up).await {
            Ok(session) => session,
            Err(error) => {
                tracing::error!(%error, "a connection can't be made");
                return;
            }
        };
        match session.run(&mut commands, offer.take()).await {
            End::Gone => return,
            End::Again { polite: side, offer: first, signaling_up: up } => {
                (polite, offer, signaling_up) = (side, first, up);
            }
        }
    }
}

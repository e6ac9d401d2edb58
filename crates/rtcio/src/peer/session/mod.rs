//! One connection to a peer, from its making to its end.

mod commands;
mod descriptions;
mod events;
mod health;

use super::bounds::Bounds;
use super::connection::Connection;
use super::ctrl::{Complaints, Ctrl};
use super::inbound::{Change, Inbound};
use super::interim::Inbox;
use super::library::Library;
use super::negotiation::Negotiation;
use super::outbound::Outbound;
use super::plan::{End, Over, Plan};
use super::watchdog::Watch;
use super::{Command, Context};
use crate::{Event, RemotePeerEvent};
use confab_ipc::PeerState;
use confab_wire::signaling::{Description, Signal};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};
use webrtc::error::Result;

/// How long the goodbye of a connection may take.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// The state of one connection.
pub(crate) struct Session<'a> {
    context: &'a Context,
    connection: Connection,
    ctrl: Ctrl,
    negotiation: Negotiation<Library>,
    outbound: Outbound,
    inbound: Inbound,
    /// The other side is a program of ours.
    ours: bool,
    watch: Watch,
    /// The connection stood at some time.
    stood: bool,
    /// The offer that made this connection.
    offer: Option<Description>,
    complaints: Complaints,
    bounds: Bounds,
    /// Data channels that the peer opened in-band.
    strange_channels: u32,
    registry: watch::Receiver<u64>,
    broadcasts: watch::Receiver<u64>,
    /// Bits per second for all videos together.
    video_limit: watch::Receiver<u32>,
    /// Bits per second that the line carries.
    estimate: watch::Receiver<u32>,
    signaling_up: bool,
    state: PeerState,
    /// `peer-connect` was told.
    announced: bool,
    tasks: JoinSet<()>,
}

impl<'a> Session<'a> {
    /// Makes a connection.
    pub(crate) async fn open(context: &'a Context, plan: Plan) -> Result<Self> {
        let decoders = context.shared.decoders;
        let connection = Connection::open(&context.shared.ice, decoders, context.shared.addresses()).await?;
        let now = Instant::now();
        let library = Library::new(Arc::clone(&connection.pc), decoders);
        let watch = Watch::new(context.shared.watchdog, plan.patience(), now);
        let negotiation = Negotiation::new(library, plan.opening, plan.abandoned, now);
        context.remote.set_polite(negotiation.is_polite());
        context.remote.connecting();
        if plan.attempt > 0 {
            context.remote.tell(RemotePeerEvent::ConnectionReset);
        }
        Ok(Self {
            ctrl: Ctrl::new(connection.ctrl.clone(), now),
            estimate: connection.estimate.clone(),
            connection,
            negotiation,
            outbound: Outbound::default(),
            inbound: Inbound::new(context.id.clone(), decoders),
            ours: false,
            watch,
            stood: false,
            offer: plan.offer,
            complaints: Complaints::default(),
            bounds: Bounds::default(),
            strange_channels: 0,
            registry: context.shared.registry.changes(),
            broadcasts: context.shared.channels.changes(),
            video_limit: context.remote.video_limit(),
            signaling_up: plan.signaling_up,
            state: PeerState::Connecting,
            announced: false,
            tasks: JoinSet::new(),
            context,
        })
    }

    /// Serves the connection to its end.
    pub(crate) async fn run(mut self, inbox: &mut Inbox) -> Over {
        self.tell(Event::PeerState { peer: self.context.id.clone(), state: PeerState::Connecting }).await;
        // Before the first description: the association must not come up before them, or first messages are lost.
        self.join_channels();
        self.context.channels.attach(&self.connection.pc).await;
        self.reconcile().await;
        let mut end = match self.offer.take() {
            Some(offer) => self.command(Command::Signal(Signal::Description(offer))).await,
            None => None,
        };
        while end.is_none() {
            end = self.step(inbox).await;
        }
        let (signaling_up, stood) = (self.signaling_up, self.stood);
        let certificate = self.negotiation.certificate().map(str::to_owned);
        self.close().await;
        Over { end: end.unwrap_or(End::Gone), signaling_up, stood, certificate }
    }

    /// Waits for one thing and does it.
    async fn step(&mut self, inbox: &mut Inbox) -> Option<End> {
        let deadline = self.watch.deadline();
        let remedy = self.negotiation.deadline().filter(|_| self.signaling_up);
        let offer_due = self.signaling_up && self.negotiation.is_due();
        tokio::select! {
            // What was asked for comes before the offer that tells of it, so that many changes are one offer; a peer's
            // events come last, so that a flood of them holds nothing up.
            biased;
            () = self.context.cancel.cancelled() => Some(End::Gone),
            changed = self.connection.state.changed() => match changed {
                Ok(()) => self.state_changed().await,
                Err(_) => Some(End::Lost { orderly: false }),
            },
            command = inbox.recv() => match command {
                Some(command) => self.command(command).await,
                None => Some(End::Gone),
            },
            Some(event) = self.connection.events.recv() => self.connection_event(event).await,
            Ok(()) = self.registry.changed() => {
                self.reconcile().await;
                None
            }
            Ok(()) = self.video_limit.changed() => {
                self.share_bandwidth();
                None
            }
            Ok(()) = self.estimate.changed() => {
                self.share_bandwidth();
                None
            }
            Ok(()) = self.broadcasts.changed() => {
                self.join_channels();
                None
            }
            () = self.inbound.drawn_changed() => {
                self.tell_drawn().await;
                None
            }
            () = self.context.channels.wanted() => {
                self.context.channels.attach(&self.connection.pc).await;
                None
            }
            () = sleep_until(deadline.unwrap_or_else(Instant::now)), if deadline.is_some() => {
                tracing::info!("the peer did not come back in time");
                Some(End::Lost { orderly: false })
            }
            () = sleep_until(remedy.unwrap_or_else(Instant::now)), if remedy.is_some() => self.heal().await,
            () = std::future::ready(()), if offer_due => {
                self.offer().await;
                None
            }
            event = self.ctrl.channel.poll() => self.ctrl_event(event).await,
            Some(ended) = self.tasks.join_next(), if !self.tasks.is_empty() => {
                if let Err(error) = ended {
                    tracing::error!(%error, "a media task failed");
                }
                None
            }
        }
    }

    async fn tell(&self, event: Event) {
        self.context.tell(event).await;
    }

    async fn complain(&mut self, what: String) {
        tracing::debug!(%what, "the peer misbehaves");
        if self.complaints.admit(Instant::now()) {
            tracing::warn!(%what, "the peer misbehaves");
            self.tell(Event::Misbehaving { peer: self.context.id.clone(), what }).await;
        }
    }

    async fn set_state(&mut self, state: PeerState) {
        if self.state != state {
            self.state = state;
            self.tell(Event::PeerState { peer: self.context.id.clone(), state }).await;
        }
    }

    /// Makes what is sent match the registry; a newcomer only after its first answer.
    async fn reconcile(&mut self) {
        if !self.negotiation.is_ready() {
            return;
        }
        let streams = self.context.shared.registry.streams();
        if self.outbound.reconcile(&self.connection, streams, &mut self.tasks).await {
            self.negotiation.need();
        }
        self.share_bandwidth();
    }

    /// Gives each video its part of the line.
    fn share_bandwidth(&mut self) {
        let (estimate, limit) = (*self.estimate.borrow_and_update(), *self.video_limit.borrow_and_update());
        self.outbound.share(estimate, limit);
    }

    /// Takes part in the broadcast channels of the socket.
    fn join_channels(&self) {
        if let Err(error) = self.context.channels.join(&self.context.shared.channels) {
            tracing::error!(%error, "a peer can't take part in a channel");
        }
    }

    async fn track_change(&self, change: Change) {
        let peer = self.context.id.clone();
        match change {
            Change::Added { stream, track, first } => {
                self.context.remote.track_added(&stream, &track);
                self.tell(Event::TrackAdded { peer, stream, track, first }).await;
            }
            Change::Removed { stream, track } => {
                self.context.remote.track_removed(&stream);
                self.tell(Event::TrackRemoved { peer, stream, track }).await;
            }
            Change::Query { msid } => self.context.relay(Signal::StreamQuery { mid: msid }).await,
        }
    }

    /// Says goodbye, so that the other side knows at once (SCTP ABORT, DTLS close_notify), and tells what is over.
    async fn close(mut self) {
        self.context.connected.store(false, Ordering::Release);
        self.context.channels.detach();
        self.context.remote.reconnecting();
        if timeout(CLOSE_TIMEOUT, self.connection.close()).await.is_err() {
            tracing::warn!("a connection took too long to close");
        }
        self.tasks.shutdown().await;
        self.context.remote.connection_lost();
        for change in self.inbound.clear() {
            self.track_change(change).await;
        }
        if self.announced {
            self.tell(Event::PeerDisconnect { peer: self.context.id.clone() }).await;
        }
    }
}

//! One connection to a remote, from its making to its end.

mod commands;
mod descriptions;
mod events;
mod health;

use crate::attempt::{Attempt, Ending, Finished};
use crate::bounds::SignalBounds;
use crate::command::ConnectionCommand;
use crate::connection::Connection;
use crate::context::Context;
use crate::control::Control;
use crate::event::{ConnectionEvent, ConnectionState, SentTrack};
use crate::health::Watch;
use crate::library::Library;
use crate::negotiation::{Negotiation, Rules};
use crate::options::{Glare, MediaLines, Role};
use crate::receive::inbound::{Change, Inbound};
use crate::reconnect::CommandQueue;
use crate::remote_peer::RemotePeerEvent;
use crate::send::outbound::Outbound;
use confab_wire::signaling::Description;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};
use webrtc::error::Result;

/// How long the goodbye of a connection may take.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// The state of one connection.
pub(crate) struct ConnectionTask<'a> {
    context: &'a Context,
    connection: Connection,
    control: Control,
    negotiation: Negotiation<Library>,
    outbound: Outbound,
    /// What the dialect knows of it.
    sent: Vec<SentTrack>,
    inbound: Inbound,
    /// The other side is a program of ours.
    ours: bool,
    watch: Watch,
    /// The connection stood at some time.
    stood: bool,
    /// The offer that made this connection.
    offer: Option<Description>,
    bounds: SignalBounds,
    /// Data channels that the remote opened in-band although they are refused.
    refused_channels: u32,
    /// Offers of this side have an m-line for data channels.
    has_data: bool,
    /// A description of the remote has one.
    data_agreed: bool,
    /// The association of the data channels is up.
    associated: bool,
    streams: watch::Receiver<u64>,
    /// Bits per second for all videos together.
    video_limit: watch::Receiver<u32>,
    /// Bits per second that the line carries.
    estimate: watch::Receiver<u32>,
    signaling_up: bool,
    state: ConnectionState,
    tasks: JoinSet<()>,
}

impl<'a> ConnectionTask<'a> {
    /// Makes a connection.
    pub(crate) async fn open(context: &'a Context, attempt: Attempt) -> Result<Self> {
        let (endpoint, options) = (&*context.endpoint, &context.options);
        let decoders = endpoint.decoders;
        let addresses = endpoint.addresses.borrow().clone();
        let (runtime, control) = (endpoint.runtime.clone(), options.control.as_ref());
        let connection = Connection::open(&endpoint.ice, decoders, addresses, runtime, control).await?;
        let now = Instant::now();
        let library = Library::new(Arc::clone(&connection.pc), decoders);
        let unanswered = options.answer_timeout.filter(|_| attempt.role == Role::Offerer);
        let watch = Watch::new(endpoint.watchdog, attempt.patience().or(unanswered), now);
        let glare = match options.glare {
            Glare::SmallerIdYields if context.is_second() => Glare::RemoteYields,
            Glare::SmallerIdYields => Glare::ThisYields,
            glare => glare,
        };
        let rules = Rules { role: attempt.role, glare, renegotiates: options.renegotiates };
        let abandoned = attempt.abandoned.filter(|_| options.renews_certificates);
        let negotiation = Negotiation::new(library, rules, abandoned, now);
        context.remote.set_polite(negotiation.is_polite());
        // Where anybody may begin, nothing is being made before somebody does.
        if attempt.role != Role::Either {
            context.remote.connecting();
        }
        if attempt.number > 0 {
            context.remote.emit(RemotePeerEvent::ConnectionReset);
        }
        Ok(Self {
            control: Control::new(connection.control.clone()),
            has_data: connection.control.is_some(),
            data_agreed: false,
            estimate: connection.estimate.clone(),
            connection,
            negotiation,
            outbound: Outbound::default(),
            sent: Vec::new(),
            inbound: Inbound::new(context.remote.id().to_owned(), decoders),
            ours: false,
            watch,
            stood: false,
            offer: attempt.offer,
            bounds: SignalBounds::default(),
            refused_channels: 0,
            associated: false,
            streams: endpoint.streams.changes(),
            video_limit: context.remote.video_limit(),
            signaling_up: attempt.signaling_up,
            state: ConnectionState::Connecting,
            tasks: JoinSet::new(),
            context,
        })
    }

    /// Serves the connection to its end.
    pub(crate) async fn run(mut self, commands: &mut CommandQueue) -> Finished {
        self.emit(ConnectionEvent::State(ConnectionState::Connecting)).await;
        // Before the first description: the association must not come up before them, or first messages are lost.
        if let Some(prepare) = &self.context.options.prepare_channels {
            prepare(&self.context.channels);
        }
        self.attach_channels().await;
        self.reconcile().await;
        let mut ending = match self.offer.take() {
            Some(offer) => self.command(ConnectionCommand::Description(offer)).await,
            None => None,
        };
        while ending.is_none() {
            ending = self.step(commands).await;
        }
        let (signaling_up, stood) = (self.signaling_up, self.stood);
        let certificate = self.negotiation.certificate().map(str::to_owned);
        self.close().await;
        Finished { ending: ending.unwrap_or(Ending::Gone), signaling_up, stood, certificate }
    }

    /// Waits for one thing and does it.
    async fn step(&mut self, commands: &mut CommandQueue) -> Option<Ending> {
        let deadline = self.watch.deadline();
        let remedy = self.negotiation.deadline().filter(|_| self.signaling_up);
        let offer_due = self.signaling_up && self.negotiation.is_due() && self.has_lines();
        tokio::select! {
            // What was asked for comes before the offer that tells of it, so that many changes are one offer; a peer's
            // events come last, so that a flood of them holds nothing up.
            biased;
            () = self.context.cancel.cancelled() => Some(Ending::Gone),
            changed = self.connection.state.changed() => match changed {
                Ok(()) => self.state_changed().await,
                Err(_) => Some(Ending::Lost { orderly: false }),
            },
            command = commands.recv() => match command {
                Some(command) => self.command(command).await,
                None => Some(Ending::Gone),
            },
            Some(event) = self.connection.events.recv() => self.connection_event(event).await,
            Ok(()) = self.streams.changed() => {
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
            () = self.inbound.rendered_size_changed() => {
                self.report_drawn().await;
                None
            }
            () = self.context.channels.changed() => {
                if self.context.channels.is_association_up() {
                    self.association_up();
                }
                self.attach_channels().await;
                None
            }
            () = sleep_until(deadline.unwrap_or_else(Instant::now)), if deadline.is_some() => {
                tracing::info!("the peer did not come back in time");
                Some(Ending::Lost { orderly: false })
            }
            () = sleep_until(remedy.unwrap_or_else(Instant::now)), if remedy.is_some() => self.heal().await,
            () = std::future::ready(()), if offer_due => {
                self.offer().await;
                None
            }
            event = self.control.poll() => self.control_event(event).await,
            Some(ended) = self.tasks.join_next(), if !self.tasks.is_empty() => {
                if let Err(error) = ended {
                    tracing::error!(%error, "a media task failed");
                }
                None
            }
        }
    }

    /// True once there is an m-line to offer: a description without one has no certificate and no ICE credentials, and
    /// connects nobody.
    fn has_lines(&self) -> bool {
        self.has_data || !self.outbound.is_empty() || !self.negotiation.is_fresh()
    }

    async fn emit(&self, event: ConnectionEvent) {
        self.context.emit(event).await;
    }

    async fn misbehaving(&self, what: String) {
        tracing::debug!(%what, "the remote misbehaves");
        self.emit(ConnectionEvent::Misbehaving(what)).await;
    }

    async fn set_state(&mut self, state: ConnectionState) {
        if self.state != state {
            self.state = state;
            self.emit(ConnectionEvent::State(state)).await;
        }
    }

    /// The SCTP association is up, and all channels that were made before.
    fn association_up(&mut self) {
        if !std::mem::replace(&mut self.associated, true) {
            self.connection.opened();
            self.context.channels.open();
        }
    }

    /// Makes the channels that were asked for. The first one needs an m-line; where nobody has to begin, also an offer.
    async fn attach_channels(&mut self) {
        if !self.context.channels.attach(&self.connection.pc).await {
            return;
        }
        let first = !std::mem::replace(&mut self.has_data, true);
        if first || (self.context.options.role == Role::Either && !self.data_agreed) {
            self.negotiation.need();
        }
    }

    /// Makes what is sent match the streams of the endpoint; an answerer only after its first answer, unless that is to carry
    /// them.
    async fn reconcile(&mut self) {
        let media = self.context.options.media;
        if !self.negotiation.is_ready() && media == MediaLines::OneWay {
            return;
        }
        let streams = self.context.endpoint.streams.list();
        if self.outbound.reconcile(&self.connection, streams, media, &mut self.tasks).await {
            self.negotiation.need();
        }
        let sent = self.outbound.sent_tracks();
        if self.sent != sent {
            self.sent.clone_from(&sent);
            self.emit(ConnectionEvent::SentTracks(sent)).await;
        }
        self.share_bandwidth();
    }

    /// Gives each video its part of the line.
    fn share_bandwidth(&mut self) {
        let (estimate, limit) = (*self.estimate.borrow_and_update(), *self.video_limit.borrow_and_update());
        self.outbound.share(estimate, limit);
    }

    async fn track_change(&self, change: Change) {
        let remote = &self.context.remote;
        match change {
            Change::Added { mut stream, track, first } => {
                remote.track_added(&mut stream, &track);
                self.emit(ConnectionEvent::TrackAdded { stream, track, first }).await;
            }
            Change::Removed { mut stream, track } => {
                remote.track_removed(&mut stream);
                self.emit(ConnectionEvent::TrackRemoved { stream, track }).await;
            }
            Change::Undescribed { msid } => self.emit(ConnectionEvent::StreamUndescribed { msid }).await,
        }
    }

    /// Says goodbye, so that the other side knows at once (SCTP ABORT, DTLS close_notify), and reports what is over.
    async fn close(mut self) {
        // Without waiting: a dialect that does not read learns it with the rest.
        self.context.events.try_send(ConnectionEvent::Closing).ok();
        self.context.channels.detach();
        self.context.remote.reconnecting();
        if timeout(CLOSE_TIMEOUT, self.connection.close()).await.is_err() {
            tracing::warn!("a connection took too long to close");
        }
        self.tasks.shutdown().await;
        let remote = &self.context.remote;
        let mut changes = self.inbound.clear();
        for change in &mut changes {
            if let Change::Removed { stream, .. } = change {
                remote.identify(stream);
            }
        }
        remote.connection_lost();
        for change in changes {
            if let Change::Removed { stream, track } = change {
                self.emit(ConnectionEvent::TrackRemoved { stream, track }).await;
            }
        }
        self.emit(ConnectionEvent::Closed).await;
    }
}

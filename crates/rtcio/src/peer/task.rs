//! The task of one peer: turns what its connections report into events, and signals and envelopes into commands.

use super::ctrl::{Ctrl, Unfit};
use super::handle::{Command, Handle, Status};
use super::stream_events::StreamEvents;
use crate::Event;
use crate::channel::PeerChannels;
use crate::shared::Shared;
use crate::signaling;
use confab_transport::channel::{ChannelData, ChannelSpec, Channels, DataChannelOptions};
use confab_transport::{
    ConnectionCommand, ConnectionEvent, ConnectionOptions, Glare, InBandChannels, PeerTransport, RemoteControl, Role,
    connect,
};
use confab_wire::{
    ctrl::{CTRL_LABEL, Envelope, EnvelopeError, RenderedSizeNote},
    limits,
    rate_limit::RateLimiter,
    signaling::Signal,
};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

/// Commands that wait for one peer's task: a burst of events, candidates and descriptions.
const COMMANDS: usize = 2048;
/// Time between two complaints about one peer.
const COMPLAINT_INTERVAL: Duration = Duration::from_secs(5);
/// Questions about streams, and answers to such questions, in a second: all streams of a peer, twice.
const STREAM_SIGNALS: u32 = 2 * limits::STREAMS_PER_PEER as u32;

/// The task's state.
struct PeerTask {
    id: String,
    remote: RemoteControl,
    shared: Arc<Shared>,
    status: Arc<Status>,
    channels: PeerChannels,
    cancel: CancellationToken,
    connection: mpsc::Sender<ConnectionCommand>,
    ctrl: Ctrl,
    complaints: RateLimiter,
    questions: RateLimiter,
    answers: RateLimiter,
    broadcasts: watch::Receiver<u64>,
    /// `peer-connect` was reported for the connection of now.
    announced: bool,
}

/// Makes a peer: its handle, and the task to run.
pub(crate) fn peer(
    remote: RemoteControl,
    role: Role,
    signaling_up: bool,
    shared: Arc<Shared>,
    cancel: CancellationToken,
) -> (Handle, impl Future<Output = ()> + Send) {
    let (sender, commands) = mpsc::channel(COMMANDS);
    let id = remote.id().to_owned();
    let span = tracing::debug_span!("peer", id);
    let broadcasts = Arc::clone(&shared.channels);
    let member: Arc<str> = id.as_str().into();
    let options = ConnectionOptions {
        role,
        glare: Glare::FirstOffererYields,
        control: Some(ChannelSpec::negotiated("ctrl", CTRL_LABEL.to_owned(), 0, DataChannelOptions::default())),
        // A stock peer opens none.
        in_band: InBandChannels::Refuse,
        describes_streams: true,
        signaling_up,
        prepare_channels: Some(Arc::new(move |channels: &Channels| {
            if let Err(error) = broadcasts.join(&member, channels) {
                tracing::error!(%error, "a peer can't take part in a channel");
            }
        })),
        ..ConnectionOptions::default()
    };
    let (transport, connections) = connect(Arc::clone(&shared.endpoint), remote.clone(), options, cancel.clone());
    let PeerTransport { commands: connection, events, channels } = transport;
    let channels = PeerChannels::new(&id, channels);
    let status = Arc::new(Status::default());
    let handle =
        Handle { commands: sender, cancel: cancel.clone(), channels: channels.clone(), status: Arc::clone(&status) };
    let task = PeerTask {
        id,
        remote,
        broadcasts: shared.channels.changes(),
        shared,
        status,
        channels,
        cancel,
        connection,
        ctrl: Ctrl::default(),
        complaints: RateLimiter::once_per(COMPLAINT_INTERVAL),
        questions: RateLimiter::per_second(STREAM_SIGNALS, STREAM_SIGNALS),
        answers: RateLimiter::per_second(STREAM_SIGNALS, STREAM_SIGNALS),
        announced: false,
    };
    // In one task: what happens to one happens to both.
    let both = async move {
        tokio::join!(connections, task.run(commands, events));
    };
    (handle, both.instrument(span))
}

impl PeerTask {
    /// Serves the peer until its connections are over.
    async fn run(mut self, mut commands: mpsc::Receiver<Command>, mut events: mpsc::Receiver<ConnectionEvent>) {
        loop {
            let connection = self.connection.clone();
            // A command is taken only when the connection has room for what becomes of it.
            let command = async {
                match connection.reserve().await {
                    Ok(permit) => Some((commands.recv().await?, permit)),
                    Err(_) => None,
                }
            };
            tokio::select! {
                biased;
                // A flood of events must not hold up the signals.
                Some((command, permit)) = command => {
                    if let Some(command) = self.command(command).await {
                        permit.send(command);
                    }
                }
                event = events.recv() => match event {
                    Some(event) => self.event(event).await,
                    None => return,
                },
                Ok(()) = self.broadcasts.changed() => self.join_channels(),
            }
        }
    }

    // ---- commands ----

    /// Does what is rtc.io's own; gives back what the connection has to do.
    async fn command(&mut self, command: Command) -> Option<ConnectionCommand> {
        match command {
            Command::Connection(command) => Some(command),
            Command::SignalingUp(up) => {
                if up {
                    for mid in self.remote.undescribed_streams() {
                        self.relay(Signal::StreamQuery { mid }).await;
                    }
                }
                Some(ConnectionCommand::SignalingUp(up))
            }
            Command::Signal(Signal::Description(description)) => Some(ConnectionCommand::Description(description)),
            Command::Signal(Signal::Candidate(candidate)) => Some(ConnectionCommand::Candidate(candidate)),
            Command::Signal(Signal::StreamQuery { mid }) => {
                if !self.questions.admit(Instant::now()) {
                    self.complain("it asks for streams too often".to_owned()).await;
                } else if let Some(events) = self.shared.registry.events(&mid) {
                    self.relay(Signal::StreamEvents { mid, events }).await;
                }
                None
            }
            Command::Signal(Signal::StreamEvents { mid, events }) => {
                if self.answers.admit(Instant::now()) {
                    self.described(&mid, StreamEvents::read(events)).await;
                } else {
                    self.complain("it tells of its streams too often".to_owned()).await;
                }
                None
            }
        }
    }

    /// The owner told the events of a stream.
    async fn described(&mut self, msid: &str, told: StreamEvents) {
        let metadata = told.metadata();
        let Some(stream) = self.remote.describe_stream(msid, told.id, metadata) else { return };
        for (event, args) in told.events {
            let (peer, stream) = (self.id.clone(), stream.clone());
            self.report(Event::Stream { peer, event, args, stream }).await;
        }
    }

    /// Takes part in the broadcast channels of the socket.
    fn join_channels(&self) {
        if let Err(error) = self.channels.join(&self.shared.channels) {
            tracing::error!(%error, "a peer can't take part in a channel");
        }
    }

    // ---- events ----

    async fn event(&mut self, event: ConnectionEvent) {
        let peer = self.id.clone();
        match event {
            ConnectionEvent::Description(description) => self.relay(Signal::Description(description)).await,
            ConnectionEvent::Candidate(candidate) => self.relay(Signal::Candidate(candidate)).await,
            ConnectionEvent::State(state) => self.report(Event::PeerState { peer, state }).await,
            ConnectionEvent::ControlOpen => self.opened().await,
            ConnectionEvent::ControlMessage(frame) => self.frame(frame).await,
            ConnectionEvent::TrackAdded { stream, track, first } => {
                self.report(Event::TrackAdded { peer, stream, track, first }).await;
            }
            ConnectionEvent::TrackRemoved { stream, track } => {
                self.report(Event::TrackRemoved { peer, stream, track }).await;
            }
            ConnectionEvent::StreamUndescribed { msid } => self.relay(Signal::StreamQuery { mid: msid }).await,
            ConnectionEvent::RenderedSizeChanged { mid, size } => {
                self.send(ConnectionCommand::Send(RenderedSizeNote { mid, size }.to_text().into()));
            }
            ConnectionEvent::IceCandidateError { url, code, text } => {
                self.report(Event::IceCandidateError { peer, url, code, text }).await;
            }
            ConnectionEvent::Misbehaving(what) => self.complain(what).await,
            // Rare by itself.
            ConnectionEvent::ConnectsTooOften => {
                let what = "it begins new connections too often".to_owned();
                tracing::warn!(%what, "the peer misbehaves");
                self.report(Event::Misbehaving { peer, what }).await;
            }
            // The network may be gone, and the server with it.
            ConnectionEvent::PathSilent => self.shared.signaling.send_now(signaling::Command::Doubt),
            ConnectionEvent::Closing => self.status.set_connected(false),
            ConnectionEvent::Closed => {
                self.status.set_connected(false);
                if std::mem::take(&mut self.announced) {
                    self.report(Event::PeerDisconnect { peer }).await;
                }
            }
            // Channels of the remote are refused, and later versions may report more.
            _ => {}
        }
    }

    /// `ctrl` is open.
    async fn opened(&mut self) {
        self.announced = true;
        self.status.set_connected(true);
        self.status.set_announced();
        self.report(Event::PeerConnect { peer: self.id.clone() }).await;
        self.shared.supersede(&self.id);
    }

    /// A frame came on `ctrl`.
    async fn frame(&mut self, frame: ChannelData) {
        match self.ctrl.receive(frame, Instant::now()) {
            Ok(Envelope { event, args }) => {
                self.report(Event::Message { peer: self.id.clone(), event, args }).await;
            }
            Err(Unfit::Internal(text)) => self.internal(&text).await,
            Err(Unfit::Wrong(what)) => self.complain(what).await,
        }
    }

    /// An event of the library itself: a note between programs of ours, or none that there is.
    async fn internal(&mut self, text: &str) {
        if let Some(id) = Envelope::renamed(text) {
            self.renamed(id);
            return;
        }
        match RenderedSizeNote::parse(text) {
            Some(RenderedSizeNote { mid, size }) => self.send(ConnectionCommand::SetRenderedSize { mid, size }),
            None => self.complain(EnvelopeError::Reserved.to_string()).await,
        }
    }

    /// The peer has a new id; two connections to it are one too many.
    fn renamed(&self, id: String) {
        let stands = self.shared.peer(&id).is_some_and(|peer| peer.is_connected());
        tracing::debug!(id, stands, "the peer has a new id");
        self.status.set_renamed(id);
        if stands {
            self.cancel.cancel();
        }
    }

    // ---- out ----

    /// Never waits: the connection may be waiting for this task.
    fn send(&self, command: ConnectionCommand) {
        if self.connection.try_send(command).is_err() {
            tracing::warn!(id = self.id, "a command is dropped: the connection has too many, or is over");
        }
    }

    /// Reports to the application. Waits while it does not read, until the peer is to end.
    async fn report(&self, event: Event) {
        self.shared.report(event, &self.cancel).await;
    }

    /// Sends a signal to the peer.
    async fn relay(&self, signal: Signal) {
        self.shared.relay(&self.id, signal).await;
    }

    async fn complain(&mut self, what: String) {
        if self.complaints.admit(Instant::now()) {
            tracing::warn!(%what, "the peer misbehaves");
            self.report(Event::Misbehaving { peer: self.id.clone(), what }).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_too_often_is_dropped_for_its_second_and_complaints_are_rare() {
        let now = Instant::now();
        let mut questions = RateLimiter::per_second(STREAM_SIGNALS, STREAM_SIGNALS);
        assert_eq!((0..10_000).filter(|_| questions.admit(now)).count(), STREAM_SIGNALS as usize);
        assert!(questions.admit(now + Duration::from_secs(1)));
        let mut complaints = RateLimiter::once_per(COMPLAINT_INTERVAL);
        assert!(complaints.admit(now) && !complaints.admit(now + Duration::from_secs(4)));
        assert!(complaints.admit(now + COMPLAINT_INTERVAL));
    }
}

//! The task of one remote: turns what its connections report into signals, and the remote's signals into commands.

use super::local_media::{LocalMedia, Metadata};
use super::remote::RemotePeer;
use crate::data_channel::flow;
use crate::limits;
use crate::signal::Signal;
use crate::signalling::SignallingClient;
use confab_transport::channel::{ChannelSpec, InBandChannel};
use confab_transport::{
    ConnectionCommand, ConnectionEvent, ConnectionOptions, ConnectionState, Endpoint, Glare, InBandChannels,
    PeerTransport, RemoteControl, Role, SentTrack, TrackDescription, connect,
};
use confab_wire::signaling::Candidate;
use serde_json::Value;
use std::collections::HashMap;
use std::sync::Arc;
use tokio::sync::{Mutex, mpsc};
use tokio_util::sync::CancellationToken;

/// An SCTP stream that channels opened in-band, which are counted from 0, do not reach.
const UNUSED_STREAM: u16 = 1022;
/// Data channels of the remote that wait to be taken.
const OPENED_CHANNELS: usize = 64;

/// The dialect's end of one remote.
pub(super) struct Link {
    pub(super) peer: RemotePeer,
    control: RemoteControl,
    commands: mpsc::Sender<ConnectionCommand>,
    cancel: CancellationToken,
    /// Candidates since its last description.
    candidates: usize,
}

impl Link {
    /// Makes a remote: the dialect's end, and the task to run.
    pub(super) fn new(
        id: String,
        metadata: Option<Metadata>,
        endpoint: &Arc<Endpoint>,
        client: &SignallingClient,
        media: &Arc<LocalMedia>,
        cancel: CancellationToken,
    ) -> (Self, impl Future<Output = ()> + Send + use<>) {
        let control = RemoteControl::new(id);
        if let Some(metadata) = metadata {
            control.set_metadata(metadata);
        }
        let options = ConnectionOptions {
            role: Role::Either,
            glare: Glare::SmallerIdYields,
            renews_certificates: false,
            // Nothing is ever sent on it, and no remote knows of it: it gives each offer an m-line for data channels. The
            // library (rtc 0.21.1) brings SCTP up together with DTLS, and where it is the DTLS client never later.
            control: Some(ChannelSpec::negotiated("unused", String::new(), UNUSED_STREAM, flow())),
            in_band: InBandChannels::Accept,
            in_band_flow: flow(),
            ..ConnectionOptions::default()
        };
        let (transport, connections) = connect(Arc::clone(endpoint), control.clone(), options, cancel.clone());
        let PeerTransport { commands, events, channels } = transport;
        let (opened, opened_receiver) = mpsc::channel(OPENED_CHANNELS);
        let peer = RemotePeer {
            remote: control.peer().clone(),
            client: client.clone(),
            channels,
            commands: commands.clone(),
            opened: Arc::new(Mutex::new(opened_receiver)),
        };
        let task = LinkTask {
            id: control.id().to_owned(),
            client: client.clone(),
            media: Arc::clone(media),
            opened,
            told: HashMap::new(),
        };
        let both = async move {
            tokio::join!(connections, task.run(events));
        };
        (Self { peer, control, commands, cancel, candidates: 0 }, both)
    }

    /// A signal of the remote came. Never waits.
    pub(super) fn signal(&mut self, signal: Signal) {
        match signal {
            Signal::Description(description) => {
                self.candidates = 0;
                self.command(ConnectionCommand::Description(description));
            }
            Signal::Candidate(candidate) => {
                self.candidates += 1;
                if self.candidates > limits::CANDIDATES {
                    tracing::debug!("a candidate is dropped: the remote has too many");
                    return;
                }
                self.command(ConnectionCommand::Candidate(candidate.unwrap_or_else(end_of_candidates)));
            }
            Signal::TrackMetadata(description) => self.control.describe_track(description),
        }
    }

    /// Signals do not, or again, reach the remote.
    pub(super) fn signaling(&self, up: bool) {
        self.command(ConnectionCommand::SignalingUp(up));
    }

    /// This side has reconnected, and the remote is still there: a new connection.
    pub(super) fn renew(&mut self, metadata: Option<Metadata>) {
        if let Some(metadata) = metadata {
            self.control.set_metadata(metadata);
        }
        self.candidates = 0;
        self.command(ConnectionCommand::BeginAnew);
    }

    pub(super) fn addresses_changed(&self) {
        self.command(ConnectionCommand::AddressesChanged);
    }

    /// The remote is gone.
    pub(super) fn end(self) -> RemotePeer {
        self.control.set_present(false);
        self.cancel.cancel();
        self.control.close();
        self.peer
    }

    /// The connection may be waiting for who calls this, so nobody waits for it.
    fn command(&self, command: ConnectionCommand) {
        if let Err(mpsc::error::TrySendError::Full(_)) = self.commands.try_send(command) {
            tracing::warn!("a command to the connection of a remote is dropped: it has too many");
        }
    }
}

fn end_of_candidates() -> Candidate {
    Candidate { candidate: String::new(), sdp_mid: None, sdp_m_line_index: Some(0), username_fragment: None }
}

struct LinkTask {
    id: String,
    client: SignallingClient,
    media: Arc<LocalMedia>,
    opened: mpsc::Sender<InBandChannel>,
    /// What the remote was told of tracks on the connection of now, by the ids that it knows.
    told: HashMap<String, Metadata>,
}

impl LinkTask {
    async fn run(mut self, mut events: mpsc::Receiver<ConnectionEvent>) {
        while let Some(event) = events.recv().await {
            match event {
                ConnectionEvent::Description(description) => self.post(Signal::Description(description)).await,
                ConnectionEvent::Candidate(candidate) => {
                    let candidate = Some(candidate).filter(|candidate| !candidate.candidate.is_empty());
                    self.post(Signal::Candidate(candidate)).await;
                }
                ConnectionEvent::State(ConnectionState::Connecting) => self.told.clear(),
                ConnectionEvent::SentTracks(tracks) => self.describe(&tracks).await,
                ConnectionEvent::ChannelOpened(channel) => {
                    if let Err(error) = self.opened.try_send(channel) {
                        tracing::debug!("a data channel of the remote is closed: too many wait");
                        let (mpsc::error::TrySendError::Full(channel) | mpsc::error::TrySendError::Closed(channel)) =
                            error;
                        channel.channel.close();
                    }
                }
                ConnectionEvent::Misbehaving(what) => tracing::debug!(%what, "a remote misbehaves"),
                _ => {}
            }
        }
    }

    /// Says what changed of the tracks: their metadata go before the offer that brings them, and are taken back before the
    /// one that ends them.
    async fn describe(&mut self, tracks: &[SentTrack]) {
        let wanted: HashMap<String, Metadata> = tracks
            .iter()
            .filter_map(|sent| Some((sent.msid_track.clone(), self.media.metadata(&sent.track)?)))
            .collect();
        let gone: Vec<String> = self.told.keys().filter(|id| !wanted.contains_key(*id)).cloned().collect();
        for track in gone {
            self.post_metadata(track, None).await;
        }
        for (track, metadata) in &wanted {
            if self.told.get(track) != Some(metadata) {
                self.post_metadata(track.clone(), Some(metadata.clone())).await;
            }
        }
        self.told = wanted;
    }

    async fn post_metadata(&self, track: String, metadata: Option<Metadata>) {
        self.post(Signal::TrackMetadata(TrackDescription { track, stream: None, kind: None, metadata })).await;
    }

    async fn post(&self, signal: Signal) {
        let data: Value = signal.to_json();
        if let Err(error) = self.client.post(&self.id, data).await {
            // What is lost in an outage is said again by the connection that follows it.
            tracing::debug!(%error, "a signal is not sent");
        }
    }
}

//! A dialect without a server: what one side wants to signal is put into the other side's queue.

use confab_rtp::encoding::VideoEncoding;
use confab_transport::addresses::Addresses;
use confab_transport::channel::Channels;
use confab_transport::health::{ConnectionRate, Watchdog};
use confab_transport::ice::{IceConfig, IceTransportPolicy};
use confab_transport::send::local_stream::{LocalStream, LocalStreams};
use confab_transport::send::local_track::LocalTrack;
use confab_transport::{
    ConnectionCommand, ConnectionEvent, ConnectionOptions, Endpoint, PeerTransport, RemoteControl, RemotePeer, connect,
};
use confab_wire::media::{Codec, Decoders, EncodedFrame};
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::timeout;
use tokio_util::sync::{CancellationToken, DropGuard};

/// How long anything may take.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// One side.
pub struct Side {
    pub endpoint: Arc<Endpoint>,
    pub remote: RemotePeer,
    pub commands: mpsc::Sender<ConnectionCommand>,
    pub channels: Arc<Channels>,
    /// What is no signal.
    pub events: mpsc::UnboundedReceiver<ConnectionEvent>,
    /// Descriptions that this side sent.
    pub descriptions: Arc<AtomicUsize>,
    _end: DropGuard,
}

/// Two sides, joined. `ann` has the smaller id.
pub fn join(ann: ConnectionOptions, ben: ConnectionOptions) -> (Side, Side) {
    let (ann, anns) = side("ann", "ben", ann);
    let (ben, bens) = side("ben", "ann", ben);
    let (anns_commands, bens_commands) = (ann.commands.clone(), ben.commands.clone());
    tokio::spawn(carry(anns, bens_commands));
    tokio::spawn(carry(bens, anns_commands));
    (ann, ben)
}

/// The queue of one direction.
async fn carry(mut signals: mpsc::UnboundedReceiver<ConnectionCommand>, to: mpsc::Sender<ConnectionCommand>) {
    while let Some(signal) = signals.recv().await {
        if to.send(signal).await.is_err() {
            return;
        }
    }
}

fn side(id: &str, other: &str, options: ConnectionOptions) -> (Side, mpsc::UnboundedReceiver<ConnectionCommand>) {
    let (_, addresses) = watch::channel(Addresses::exactly([Ipv4Addr::LOCALHOST.into()]));
    let (_, own_id) = watch::channel(Some(id.to_owned()));
    let endpoint = Arc::new(Endpoint {
        ice: IceConfig::new(IceTransportPolicy::All, Vec::new(), Vec::new()),
        decoders: Decoders::default(),
        watchdog: Watchdog::default(),
        connection_rate: ConnectionRate::default(),
        addresses,
        own_id,
        streams: LocalStreams::default(),
        runtime: None,
    });
    let remote = RemoteControl::new(other.to_owned());
    let cancel = CancellationToken::new();
    let (transport, task) = connect(Arc::clone(&endpoint), remote.clone(), options, cancel.clone());
    tokio::spawn(task);
    let PeerTransport { commands, events, channels } = transport;
    let (signals, outgoing) = mpsc::unbounded_channel();
    let (reports, reported) = mpsc::unbounded_channel();
    let descriptions = Arc::new(AtomicUsize::new(0));
    tokio::spawn(dispatch(events, signals, reports, Arc::clone(&descriptions)));
    let remote = remote.peer().clone();
    let side = Side { endpoint, remote, commands, channels, events: reported, descriptions, _end: cancel.drop_guard() };
    (side, outgoing)
}

/// All that a dialect has to do: signals go to the other side, the rest to the application.
async fn dispatch(
    mut events: mpsc::Receiver<ConnectionEvent>,
    signals: mpsc::UnboundedSender<ConnectionCommand>,
    reports: mpsc::UnboundedSender<ConnectionEvent>,
    descriptions: Arc<AtomicUsize>,
) {
    while let Some(event) = events.recv().await {
        match event {
            ConnectionEvent::Description(description) => {
                descriptions.fetch_add(1, Ordering::Relaxed);
                signals.send(ConnectionCommand::Description(description)).ok();
            }
            ConnectionEvent::Candidate(candidate) => {
                signals.send(ConnectionCommand::Candidate(candidate)).ok();
            }
            event => {
                reports.send(event).ok();
            }
        }
    }
}

impl Side {
    /// The next event of which `found` makes something.
    pub async fn wait<T>(&mut self, what: &str, mut found: impl FnMut(ConnectionEvent) -> Option<T>) -> T {
        let search = async {
            loop {
                let event = self.events.recv().await.unwrap_or_else(|| panic!("the events end before {what}"));
                if let Some(found) = found(event) {
                    return found;
                }
            }
        };
        timeout(PATIENCE, search).await.unwrap_or_else(|_| panic!("{what} does not come"))
    }

    pub async fn command(&self, command: ConnectionCommand) {
        self.commands.send(command).await.unwrap();
    }

    /// Sends a stream with one video track to the other side.
    pub fn send_video(&self) -> (LocalStream, LocalTrack) {
        let stream = LocalStream::new(VideoEncoding::default(), None).unwrap();
        let track = LocalTrack::video(Codec::Vp8);
        stream.add_track(&track);
        self.endpoint.streams.add(&stream);
        (stream, track)
    }

    /// User name fragment of this side's ICE credentials, and the state of the negotiation.
    pub async fn ice_fragment(&self) -> Option<String> {
        let (reply, answer) = oneshot::channel();
        self.command(ConnectionCommand::Stats(reply)).await;
        timeout(PATIENCE, answer).await.unwrap().unwrap().transport.first()?.ice_local_username_fragment.clone()
    }

    /// Waits until nothing waits for an offer or an answer.
    pub async fn settle(&self) {
        let settled = async {
            loop {
                let (reply, answer) = oneshot::channel();
                self.command(ConnectionCommand::Report(reply)).await;
                if answer.await.unwrap().is_stable {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(PATIENCE, settled).await.unwrap();
    }
}

/// A key frame of VP8, as far as anybody looks before decoding it.
pub fn key_frame(timestamp: u32) -> EncodedFrame {
    let data = bytes::Bytes::from_static(&[0x10, 0, 0, 0x9d, 0x01, 0x2a, 0x80, 0x02, 0x68, 0x01]);
    let (codec, layer) = (Codec::Vp8, Default::default());
    EncodedFrame { data, codec, key: true, timestamp, width: 640, height: 360, layer }
}

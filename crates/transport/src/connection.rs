//! The `RTCPeerConnection` of one peer: codecs, interceptors, addresses, and its callbacks turned into queues.

use crate::addresses::Addresses;
use crate::channel::ChannelSpec;
use crate::codecs;
use crate::ice::{self, FailureCallback, IceConfig, IceServerFailure, IceTransportPolicy, Relays};
use crate::send::sender_feedback::SenderFeedback;
use crate::stats::path;
use crate::workarounds::SingleDatagramRuntime;
use confab_rtp::bandwidth::{self, Bandwidth};
use confab_rtp::feedback::FeedbackInterceptor;
use confab_rtp::packetization::PACKET_HISTORY;
use confab_wire::{media::Decoders, signaling::Candidate};
use rtc::interceptor::{
    NackGeneratorBuilder, NackResponderBuilder, ReceiverReportBuilder, SenderReportBuilder, TwccReceiverBuilder,
};
use rtc::peer_connection::configuration::interceptor_registry::{Registry, Slot};
use rtc::peer_connection::configuration::setting_engine::SctpMaxMessageSize;
use rtc::peer_connection::transport::RTCDtlsRole;
use rtc::rtp_transceiver::rtp_sender::{RTCRtpHeaderExtensionCapability, RtpCodecKind};
use rtc::sdp::extmap::{ABS_SEND_TIME_URI, AUDIO_LEVEL_URI, SDES_MID_URI, TRANSPORT_CC_URI};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, watch};
use webrtc::data_channel::DataChannel;
use webrtc::error::Result;
use webrtc::media_stream::track_remote::TrackRemote;
use webrtc::peer_connection::{
    MediaEngine, PeerConnection, PeerConnectionBuilder, PeerConnectionEventHandler, RTCConfiguration,
    RTCConfigurationBuilder, RTCIceCandidateInit, RTCIceGatheringState, RTCIceServer, RTCIceTransportPolicy,
    RTCPeerConnectionIceEvent, RTCPeerConnectionState, SettingEngineBuilder,
};
use webrtc::runtime::Runtime;

/// Callbacks that wait for the peer's task: candidates and tracks. When full, the newest is dropped.
const EVENTS: usize = 256;
/// How often missing packets are asked for, as in Chromium. Those who send do not answer more than once in a round trip.
const NACK_INTERVAL: Duration = Duration::from_millis(20);
/// For a second: the reassembly waits no longer.
const NACKS: u16 = 50;
/// How often arrivals are reported to the sender, as Chromium does on a line with room: the sooner, the shorter its queue.
const REPORT_INTERVAL: Duration = Duration::from_millis(50);
/// Silence after which ICE counts a connection as disconnected, and after which as failed (RFC 7675 has 30 s).
const ICE_DISCONNECTED: Duration = Duration::from_secs(5);
const ICE_FAILED: Duration = Duration::from_secs(20);
/// ICE keep-alives; also the earliest sign that a path is dead.
const ICE_KEEPALIVE: Duration = Duration::from_secs(1);

/// Relays are allocated anew at most once in this time.
const RENEW_PAUSE: Duration = Duration::from_secs(10);

/// Header extensions (RFC 8285) in the order that gives them the ids 1 to 4 which Chromium uses for them: the library counts,
/// and Chromium refuses an offer that gives another meaning to an id of its own colliding, rolled-back offer.
const HEADER_EXTENSIONS: [(&str, RtpCodecKind); 7] = [
    (AUDIO_LEVEL_URI, RtpCodecKind::Audio),
    (ABS_SEND_TIME_URI, RtpCodecKind::Audio),
    (ABS_SEND_TIME_URI, RtpCodecKind::Video),
    (TRANSPORT_CC_URI, RtpCodecKind::Audio),
    (TRANSPORT_CC_URI, RtpCodecKind::Video),
    (SDES_MID_URI, RtpCodecKind::Audio),
    (SDES_MID_URI, RtpCodecKind::Video),
];

/// A callback of the connection.
pub(crate) enum PcEvent {
    /// A local candidate; an empty one ends them.
    Candidate(Candidate),
    /// The first packet of a remote track came.
    Track(Arc<dyn TrackRemote>),
    /// The remote opened a channel in-band.
    Channel(Arc<dyn DataChannel>),
    /// A TURN server can't be used, or no longer.
    Ice(IceServerFailure),
}

/// What the far end says of the RTP streams that are sent.
type Feedback = confab_rtp::feedback::Feedback<SenderFeedback>;

/// A connection of the library with its control channel.
pub(crate) struct Connection {
    pub(crate) pc: Arc<dyn PeerConnection>,
    pub(crate) control: Option<Arc<dyn DataChannel>>,
    pub(crate) events: mpsc::Receiver<PcEvent>,
    pub(crate) state: watch::Receiver<RTCPeerConnectionState>,
    pub(crate) feedback: Arc<Feedback>,
    pub(crate) bandwidth: Arc<Bandwidth>,
    /// Bit/s for everything that is sent for the first time; `u32::MAX` while nothing bounds it.
    pub(crate) estimate: watch::Receiver<u32>,
    /// The addresses of this machine when the connection was made. The library opens its sockets then, one for each.
    bound: Addresses,
    relays: Relays,
    renewed: Option<Instant>,
    handler: Arc<Handler>,
    sockets: Arc<SingleDatagramRuntime>,
}

impl Connection {
    /// Builds a connection from `addresses` of this machine; nothing is sent before the first description.
    pub(crate) async fn open(
        ice: &IceConfig,
        decoders: Decoders,
        addresses: Addresses,
        runtime: Option<Arc<dyn Runtime>>,
        control: Option<&ChannelSpec>,
    ) -> Result<Self> {
        let (events_sender, events) = mpsc::channel(EVENTS);
        let (state_sender, state) = watch::channel(RTCPeerConnectionState::New);
        let (estimate_sender, estimate) = watch::channel(u32::MAX);
        let bandwidth = Arc::new(Bandwidth::new(move |estimate| {
            estimate_sender.send_replace(estimate);
        }));
        let feedback = Arc::new(Feedback::new(Arc::clone(&bandwidth)));
        let (media_engine, registry) = media(&feedback, &bandwidth, decoders)?;
        let relay_only = ice.policy == IceTransportPolicy::Relay;
        let settings = SettingEngineBuilder::new()
            // Chromium refuses an answer that changes the role in a later round; as the server in each answer we never do.
            .with_answering_dtls_role(RTCDtlsRole::Server)
            .with_include_loopback_candidate(true)
            // The library's ceiling, which is Chromium's, too.
            .with_sctp_max_message_size(SctpMaxMessageSize::Unbounded)
            .with_ice_timeouts(Some(ICE_DISCONNECTED), Some(ICE_FAILED), Some(ICE_KEEPALIVE))
            // Relays wait two seconds for something better, unless nothing better is allowed.
            .with_relay_acceptance_min_wait(relay_only.then_some(Duration::ZERO))
            .build();
        let handler = Arc::new(Handler { events: events_sender, state: state_sender, relay_only });
        let (relays, configuration) = configure(ice, &addresses, &handler).await?;
        let sockets = Arc::new(SingleDatagramRuntime::default());
        let runtime = runtime.unwrap_or_else(|| Arc::clone(&sockets) as Arc<dyn Runtime>);
        let builder = PeerConnectionBuilder::new()
            .with_configuration(configuration)
            .with_media_engine(media_engine)
            .with_setting_engine(settings)
            .with_interceptor_registry(registry)
            .with_handler(Arc::clone(&handler) as Arc<dyn PeerConnectionEventHandler>)
            .with_runtime(runtime)
            .with_udp_addrs(addresses.to_bind());
        let pc: Arc<dyn PeerConnection> = Arc::new(builder.build().await?);
        let control = match control {
            Some(spec) => Some(pc.create_data_channel(&spec.label, Some(spec.init())).await?),
            None => None,
        };
        Ok(Self {
            pc,
            control,
            events,
            state,
            feedback,
            bandwidth,
            estimate,
            bound: addresses,
            relays,
            renewed: None,
            handler,
            sockets,
        })
    }

    /// A relay was lost: an allocation does not survive its way to the server. The next ICE restart allocates anew, with
    /// the servers that are set by then. False if that was done a moment ago: a server that gives relays and takes them
    /// back at once is not followed.
    pub(crate) async fn renew_relays(&mut self, ice: &IceConfig, addresses: &Addresses) -> Result<bool> {
        let now = Instant::now();
        if self.renewed.is_some_and(|at| now.saturating_duration_since(at) < RENEW_PAUSE) {
            return Ok(false);
        }
        self.renewed = Some(now);
        // Other ports make other URLs; for the same ones the library would keep what it believes to have.
        let (relays, configuration) = configure(ice, addresses, &self.handler).await?;
        self.pc.set_configuration(configuration).await?;
        self.relays = relays;
        Ok(true)
    }

    /// The TURN server behind a local socket, and how it is reached.
    pub(crate) fn relayed_by(&self, url: &str) -> Option<(String, &'static str)> {
        self.relays.behind(url)
    }

    /// True if the address of this machine that the connection uses is gone, and `now` there is another: the library's
    /// sockets belong to the addresses that were there when it opened them, so ICE can't find a way any more.
    pub(crate) async fn is_stranded(&self, now: &Addresses) -> bool {
        // Without a change there is nothing to ask the library.
        *now != self.bound
            && match path::local_address(&*self.pc).await {
                Some(used) => now.strand(used),
                None => now.strand_all(&self.bound),
            }
    }

    /// The channels are open.
    pub(crate) fn opened(&self) {
        self.sockets.opened();
    }

    /// What a description may tell the peer.
    pub(crate) fn presentable(&self, sdp: String) -> String {
        if self.handler.relay_only { ice::hide_addresses(&sdp) } else { sdp }
    }

    /// Says goodbye, so that the other side knows at once (SCTP ABORT, DTLS close_notify), and gives relays back.
    pub(crate) async fn close(&mut self) -> Result<()> {
        let closed = self.pc.close().await;
        self.relays.close().await;
        closed
    }
}

/// The configuration for the library, in which local sockets stand for the relays.
async fn configure(
    ice: &IceConfig,
    addresses: &Addresses,
    handler: &Arc<Handler>,
) -> Result<(Relays, RTCConfiguration)> {
    let (stun, turn) = ice.sorted();
    let host = shim_host(addresses);
    let on_failure = {
        let handler = Arc::downgrade(handler);
        Arc::new(move |failure| {
            if let Some(handler) = handler.upgrade() {
                handler.push(PcEvent::Ice(failure));
            }
        })
    };
    let (relays, ports) = Relays::open(host, &turn, &ice.roots, &(on_failure as FailureCallback)).await?;
    let mut servers: Vec<RTCIceServer> =
        stun.iter().map(|url| RTCIceServer { urls: vec![url.to_string()], ..RTCIceServer::default() }).collect();
    // The library can't read an IPv6 address in a TURN URL.
    let host = if host.is_ipv6() { "localhost".to_owned() } else { host.to_string() };
    servers.extend(turn.into_iter().zip(ports).map(|(server, port)| RTCIceServer {
        urls: vec![format!("turn:{host}:{port}")],
        username: server.username,
        credential: server.credential,
    }));
    let policy = match ice.policy {
        IceTransportPolicy::All => RTCIceTransportPolicy::All,
        IceTransportPolicy::Relay => RTCIceTransportPolicy::Relay,
    };
    let configuration =
        RTCConfigurationBuilder::new().with_ice_servers(servers).with_ice_transport_policy(policy).build();
    Ok((relays, configuration))
}

/// Where the local sockets are: an address that the library's sockets reach. On Linux loopback is reached from a socket of
/// any interface; other systems do not route between them, so there it is the address of an interface.
fn shim_host(addresses: &Addresses) -> IpAddr {
    let v4 = addresses.to_bind().iter().any(|address| !address.starts_with('['));
    let loopback: IpAddr = if v4 { Ipv4Addr::LOCALHOST.into() } else { Ipv6Addr::LOCALHOST.into() };
    if cfg!(target_os = "linux") {
        return loopback;
    }
    // A socket on an IPv6 interface has no name that the library understands.
    addresses.first_like(loopback).filter(IpAddr::is_ipv4).unwrap_or(loopback)
}

/// The codecs; NACK both ways, reports, transport feedback both ways, the estimate of the line and the pacer.
fn media(feedback: &Arc<Feedback>, bandwidth: &Arc<Bandwidth>, decoders: Decoders) -> Result<(MediaEngine, Registry)> {
    let mut engine = MediaEngine::default();
    codecs::register(&mut engine, decoders)?;
    for (uri, kind) in HEADER_EXTENSIONS {
        let extension = RTCRtpHeaderExtensionCapability { uri: uri.to_owned() };
        engine.register_header_extension(extension, kind, None)?;
    }
    let registry = Registry::new()
        .with(Slot::NackResponder, NackResponderBuilder::new().with_size(PACKET_HISTORY).build())
        .with(
            Slot::NackGenerator,
            NackGeneratorBuilder::new().with_interval(NACK_INTERVAL).with_max_nacks_per_packet(NACKS).build(),
        )
        // What the path lost is lost even if it came when asked for again: reports are made where that still shows.
        .with(Slot::from(400), ReceiverReportBuilder::new().build())
        .with(Slot::SenderReport, SenderReportBuilder::new().build())
        // Near the wire, where the sender reports made above it pass.
        .with(Slot::from(500), FeedbackInterceptor::new(Arc::clone(feedback)))
        .with(Slot::TwccReceiver, TwccReceiverBuilder::new().with_interval(REPORT_INTERVAL).build());
    Ok((engine, bandwidth::install(registry, bandwidth)))
}

/// A candidate of the wire as the library takes it.
pub(crate) fn candidate_init(candidate: Candidate) -> RTCIceCandidateInit {
    RTCIceCandidateInit {
        candidate: candidate.candidate,
        sdp_mid: candidate.sdp_mid,
        sdp_mline_index: candidate.sdp_m_line_index,
        username_fragment: candidate.username_fragment,
        ..RTCIceCandidateInit::default()
    }
}

/// Turns callbacks into queue entries. It must not wait: it runs inside the connection's own task.
struct Handler {
    events: mpsc::Sender<PcEvent>,
    state: watch::Sender<RTCPeerConnectionState>,
    /// No address of this computer may be told.
    relay_only: bool,
}

impl Handler {
    fn push(&self, event: PcEvent) {
        if self.events.try_send(event).is_err() {
            tracing::debug!("a callback of a connection was dropped: too many, or the peer is gone");
        }
    }
}

#[async_trait::async_trait]
impl PeerConnectionEventHandler for Handler {
    async fn on_ice_candidate(&self, event: RTCPeerConnectionIceEvent) {
        match event.candidate.to_json() {
            Ok(mut init) => {
                if self.relay_only {
                    let Some(hidden) = ice::hide_related_address(&init.candidate) else { return };
                    init.candidate = hidden;
                }
                self.push(PcEvent::Candidate(Candidate {
                    candidate: init.candidate,
                    // Everything is bundled; an empty mid, as the library has it, names no m-line.
                    sdp_mid: None,
                    sdp_m_line_index: Some(0),
                    username_fragment: init.username_fragment.filter(|fragment| !fragment.is_empty()),
                }));
            }
            Err(error) => tracing::debug!(%error, "a local candidate can't be written"),
        }
    }

    async fn on_ice_gathering_state_change(&self, state: RTCIceGatheringState) {
        if state == RTCIceGatheringState::Complete {
            self.push(PcEvent::Candidate(Candidate {
                candidate: String::new(),
                sdp_mid: None,
                sdp_m_line_index: Some(0),
                username_fragment: None,
            }));
        }
    }

    async fn on_connection_state_change(&self, state: RTCPeerConnectionState) {
        self.state.send_replace(state);
    }

    async fn on_data_channel(&self, channel: Arc<dyn DataChannel>) {
        self.push(PcEvent::Channel(channel));
    }

    async fn on_track(&self, track: Arc<dyn TrackRemote>) {
        self.push(PcEvent::Track(track));
    }
}

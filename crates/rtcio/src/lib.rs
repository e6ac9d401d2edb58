//! The rtc.io engine: a [`Socket`] joins a mesh of peers over a signaling server, sends and receives events on the
//! `ctrl` channel of each peer, and carries streams of encoded media. On the wire it is an rtc.io 1.5 peer.
//!
//! ```no_run
//! # async fn example(url: url::Url) -> Result<(), Box<dyn std::error::Error>> {
//! use confab_rtcio::{Codec, Event, LocalTrack, RtcioStream, Socket};
//! use serde_json::json;
//!
//! let (socket, mut events) = Socket::builder(url).connect();
//! let stream = RtcioStream::new();
//! let camera = LocalTrack::video(Codec::Vp8);
//! stream.add_track(&camera);
//! socket.emit("camera", stream.args([json!({ "stream": &stream, "name": "Ann" })])).await?;
//! while let Some(event) = events.recv().await {
//!     match event {
//!         Event::Connected { .. } => {
//!             let room = json!({ "roomId": "room", "name": "Ann" });
//!             socket.server().emit_with_ack("join-room", room).await?;
//!         }
//!         Event::PeerConnect { peer } => socket.peer(&peer).emit("hello", "hi").await?,
//!         Event::Message { peer, event, args } => println!("{peer}: {event} {args:?}"),
//!         _ => {}
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # Tasks
//!
//! rust_socketio speaks to the server through a relay in this process, which opens the real connection (with TLS, and through a
//! proxy where [`ProxyPolicy`] says so) and sees the own id and how the connection ends.
//!
//! Each socket has a task for signaling, one for the mesh, which turns what the server says into peers, and one for each
//! peer, in which its connections run, too ([`confab_transport`]). Media and named data channels have tasks of their own. A
//! small one watches the addresses of the machine: where those that are in use are gone, signaling and peers are connected
//! anew at once.

mod args;
mod channel;
mod connect_error;
mod error;
mod event;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod listeners;
mod log;
mod mesh;
mod options;
mod peer;
mod presence;
mod proxy;
mod registry;
mod remotes;
mod shared;
mod signaling;
#[cfg(test)]
mod simulation;
mod socket;
mod stream;

pub use args::Args;
pub use channel::{
    BroadcastChannel, Channel, ChannelError, ChannelEvent, ChannelEvents, ChannelListener, ChannelMessage,
    ChannelOptions,
};
pub use confab_rtp::encoding::{EncodingError, Priority, VideoEncoding};
pub use confab_rtp::meters::SenderClock;
pub use confab_transport::channel::{ChannelData, MESSAGE_BYTES, ReadyState};
pub use confab_transport::codec_preferences::{CodecPreferences, RtpCodec};
pub use confab_transport::health::Watchdog;
pub use confab_transport::ice::{CertificateError, IceServerError, IceTransportPolicy};
pub use confab_transport::receive::remote_track::{RemoteStream, RemoteTrack, TrackStats};
pub use confab_transport::send::local_track::LocalTrack;
pub use confab_transport::stats::{
    CandidatePairStats, CandidateStats, CodecStats, DataChannelStats, IceCandidateStats, InboundRtpStats,
    OutboundRtpStats, PeerConnectionStats, PeerReport, PeerStats, RemoteInboundRtpStats, SelectedCandidates,
    SessionStats, TransportStats,
};
pub use confab_transport::{ConnectionState, RemotePeer, RemotePeerEvent, RemotePeerEvents, RemotePeerState};

pub use confab_wire::layers::{FrameLayer, LayerDemand, RenderedSize, SpatialLayer, VideoSourceRestrictions};
pub use confab_wire::media::{
    AudioLevel, AudioPacket, Codec, ContentHint, Decoders, DegradationPreference, EncodedFrame, MediaKind, VideoDemand,
};
pub use confab_wire::signaling::IceServer;
pub use connect_error::{ConnectError, ConnectErrorKind};
pub use error::{AckError, AskIceError, EmitError};
pub use event::{Event, Events};
pub use listeners::{LISTENER_QUEUE, Listener, Message, ServerMessage};
pub use proxy::{Proxy, ProxyError, ProxyPolicy};
pub use signaling::Reconnection;
pub use socket::{Peer, RemoteSendError, SEND_TIMEOUT, Server, Socket, SocketBuilder};
pub use stream::{RtcioStream, StreamError, StreamOptions};

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
//! Each socket has a task for signaling, a hub that turns what the server says into peers, and one task for each peer
//! that does everything about it in order. Media runs beside them: one forwarder for each sent track of a peer, one
//! reader for each received one; and one reader for each named data channel of a peer. A small one reads the addresses of the
//! machine twice a second: where those that are in use are gone, signaling and peers are connected anew at once.

mod addresses;
mod args;
mod channel;
mod error;
mod event;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod hub;
mod ice;
mod listeners;
mod log;
mod media;
mod peer;
mod registry;
mod remote_peer;
mod shared;
mod signaling;
#[cfg(test)]
mod simulation;
mod socket;
mod stats;

pub use args::Args;
pub use channel::{
    BroadcastChannel, Channel, ChannelData, ChannelError, ChannelEvent, ChannelEvents, ChannelListener, ChannelMessage,
    ChannelOptions, ReadyState,
};
pub use confab_ipc::PeerState;
pub use confab_rtp::encoding::{EncodingError, Priority, VideoEncoding};
pub use confab_rtp::meters::SenderClock;
pub use confab_wire::layers::RenderedSize;
pub use confab_wire::layers::{FrameLayer, LayerDemand, Relief, SpatialLayer};
pub use confab_wire::media::{
    AudioLevel, AudioPacket, Codec, ContentHint, Decoders, DegradationPreference, EncodedFrame, MediaKind, VideoDemand,
};
pub use confab_wire::signaling::IceServer;
pub use error::{AckError, AskIceError, EmitError};
pub use event::{Event, Events};
pub use ice::{CertificateError, IceServerError, IceTransportPolicy};
pub use listeners::{LISTENER_QUEUE, Listener, Message, ServerMessage};
pub use media::encoding::{CodecPreferences, RtpCodec, StreamError, StreamOptions};
pub use media::local::LocalTrack;
pub use media::remote::{RemoteStream, RemoteTrack, TrackStats};
pub use media::stream::RtcioStream;
pub use peer::{PeerReport, Watchdog};
pub use remote_peer::{RemotePeer, RemotePeerEvent, RemotePeerEvents, RemotePeerState, RemoteSendError};
pub use signaling::Reconnection;
pub use socket::{MESSAGE_BYTES, Peer, SEND_TIMEOUT, Server, Socket, SocketBuilder};
pub use stats::{
    CandidatePairStats, CandidateStats, CodecStats, DataChannelStats, IceCandidateStats, InboundRtpStats,
    OutboundRtpStats, PeerConnectionStats, PeerStats, RemoteInboundRtpStats, SelectedCandidates, SessionStats,
    TransportStats,
};

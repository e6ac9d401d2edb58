//! PeerJS for Rust: peers that find each other by an id, data connections and calls, with any PeerJS client and any
//! PeerServer.
//!
//! On the wire it is the client `peerjs` 1.5.5 of npm: pages that use it call programs that use this crate, and are called by
//! them, over the stock server `peer` or any other that does what that does.
//!
//! ```no_run
//! use confab_peerjs::{ConnectOptions, DataConnectionEvent, Peer, PeerEvent};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let (peer, mut events) = Peer::builder().host("localhost").port(9000).secure(false).id("ann").build()?;
//! // Before the server has answered, too: the offer waits.
//! let (connection, mut of_connection) = peer.connect("ben", ConnectOptions::default())?;
//! while let Some(event) = of_connection.recv().await {
//!     match event {
//!         DataConnectionEvent::Open => connection.send("hello").await?,
//!         DataConnectionEvent::Data(data) => println!("{data:?}"),
//!         _ => {}
//!     }
//! }
//! while let Some(event) = events.recv().await {
//!     match event {
//!         PeerEvent::Connection { connection, .. } => println!("{} connects", connection.peer()),
//!         // With a stream of one's own, or none.
//!         PeerEvent::Call { call, .. } => call.answer(None)?,
//!         _ => {}
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # What is different from the client of npm
//!
//! - A connection that is asked for before the server has answered waits for that; there it is lost.
//! - A remote that vanishes is noticed: after some seventeen seconds its connections report
//!   [`ConnectionError::NegotiationFailed`] and close. There they stay for ever.
//! - [`Peer::destroy`] closes every connection; there every second one to the same peer stays.
//! - Who takes an id over from an older socket is open, though a stock server says nothing.
//! - `null` is delivered when it comes, and not sent by itself, since the client of npm throws at it.
//! - Every connection ends with its event `Close`, those that never opened, too.
//! - Everything that a remote sends is bounded: a message has at most [`MESSAGE_BYTES`] bytes and [`ITEMS`] values, [`DEPTH`]
//!   inside each other, whatever its lengths claim.
//!
//! As there, nothing tells a caller that nobody answers: a refused call rings on until it is closed.
//!
//! # Media
//!
//! A [`LocalStream`] has [`LocalTrack`]s into which encoded frames are written; a [`RemoteTrack`] gives encoded frames. Cameras,
//! microphones, encoders and decoders are the application's.
//!
//! # Tasks
//!
//! Each peer has a task for its connection to the server, each connection one for its WebRTC connection and one for its
//! channel. All end with the peer, which ends with its last handle.
mod connection;
mod data;
mod error;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod id;
mod message;
mod peer;
mod serialization;
mod server;

pub use confab_rtp::encoding::{EncodingError, VideoEncoding};
pub use confab_transport::addresses::Addresses;
pub use confab_transport::codec_preferences::{CodecPreferences, RtpCodec};
pub use confab_transport::health::Watchdog;
pub use confab_transport::ice::{CertificateError, IceTransportPolicy};
pub use confab_transport::receive::remote_track::{RemoteStream, RemoteTrack, TrackStats};
pub use confab_transport::send::local_stream::LocalStream;
pub use confab_transport::send::local_track::LocalTrack;
pub use confab_transport::stats::PeerStats;
pub use confab_transport::{RemotePeer, RemotePeerEvent, RemotePeerEvents, RemotePeerState};
pub use confab_wire::media::{AudioPacket, Codec, Decoders, EncodedFrame, MediaKind};
pub use confab_wire::signaling::IceServer;
pub use connection::{
    AnswerError, CloseOptions, ConnectOptions, DataConnection, DataConnectionEvent, DataConnectionEvents, IceState,
    MediaConnection, MediaConnectionEvent, MediaConnectionEvents, PeerConnection,
};
pub use data::Data;
pub use error::{ConnectionError, PeerError, PeerErrorKind, ReconnectError, SendError, UnknownErrorKind};
pub use id::is_valid_id;
pub use peer::{Connection, DebugLevel, Peer, PeerBuilder, PeerEvent, PeerEvents};
pub use serialization::{DEPTH, DecodeError, EncodeError, ITEMS, MESSAGE_BYTES, Serialization, UnknownSerialization};

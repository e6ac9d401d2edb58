//! The Metered Realtime dialect: channels with presence and messages over one WebSocket, and a WebRTC connection to everybody
//! in the channel.
//!
//! [`MeteredPeer`] is one peer in one channel, [`RemotePeer`] somebody else in it, [`DataChannel`] a data channel to one of
//! them, and [`SignallingClient`] the connection to the server alone, for channels without WebRTC. Names and behaviour are those
//! of the npm package `@metered-ca/realtime` 1.2; `docs/metered.md` has the table. Connections, tracks and streams are those of
//! [`confab_transport`].
//!
//! ```no_run
//! use confab_metered::{Credentials, MeteredEvent, MeteredPeer, PeerOptions, SignallingOptions};
//! use confab_transport::send::local_stream::LocalStream;
//! use confab_transport::send::local_track::LocalTrack;
//! use confab_wire::media::Codec;
//! use serde_json::json;
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let signalling = SignallingOptions::new("wss://rt.example", Credentials::ApiKey("pk_live_1".into()))?;
//! let (peer, mut events) = MeteredPeer::new(PeerOptions::new(signalling))?;
//! let (stream, camera) = (LocalStream::default(), LocalTrack::video(Codec::Vp8));
//! peer.add_track(&camera, &stream, json!({ "role": "camera" }).as_object().cloned())?;
//! peer.join("room-42", true).await?;
//! while let Some(event) = events.recv().await {
//!     match event {
//!         MeteredEvent::PeerJoined(remote) => remote.send(json!({ "hello": remote.id() })).await?,
//!         MeteredEvent::Data { sender_peer_id, data, .. } => println!("{sender_peer_id}: {data}"),
//!         _ => {}
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # Tasks and bounds
//!
//! A client and a peer each have a task, and each remote has one; they end with the last handle. [`limits`] has the bounds of
//! all that comes from a server or a remote. Metadata is what other people wrote: untrusted input.

mod data_channel;
mod error;
mod frame;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod ice_servers;
pub mod limits;
mod name;
mod peer;
mod signal;
mod signalling;

pub use confab_transport::channel::{ChannelData, DataChannelEvent, ReadyState};
pub use confab_transport::{RemotePeerEvent, RemotePeerEvents, RemotePeerState};
pub use data_channel::{
    BUFFERED_AMOUNT_LOW_THRESHOLD, DataChannel, DataChannelError, MAX_BUFFERED_AMOUNT, MAX_QUEUED_SENDS,
};
pub use error::{ConnectError, JoinError, OptionsError, ReplaceTrackError, RequestError, SendError, StateError};
pub use frame::{PeerInfo, Welcome};
pub use name::ChannelPattern;
pub use peer::{DataKind, MeteredEvent, MeteredEvents, MeteredPeer, PeerOptions, PeerState, RemotePeer};
pub use signalling::{
    Credentials, Reconnection, SignallingClient, SignallingEvent, SignallingEvents, SignallingOptions, TokenProvider,
};

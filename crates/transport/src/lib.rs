//! One WebRTC connection done right, for every dialect.
//!
//! A *dialect* is what two programs have to agree on before and around a connection: how they find each other, how signals
//! get from one to the other, what travels on which channel. rtc.io, PeerJS and Metered are dialects. This crate is what is
//! the same in all of them: the connections between this side and one remote, from the first offer to the last packet.
//!
//! # The contract
//!
//! **A dialect gives** descriptions and candidates of the remote, streams to send, channels to have, and what it knows of
//! the remote and of signaling ([`ConnectionCommand`], [`Endpoint::streams`](Endpoint), [`channel::Channels`]). **It gets**
//! descriptions and candidates to pass on, tracks, channels, states, errors and statistics ([`ConnectionEvent`]).
//!
//! **A dialect chooses**, once for each remote ([`ConnectionOptions`]): who makes the first offer ([`Role`]), who yields when
//! two offers cross ([`Glare`]), whether there is more than one offer and whether a lost connection is replaced, what a
//! channel means that the remote opens in-band ([`InBandChannels`]), whether m-lines carry media both ways ([`MediaLines`]), and
//! whether the connection has a control channel.
//!
//! Nothing here knows a server, a room, an event name or the format of a message.
//!
//! - **Order.** Commands are obeyed one at a time, in order. Events come in the order in which things happened. A dialect
//!   passes the signals of one remote on in order, in both directions; they may be late, come twice, or be lost while
//!   [`ConnectionCommand::SignalingUp`] says so.
//! - **Bounds.** Both queues are bounded. The connection waits for its dialect to read events, and so the remote waits (SCTP
//!   flow control); a dialect therefore never waits for room in the queue of commands without reading events meanwhile.
//!   Everything that comes from the remote is bounded in size and rate; what is over is dropped and reported
//!   ([`ConnectionEvent::Misbehaving`]).
//! - **End.** [`connect`] gives a future, and whoever runs it owns the connections: they end with it. On cancellation the
//!   remote is told, relays are given back, what is over is reported, and the events end.
//! - **Time and sockets** are those of tokio and of the system, unless [`Endpoint::runtime`](Endpoint) says otherwise.
//!
//! # One remote, many connections
//!
//! A [`RemotePeer`] stays while connections to it come and go. A connection that is disconnected gets a restart of ICE; one
//! that does not come back is replaced, by one side first and by the other if that does not. The new connection is recognized
//! by its certificate, so a description of an older one does no harm. [`RemotePeerEvent::ConnectionReset`] tells of it;
//! streams come again with the same ids.
//!
//! # Example
//!
//! All that a dialect has to do for one remote:
//!
//! ```no_run
//! use confab_transport::{ConnectionCommand, ConnectionEvent, ConnectionOptions, Endpoint, RemoteControl, Role, connect};
//! use confab_wire::signaling::Signal;
//! use std::sync::Arc;
//! use tokio_util::sync::CancellationToken;
//!
//! # async fn example(endpoint: Arc<Endpoint>, mut server: Server) {
//! let remote = RemoteControl::new("ann".to_owned());
//! let options = ConnectionOptions { role: Role::Offerer, ..ConnectionOptions::default() };
//! let (mut peer, connections) = connect(endpoint, remote, options, CancellationToken::new());
//! tokio::spawn(connections);
//! loop {
//!     tokio::select! {
//!         event = peer.events.recv() => match event {
//!             Some(ConnectionEvent::Description(description)) => server.send(Signal::Description(description)).await,
//!             Some(ConnectionEvent::Candidate(candidate)) => server.send(Signal::Candidate(candidate)).await,
//!             Some(event) => println!("{event:?}"),
//!             None => return,
//!         },
//!         signal = server.receive() => {
//!             let command = match signal {
//!                 Signal::Description(description) => ConnectionCommand::Description(description),
//!                 Signal::Candidate(candidate) => ConnectionCommand::Candidate(candidate),
//!                 _ => continue,
//!             };
//!             // Without waiting: the connection may be waiting for this loop.
//!             peer.commands.try_send(command).ok();
//!         }
//!     }
//! }
//! # }
//! # struct Server;
//! # impl Server {
//! #     async fn send(&mut self, _: Signal) {}
//! #     async fn receive(&mut self) -> Signal { std::future::pending().await }
//! # }
//! ```
//!
//! `tests/it/dialect.rs` is a whole one, of two sides joined by queues.
//!
//! # The parts
//!
//! | module | what it does |
//! |---|---|
//! | [`ice`] | ICE servers; relays over UDP, TCP and TLS behind local sockets (TURN shim) |
//! | `negotiation` | offers and answers: perfect negotiation, outages, repetitions (no I/O; tried on a model) |
//! | [`send`] | local streams and tracks, m-lines, forwarders |
//! | [`receive`] | remote streams and tracks, reassembly |
//! | [`channel`] | data channels: flow control, handlers |
//! | [`health`] | when a connection is lost, and how often one may begin |
//! | [`stats`] | W3C webrtc-stats |
//! | [`addresses`] | the addresses of this machine, and connections that a change strands |
//! | `workarounds` | defects of the WebRTC library |

pub mod addresses;
mod attempt;
mod bounds;
pub mod channel;
pub mod codec_preferences;
mod codecs;
mod command;
mod connection;
mod context;
mod control;
mod endpoint;
mod event;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
pub mod health;
pub mod ice;
mod library;
mod negotiation;
mod options;
mod peer;
pub mod receive;
mod reconnect;
mod remote_peer;
mod sdp;
pub mod send;
pub mod stats;
mod task;
mod workarounds;

pub use command::ConnectionCommand;
pub use endpoint::Endpoint;
pub use event::{ConnectionEvent, ConnectionState, SentTrack};
pub use options::{ConnectionOptions, Glare, InBandChannels, MediaLines, PrepareChannels, Role};
pub use peer::{PeerTransport, connect};
pub use reconnect::SECOND_SIDE_DELAY;
pub use remote_peer::{
    RemoteControl, RemotePeer, RemotePeerEvent, RemotePeerEvents, RemotePeerState, TRACK_DESCRIPTIONS, TrackDescription,
};

//! The signaling server of Confab: rooms, the relay of offers, answers and candidates between their members, and the
//! small web page behind a room link. It speaks the wire of rtc.io (Socket.IO protocol 5), so stock browser clients and
//! Confab meet in one room.
//!
//! ```no_run
//! # async fn example() -> Result<(), confab_server::BindError> {
//! let server = confab_server::Server::bind(confab_server::ServerConfig::default()).await?;
//! println!("others reach it at {}", server.urls()[0]);
//! server.shutdown().await;
//! # Ok(())
//! # }
//! ```
//!
//! # How it is made
//!
//! `rooms` knows who is where and what a change of that makes known, without any I/O; `socket` is the rtc.io dialect over
//! it, from the text of a message to the effects that are sent; `http` is the page behind a room link, the addresses that
//! a link may name, the gate before the engine and the tokens; `net` is what holds below all of them: connections, and what
//! one address may use. `server` listens, and puts them together. Another dialect is a folder beside `socket`, as `peerjs` is,
//! the PeerServer, and `metered`, the endpoint of Metered Realtime; `websocket` is what those share who are no Socket.IO.
//!
//! # Who may do what
//!
//! A room's name is the only key to it: whoever knows the name may join, unless the server asks for tokens
//! ([`TokenConfig`]). The server keeps no account, sets no cookie and
//! grants nothing to an address, so pages of **any origin** may connect (CORS `*` on the engine's path, without credentials,
//! and no `Origin` check on WebSockets): a foreign page can do what its visitor could do with `curl`, and no more.
//!
//! The server believes a client nothing about itself: it stamps the sender on what it relays, relays only between
//! members of one room, and bounds the size, the rate and the number of everything, for a socket, an address, a room, a
//! receiver and in all (see [`Limits`]). A client that does not take what a member must know is cut; it comes back with its
//! resume token.

mod check;
mod config;
mod error;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod http;
mod ice;
mod limits;
mod metered;
mod net;
mod peerjs;
mod rooms;
mod secret;
mod server;
mod socket;
mod sync;
mod websocket;

pub use check::ConfigError;
pub use config::{
    DEFAULT_PORT, MeteredConfig, MeteredKey, OpenRooms, PUBLIC_STUN, PeerServerConfig, ServerConfig, TokenConfig,
    TurnConfig,
};
pub use error::BindError;
pub use http::token::{Claims, TokenError, mint};
pub use limits::Limits;
pub use metered::{MeteredClaims, mint_metered};
pub use net::raise_descriptor_limit;
pub use secret::{SECRET_BYTES, SecretError, kept_secret};
pub use server::Server;

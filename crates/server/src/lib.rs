//! The signaling server of Confab: rooms, the relay of offers, answers and candidates between their members, and the
//! small web page behind a room link. It speaks the wire of rtc.io (Socket.IO protocol 5), so stock browser clients and
//! Confab meet in one room.
//!
//! ```no_run
//! # async fn example() -> Result<(), confab_wire::UserError> {
//! let server = confab_server::Server::bind(confab_server::ServerConfig::default()).await?;
//! println!("others reach it at {}", server.urls()[0]);
//! server.shutdown().await;
//! # Ok(())
//! # }
//! ```
//!
//! # Who may do what
//!
//! A room's name is the only key to it: whoever knows the name may join, unless the server asks for tokens
//! ([`TokenConfig`]). The server keeps no account, sets no cookie and
//! grants nothing to an address, so pages of **any origin** may connect (CORS `*`, without credentials, and no `Origin`
//! check on WebSockets): a foreign page can do what its visitor could do with `curl`, and no more.
//!
//! The server believes a client nothing about itself: it stamps the sender on what it relays, relays only between
//! members of one room, and bounds the size, the rate and the number of everything (see [`Limits`]).

mod address;
mod config;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod hub;
mod ice;
mod jwt;
mod page;
mod request;
mod server;
mod session;
mod token;

pub use config::{DEFAULT_PORT, Limits, OpenRooms, PUBLIC_STUN, ServerConfig, TokenConfig, TurnConfig};
pub use jwt::{Claims, TokenError, mint};
pub use server::Server;

/// A poisoned lock means that a handler panicked. What the locks of this crate guard is consistent between any two
/// statements, so the others go on.
fn lock<T: ?Sized>(mutex: &std::sync::Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

//! Rooms: their names, the links that people share, and the addresses of their servers.
//!
//! The window, the command line, the page behind a link and what the system opens all read links here ([`RoomLink`]).

mod error;
mod id;
mod link;
mod pasted;
mod path;
mod server;
mod token;

pub use error::LinkError;
pub use id::{RoomId, canonical_room};
pub use link::{APP_SCHEME, RoomLink};
pub use server::{ServerAddressError, is_private, parse_server, typed_server};
pub use token::Token;

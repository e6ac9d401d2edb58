//! [`Peer`]: an id on a PeerServer, and the connections under it.

mod builder;
mod connections;
mod debug;
mod events;
mod handle;
mod receive;
mod session;
mod shared;

pub use builder::PeerBuilder;
pub use connections::Connection;
pub use debug::DebugLevel;
pub use events::{PeerEvent, PeerEvents};
pub use handle::Peer;

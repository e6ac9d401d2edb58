//! [`MeteredPeer`]: one channel and a connection to everybody in it.

mod command;
mod event;
mod handle;
mod link;
mod local_media;
mod options;
mod remote;
mod roster;
mod shared;
mod state;
mod task;

pub use event::{DataKind, MeteredEvent, MeteredEvents};
pub use handle::MeteredPeer;
pub use options::PeerOptions;
pub use remote::RemotePeer;
pub use state::PeerState;

//! Named data channels: one per peer and name, or one to all peers at once (protocol section 3).
//!
//! Both sides make a channel by its name; nothing is announced on the wire. Its SCTP stream id is computed from the name,
//! so what one side sends before the other has made the channel is lost, as with rtc.io.

mod broadcast;
mod error;
mod events;
mod handle;
mod handler;
mod options;
mod peer;

pub use broadcast::BroadcastChannel;
pub(crate) use broadcast::Broadcasts;
pub use error::ChannelError;
pub use events::{ChannelEvent, ChannelEvents, ChannelListener, ChannelMessage};
pub use handle::Channel;
pub use options::ChannelOptions;
pub(crate) use peer::PeerChannels;

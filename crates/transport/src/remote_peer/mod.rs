//! [`RemotePeer`]: one remote, whatever happens to the connection to it.
//!
//! Metered's `RemotePeer` is the shape here; rtc.io knows a peer only while its connection stands.

mod descriptions;
mod events;
mod peer;
mod state;
mod streams;

pub use descriptions::{TRACK_DESCRIPTIONS, TrackDescription};
pub use events::{RemotePeerEvent, RemotePeerEvents};
pub use peer::{RemoteControl, RemotePeer};
pub use state::RemotePeerState;

//! Encoded pictures on their way from the call to the window.

mod drawn_tracks;
mod frame_queue;
mod newest;
mod socket;
mod source;
mod tokens;

pub use socket::{MediaSocket, MediaSocketAddress};
pub use source::{CurrentSource, FrameSource};

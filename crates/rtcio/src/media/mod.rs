//! Media on its way: packetizing, reassembly, local and remote tracks. Nothing here knows a connection.

pub(crate) mod audio_level;
mod bits;
pub(crate) mod demand;
pub(crate) mod encoding;
pub(crate) mod h264;
pub(crate) mod ladder;
pub(crate) mod local;
mod loss;
pub(crate) mod packets;
pub(crate) mod reassembly;
pub(crate) mod receive;
pub(crate) mod remote;
pub(crate) mod round_trip;
pub(crate) mod sender_clock;
pub(crate) mod stream;
pub(crate) mod switch;
pub(crate) mod vp8;
pub(crate) mod vp9;

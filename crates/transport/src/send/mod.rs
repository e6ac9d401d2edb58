//! What is sent over a connection: local streams and tracks, and the m-lines that carry them.

pub(crate) mod assignment;
#[cfg(test)]
mod codec_tests;
mod forwarder;
pub mod local_stream;
pub mod local_track;
pub(crate) mod outbound;
pub(crate) mod sender_feedback;
mod slot;

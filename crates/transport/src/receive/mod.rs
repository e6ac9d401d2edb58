//! What is received over a connection: remote streams and tracks, and the tasks that read them.

pub(crate) mod inbound;
mod pump;
pub mod remote_track;

//! Bounds of what a remote may send, and of what is sent.

/// Largest message in bytes, after its chunks are joined: 64 MiB. PeerJS has no bound.
pub const MESSAGE_BYTES: usize = 64 << 20;
/// Arrays and objects inside each other.
pub const DEPTH: usize = 128;
/// Values of one message, those inside others too: each takes some ten times the memory here that it takes on the wire.
pub const ITEMS: usize = 1 << 20;

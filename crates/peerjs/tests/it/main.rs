//! Peers of this crate with each other, over a PeerServer that does what the stock one does.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)] // A test says what it expected by panicking.

mod calls;
mod common;
mod data;
mod server;
mod signaling;
mod vanishing;

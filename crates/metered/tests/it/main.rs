//! The dialect from outside, against a server of the tests' own.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)] // A test says what it expected by panicking.

mod channels;
mod media;
mod member;
mod reconnect;
mod room;
mod server;
mod signalling;

/// How long anything may take.
pub const PATIENCE: std::time::Duration = std::time::Duration::from_secs(60);

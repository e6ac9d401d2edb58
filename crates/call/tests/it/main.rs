//! A call from outside, over a real server. One program: each would be linked on its own.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)] // A test says what it expected by panicking.

mod call;
mod cameras;
mod chat;
mod common;
mod devices;
mod rehearsal;
mod share_sound;
mod test_sound;

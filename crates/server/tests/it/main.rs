//! The server as its clients see it: rust_socketio for what a well-behaved client does, a bare WebSocket for what none
//! should do, and plain HTTP for the pages.

// A failed helper is a failed test. Clippy knows tests only by their attribute.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod credentials;
mod direct;
mod floods;
mod hoarding;
mod hostile;
mod lifecycle;
mod metered;
mod metered_floods;
mod peek;
mod peerjs;
mod polling;
mod process;
mod program;
mod relay;
mod resume;
mod rooms;
mod slow_readers;
mod support;
mod token;
mod web;

//! The contract of the crate, by the smallest dialect there is: two sides whose signals go through plain queues.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)] // A test says what it expected by panicking.

#[cfg(target_os = "linux")]
mod addresses;
mod both_ways;
mod channels;
mod dialect;
mod media;
mod negotiation;
mod replacement;

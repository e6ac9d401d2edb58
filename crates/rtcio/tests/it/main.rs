//! The engine from outside, over a real server on loopback. One program: each would be linked on its own.
//! `debug` takes the log of its process and has one to itself.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)] // A test says what it expected by panicking.

mod attacks;
mod channel_loss;
mod channels;
mod churn;
mod codecs;
mod common;
mod ctrl;
mod degradation;
mod emit;
mod encoding;
mod foreign;
mod glare;
mod hostile;
mod hostile_server;
mod leaving;
mod listeners;
mod media;
mod newcomer;
mod remote_peer;
mod server;
mod sharing;
mod signaling;
mod simulcast;
mod sound_loss;
mod statistics;
mod streams;
mod turn;
mod way;

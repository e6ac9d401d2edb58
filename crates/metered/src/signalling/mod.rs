//! The connection to a Metered server: channels, messages and presence, without WebRTC.

mod backoff;
mod client;
mod command;
mod event;
mod options;
mod requests;
mod socket;
mod task;
mod token;

pub use client::SignallingClient;
pub use event::{SignallingEvent, SignallingEvents};
pub use options::{Credentials, Reconnection, SignallingOptions};
pub use token::TokenProvider;

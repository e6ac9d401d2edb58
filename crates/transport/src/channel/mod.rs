//! Data channels of one remote peer, negotiated by both sides or opened in-band (RFC 8831, RFC 8832).
//!
//! A [`DataChannel`] is a handle for sending; what comes goes to the [`ChannelHandler`] with which the dialect made it. The
//! channels of a remote peer are in its [`Channels`].

mod channels;
mod data;
mod error;
mod handler;
mod link;
mod options;
mod reader;
mod sending;

pub use channels::{Channels, DataChannel, InBandChannel};
pub use data::ChannelData;
pub use error::DataChannelError;
pub use handler::{ChannelHandler, ChannelPending, DataChannelEvent, QueueHandler};
pub use options::{ChannelSpec, DataChannelOptions, MESSAGE_BYTES};
pub use sending::ReadyState;

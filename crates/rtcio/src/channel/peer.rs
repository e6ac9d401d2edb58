//! The named channels of one peer.

use super::error::ChannelError;
use super::handle::Channel;
use super::handler::NamedChannel;
use super::options::{ChannelOptions, spec};
use confab_transport::channel::Channels;
use std::sync::Arc;

/// The named channels of one peer. They are asked for by the application, and made by the peer's connections.
#[derive(Debug, Clone)]
pub(crate) struct PeerChannels {
    pub(super) peer: Arc<str>,
    pub(super) channels: Arc<Channels>,
}

impl PeerChannels {
    pub(crate) fn new(peer: &str, channels: Arc<Channels>) -> Self {
        Self { peer: peer.into(), channels }
    }

    /// The channel of that name, asked for if there is none.
    pub(crate) fn get_or_create(&self, name: &str, options: &ChannelOptions) -> Result<Channel, ChannelError> {
        named(&self.peer, &self.channels, name, options)
    }

    /// Refuses a name whose stream another channel of the peer has.
    pub(crate) fn check(&self, name: &str) -> Result<(), ChannelError> {
        let spec = spec(name, &ChannelOptions::default());
        self.channels.check(&spec).map_err(|error| ChannelError::of(name, &self.peer, error))
    }
}

/// The channel of that name to `peer`, asked for if there is none.
pub(super) fn named(
    peer: &Arc<str>,
    channels: &Channels,
    name: &str,
    options: &ChannelOptions,
) -> Result<Channel, ChannelError> {
    let refused = |error| ChannelError::of(name, peer, error);
    let channel = channels.get_or_create(spec(name, options), || NamedChannel::new(peer)).map_err(refused)?;
    // Each channel beside `ctrl` is made here.
    let state = channel.handler().ok_or(ChannelError::Closed)?;
    Ok(Channel { channel, state })
}

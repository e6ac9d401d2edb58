//! Named data channels: `createChannel` of rtc.io.

use super::handle::Socket;
use super::peer::Peer;
use crate::channel::{BroadcastChannel, Channel, ChannelError, ChannelOptions};

impl Socket {
    /// A named data channel to every peer, present and future (`socket.createChannel` of rtc.io). The same name gives the
    /// same channel, with the options of the first call. Fails if the options contradict themselves, if another name has
    /// the same SCTP stream, here or to a peer, and if the socket is closed.
    pub fn create_channel(&self, name: &str, options: ChannelOptions) -> Result<BroadcastChannel, ChannelError> {
        if self.shared.cancel.is_cancelled() {
            return Err(ChannelError::SocketClosed);
        }
        let peers = self.shared.peers();
        for (_, peer) in &peers {
            peer.channels.check(name)?;
        }
        let channel = self.shared.channels.get_or_create(name, options)?;
        for (id, peer) in &peers {
            if let Err(error) = peer.channels.join(&self.shared.channels) {
                tracing::debug!(id, %error, "a peer that leaves takes no part in a channel");
            }
        }
        self.shared.channels.changed();
        Ok(BroadcastChannel { shared: channel })
    }
}

impl Peer {
    /// A named data channel to this peer (`socket.peer(id).createChannel` of rtc.io). The same name gives the same channel,
    /// with the options of the first call. Fails if the peer is not known (rtc.io gives a channel that never opens), if the
    /// options contradict themselves, and if another channel to this peer has the same SCTP stream.
    pub fn create_channel(&self, name: &str, options: ChannelOptions) -> Result<Channel, ChannelError> {
        match self.shared.peer(&self.id) {
            Some(peer) => peer.channels.get_or_create(name, &options),
            None => Err(ChannelError::UnknownPeer(self.id.clone())),
        }
    }
}

//! One peer, as an application talks to it.

use super::envelope::{envelope, send};
use crate::EmitError;
use crate::args::Args;
use crate::listeners::{Listener, Message};
use crate::peer::Command;
use crate::shared::Shared;
use confab_transport::ConnectionCommand;
use std::sync::Arc;

/// One peer (`socket.peer(id)` of rtc.io). Cheap to make and to clone; it does not matter whether the peer is known.
#[derive(Debug, Clone)]
pub struct Peer {
    pub(super) shared: Arc<Shared>,
    pub(super) id: String,
}

impl Peer {
    /// Id of the peer.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Sends an event on `ctrl` to this peer only (`peer(id).emit` of rtc.io). Nothing happens if the peer is not known.
    ///
    /// Streams always go to all: a stream inside the arguments is only its placeholder here, as in rtc.io. Fails like
    /// [`crate::Socket::emit`]; names that begin with `#rtcio:` are reserved, too.
    pub async fn emit(&self, event: &str, args: impl Into<Args>) -> Result<(), EmitError> {
        let envelope = envelope(event, args.into().into_values())?;
        match self.shared.peer(&self.id) {
            Some(peer) => send(&self.id, &peer.commands, envelope).await,
            None => Ok(()),
        }
    }

    /// Looks for a path anew (`getPeer(id).connection.restartIce()` of rtc.io; W3C webrtc-pc section 4.4.2), for a program
    /// that knows that its network changed: the next offer, which goes at once, restarts ICE. Until the new path stands
    /// the old one is used. The engine itself does so when a path is dead. Nothing happens if the peer is not known.
    pub async fn restart_ice(&self) {
        if let Some(peer) = self.shared.peer(&self.id) {
            // A peer that has just ended needs no path.
            peer.commands.send(Command::Connection(ConnectionCommand::RestartIce)).await.ok();
        }
    }

    /// Listens to an event of this peer (`peer(id).on` of rtc.io), also before the peer is there. Listeners of
    /// [`crate::Socket::on`] get the event, too, and first. Ends when the peer is gone; one that comes back under the same
    /// id needs a new listener.
    pub fn on(&self, event: &str) -> Listener {
        self.shared.feed.peers.on(Some(&self.id), event)
    }

    /// The next event of this name, from the call on; `None` if the peer goes before.
    pub fn once(&self, event: &str) -> impl Future<Output = Option<Message>> + Send + use<> {
        self.shared.feed.peers.once(Some(&self.id), event)
    }
}

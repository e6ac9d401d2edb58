//! What the task of one remote has at hand, whichever connection it serves.

use crate::channel::Channels;
use crate::endpoint::Endpoint;
use crate::event::ConnectionEvent;
use crate::options::ConnectionOptions;
use crate::remote_peer::RemoteControl;
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// See the module.
pub(crate) struct Context {
    pub(crate) endpoint: Arc<Endpoint>,
    pub(crate) remote: RemoteControl,
    pub(crate) options: ConnectionOptions,
    pub(crate) channels: Arc<Channels>,
    pub(crate) cancel: CancellationToken,
    pub(crate) events: mpsc::Sender<ConnectionEvent>,
}

impl Context {
    /// Reports to the dialect. Waits while that does not read.
    pub(crate) async fn emit(&self, event: ConnectionEvent) {
        // Without a reader nobody wants events.
        self.events.send(event).await.ok();
    }

    /// True if this side has the larger id.
    pub(crate) fn is_second(&self) -> bool {
        self.endpoint.is_second(self.remote.id())
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        // However the task ended.
        self.channels.end();
    }
}

//! What a client reports.

use crate::frame::{PeerInfo, Welcome};
use serde_json::{Map, Value};
use tokio::sync::mpsc;

/// An event of a [`super::SignallingClient`].
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum SignallingEvent {
    /// The connection stands.
    Connected {
        /// What the server said.
        welcome: Welcome,
        /// It stood before: the channels are subscribed to again, and the presence that comes next for each is its roster.
        again: bool,
    },
    /// The connection was lost; the client comes back by itself.
    Reconnecting {
        /// The close code.
        code: u16,
        /// What the server said about it.
        reason: String,
    },
    /// The client is closed for good, or did not come back.
    Closed {
        /// The close code.
        code: u16,
        /// What was said about it.
        reason: String,
    },
    /// Who came to a channel, and who left it; after a subscription everybody who is there.
    Presence {
        /// The channel.
        channel: String,
        /// Who is there now.
        joined: Vec<PeerInfo>,
        /// Ids of those who are not there any more.
        left: Vec<String>,
    },
    /// A message to everybody in a channel.
    Message {
        /// The channel.
        channel: String,
        /// Who sent it.
        from: String,
        /// The sender's `peerMetadata`, where the subscription asked for it.
        metadata: Option<Map<String, Value>>,
        /// The message.
        data: Value,
    },
    /// A message to this client.
    Direct {
        /// Who sent it.
        from: String,
        /// The sender's `peerMetadata`.
        metadata: Option<Map<String, Value>>,
        /// The message.
        data: Value,
    },
    /// The server says that it is about to close.
    GoingAway,
    /// Something that belongs to no request: a code of the server, the name of a terminal close code (`invalid_token`,
    /// `channel_not_authorized`, `account_suspended`, `admin_disconnect`), `TokenProviderError` for the third token in a row
    /// that was not to be had, or `ReconnectExhaustedError`.
    Error {
        /// The code or name.
        code: String,
        /// What is said about it.
        message: String,
    },
}

/// The events of a client, in order. While 1024 wait, nothing more is read from the server.
#[derive(Debug)]
pub struct SignallingEvents {
    pub(super) receiver: mpsc::Receiver<SignallingEvent>,
}

impl SignallingEvents {
    /// The next event; `None` once the client is closed and all of its handles are gone.
    pub async fn recv(&mut self) -> Option<SignallingEvent> {
        self.receiver.recv().await
    }
}

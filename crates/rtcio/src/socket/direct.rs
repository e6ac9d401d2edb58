//! Messages to one member through the server, for when no connection stands.

use super::handle::Socket;
use crate::{AckError, signaling};
use confab_transport::{RemotePeer, RemotePeerState};
use confab_wire::{
    limits::{ACK_TIMEOUT, DIRECT_MESSAGE_BYTES},
    signaling::{DIRECT_MESSAGE, DirectCode, DirectMessage, DirectReply},
};
use serde_json::Value;
use tokio::sync::oneshot;

/// Why [`Socket::send_to`] did not deliver (`MeteredPeerSendError` and `MeteredPeerOversizedError` of Metered).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RemoteSendError {
    /// This side is in no room, or has no connection to the server.
    #[error("the message was not sent: this side is in no room")]
    NotJoined,
    /// The message is larger than [`DIRECT_MESSAGE_BYTES`].
    #[error("the message has {size} bytes, and may have {cap}")]
    TooLarge {
        /// Bytes of the message as JSON.
        size: usize,
        /// Bytes it may have.
        cap: usize,
    },
    /// The remote is this side itself.
    #[error("a message to oneself is not sent")]
    SelfSend,
    /// The remote is closed: its id may belong to somebody else by now.
    #[error("the remote peer is closed")]
    Closed,
    /// The server does not know the member in a room of ours.
    #[error("the remote peer can't be reached through the server")]
    Unreachable,
    /// More than [`confab_wire::limits::DIRECT_PER_SECOND`].
    #[error("too many messages: wait before the next one")]
    TooMany,
    /// The server did not answer in time; the message may have arrived.
    #[error("the server did not answer in time")]
    Timeout,
}

impl Socket {
    /// Sends `data` to a member through the signaling server (`sendTo` and `remote.send` of Metered): it arrives there as
    /// [`crate::Event::Direct`]. Returns when the server has passed it on. At most [`DIRECT_MESSAGE_BYTES`] as JSON, and
    /// only with a server that knows `direct-message` (ours does).
    pub async fn send_to(&self, remote: &RemotePeer, data: Value) -> Result<(), RemoteSendError> {
        if remote.state() == RemotePeerState::Closed {
            return Err(RemoteSendError::Closed);
        }
        let size = data.to_string().len();
        if size > DIRECT_MESSAGE_BYTES {
            return Err(RemoteSendError::TooLarge { size, cap: DIRECT_MESSAGE_BYTES });
        }
        match self.shared.id() {
            Some(own) if own == remote.id() => return Err(RemoteSendError::SelfSend),
            Some(_) => {}
            None => return Err(RemoteSendError::NotJoined),
        }
        let message = DirectMessage { target: remote.id().to_owned(), data };
        let message = serde_json::to_value(message).map_err(|_| RemoteSendError::Unreachable)?;
        let (reply, answer) = oneshot::channel();
        let (event, args, timeout) = (DIRECT_MESSAGE.to_owned(), vec![message], ACK_TIMEOUT);
        let command = signaling::Command::Request { event, args, timeout, reply };
        if !self.shared.signaling.send(command).await {
            return Err(RemoteSendError::Closed);
        }
        let answer = match answer.await {
            Ok(Ok(answer)) => answer.into_iter().next().unwrap_or_default(),
            Ok(Err(AckError::Timeout)) => return Err(RemoteSendError::Timeout),
            Ok(Err(_)) => return Err(RemoteSendError::NotJoined),
            Err(_) => return Err(RemoteSendError::Closed),
        };
        match serde_json::from_value::<DirectReply>(answer) {
            Ok(DirectReply { error: None }) => Ok(()),
            Ok(DirectReply { error: Some(refusal) }) => Err(match refusal.code {
                DirectCode::NotJoined => RemoteSendError::NotJoined,
                DirectCode::SelfSend => RemoteSendError::SelfSend,
                DirectCode::TooLarge => RemoteSendError::TooLarge { size, cap: DIRECT_MESSAGE_BYTES },
                DirectCode::TooMany => RemoteSendError::TooMany,
                _ => RemoteSendError::Unreachable,
            }),
            // A server that answers something else does not know the event.
            Err(_) => Err(RemoteSendError::Unreachable),
        }
    }
}

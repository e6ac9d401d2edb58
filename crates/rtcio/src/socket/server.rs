//! The signaling server, as an application talks to it.

use crate::args::Args;
use crate::listeners::{Listener, ServerMessage};
use crate::shared::Shared;
use crate::{AckError, EmitError, signaling};
use confab_wire::limits;
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;

/// Names that belong to the Socket.IO client itself: it fires them, and refuses to send them.
const CLIENT_EVENTS: [&str; 6] =
    ["connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"];

/// The signaling server (`socket.server` of rtc.io): plain Socket.IO, past all peers.
///
/// Unlike in rtc.io, where one table of listeners serves both, an event of the server never reaches [`crate::Socket::on`]
/// nor one of a peer [`Server::on`]: a peer cannot pretend to be the server.
#[derive(Debug, Clone)]
pub struct Server {
    pub(super) shared: Arc<Shared>,
}

impl Server {
    /// Sends an event (`server.emit` of rtc.io). Without a connection it waits for the next one, in order, the oldest of
    /// 256 going first.
    ///
    /// Fails with [`EmitError::Reserved`] for a name that only the client itself fires (`connect`, `disconnect`, …), and
    /// with [`EmitError::Closed`].
    pub async fn emit(&self, event: &str, args: impl Into<Args>) -> Result<(), EmitError> {
        if CLIENT_EVENTS.contains(&event) {
            return Err(EmitError::Reserved(event.to_owned()));
        }
        self.shared.emit_to_server(event, args.into().into_values()).await
    }

    /// Sends an event and waits for its acknowledgement, at most [`limits::ACK_TIMEOUT`] (`server.emit` of rtc.io with a
    /// callback as the last argument). Many can wait at once, in any order.
    ///
    /// Unlike [`Server::emit`] it does not wait for a connection.
    pub async fn emit_with_ack(&self, event: &str, args: impl Into<Args>) -> Result<Vec<Value>, AckError> {
        self.emit_with_ack_timeout(event, args, limits::ACK_TIMEOUT).await
    }

    /// The same with a timeout of the caller's, counted from when the event was sent (`timeout(ms).emitWithAck` of the
    /// Socket.IO client).
    pub async fn emit_with_ack_timeout(
        &self,
        event: &str,
        args: impl Into<Args>,
        timeout: Duration,
    ) -> Result<Vec<Value>, AckError> {
        let (reply, answer) = oneshot::channel();
        let args = args.into().into_values();
        let command = signaling::Command::Request { event: event.to_owned(), args, timeout, reply };
        if !self.shared.signaling.send(command).await {
            return Err(AckError::Closed);
        }
        answer.await.unwrap_or(Err(AckError::Closed))
    }

    /// Listens to an event of the server (`server.on` of rtc.io). The client's own are `connect` (no argument),
    /// `disconnect` (the reason) and `connect_error` (`{ message }`).
    pub fn on(&self, event: &str) -> Listener<ServerMessage> {
        self.shared.feed.server.on(None, event)
    }

    /// The next event of this name, from the call on (`once` of the Socket.IO client); `None` if the socket closes.
    pub fn once(&self, event: &str) -> impl Future<Output = Option<ServerMessage>> + Send + use<> {
        self.shared.feed.server.once(None, event)
    }
}

//! Events on their way to peers.

use crate::EmitError;
use crate::peer::Command;
use confab_transport::ConnectionCommand;
use confab_transport::channel::MESSAGE_BYTES;
use confab_wire::ctrl::{Envelope, EnvelopeError, is_reserved};
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::timeout;

/// How long an emit waits for a peer that takes no events.
pub const SEND_TIMEOUT: Duration = Duration::from_secs(5);

/// Refuses names that only the library fires, and those that no peer would take.
pub(super) fn check(event: &str) -> Result<(), EmitError> {
    if is_reserved(event) {
        return Err(EmitError::Reserved(event.to_owned()));
    }
    Envelope { event: event.to_owned(), args: Vec::new() }.check()?;
    Ok(())
}

pub(super) fn envelope(event: &str, args: Vec<Value>) -> Result<Arc<str>, EmitError> {
    check(event)?;
    let envelope = Envelope { event: event.to_owned(), args };
    let text = serde_json::to_string(&envelope).map_err(|_| EnvelopeError::Shape)?;
    if text.len() > MESSAGE_BYTES {
        return Err(EnvelopeError::TooLarge(text.len()).into());
    }
    Ok(text.into())
}

pub(super) async fn send(id: &str, commands: &mpsc::Sender<Command>, envelope: Arc<str>) -> Result<(), EmitError> {
    match timeout(SEND_TIMEOUT, commands.send(Command::Connection(ConnectionCommand::Send(envelope)))).await {
        // A peer that has just ended has nothing to be told.
        Ok(_) => Ok(()),
        Err(_) => Err(EmitError::Busy(id.to_owned())),
    }
}

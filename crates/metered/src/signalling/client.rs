//! The handle of a client.

use super::command::{Command, Request};
use super::event::SignallingEvents;
use super::options::SignallingOptions;
use super::task::{self, Shared};
use crate::error::{ConnectError, OptionsError, RequestError};
use crate::frame::Welcome;
use crate::signal::json_bytes;
use crate::{limits, name};
use serde_json::Value;
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot};

/// Commands that wait for the client's task; then who commands waits.
const COMMANDS: usize = 256;
/// Events that wait for their reader; then nothing more is read from the server.
const EVENTS: usize = 1024;

/// A connection to a Metered server that comes back by itself, with up to [`limits::CHANNELS`] channels. Cloning gives another
/// handle; the connection ends when the last one is dropped.
#[derive(Debug, Clone)]
pub struct SignallingClient {
    commands: mpsc::Sender<Command>,
    shared: Arc<Shared>,
}

impl SignallingClient {
    /// A client, not yet connected, and its events. Call it inside a tokio runtime.
    pub fn new(options: SignallingOptions) -> Result<(Self, SignallingEvents), OptionsError> {
        options.check()?;
        let (commands, receiver) = mpsc::channel(COMMANDS);
        let (events, event_receiver) = mpsc::channel(EVENTS);
        let shared = Arc::new(Shared::default());
        tokio::spawn(task::run(options, receiver, events, Arc::clone(&shared)));
        Ok((Self { commands, shared }, SignallingEvents { receiver: event_receiver }))
    }

    /// Connects. One failed attempt is an error; only what stood once comes back by itself.
    pub async fn connect(&self) -> Result<Welcome, ConnectError> {
        let (reply, answer) = oneshot::channel();
        self.commands.send(Command::Connect(reply)).await.map_err(|_| ConnectError::Aborted)?;
        answer.await.unwrap_or(Err(ConnectError::Aborted))
    }

    /// Closes the connection (1000) and forgets the channels. It may be connected again.
    pub async fn close(&self, reason: &str) {
        self.commands.send(Command::Close(reason.to_owned())).await.ok();
    }

    /// Takes part in a channel; its roster follows as [`super::SignallingEvent::Presence`]. Lasts across reconnects.
    pub async fn subscribe(&self, channel: &str, include_sender_metadata: bool) -> Result<(), RequestError> {
        check_channel(channel)?;
        let known = {
            let mut channels = self.shared.channels();
            if channels.len() >= limits::CHANNELS && !channels.contains_key(channel) {
                return Err(RequestError::TooManyChannels);
            }
            channels.insert(channel.to_owned(), include_sender_metadata)
        };
        let request = Request::Subscribe { channel: channel.to_owned(), include_sender_metadata };
        let answer = self.request(request).await;
        if answer.is_err() && known.is_none() {
            self.shared.channels().remove(channel);
        }
        answer
    }

    /// Leaves a channel.
    pub async fn unsubscribe(&self, channel: &str) -> Result<(), RequestError> {
        check_channel(channel)?;
        self.shared.channels().remove(channel);
        self.request(Request::Unsubscribe { channel: channel.to_owned() }).await
    }

    /// Sends to everybody else in a channel.
    pub async fn publish(&self, channel: &str, data: Value) -> Result<(), RequestError> {
        check_channel(channel)?;
        self.check_size(&data)?;
        self.request(Request::Publish { channel: channel.to_owned(), data }).await
    }

    /// Sends to one peer.
    pub async fn send(&self, to: &str, data: Value) -> Result<(), RequestError> {
        self.request(self.direct(to, data)?).await
    }

    /// Sends to one peer without waiting for the answer: what one task sends so arrives in its order.
    pub(crate) async fn post(&self, to: &str, data: Value) -> Result<(), RequestError> {
        let (reply, _) = oneshot::channel();
        let command = Command::Request(self.direct(to, data)?, reply);
        self.commands.send(command).await.map_err(|_| RequestError::NotConnected)
    }

    fn direct(&self, to: &str, data: Value) -> Result<Request, RequestError> {
        if !name::is_peer_id(to) {
            return Err(RequestError::InvalidArgs);
        }
        self.check_size(&data)?;
        Ok(Request::Send { to: to.to_owned(), data })
    }

    fn check_size(&self, data: &Value) -> Result<(), RequestError> {
        let (size, cap) = (json_bytes(data), self.shared.max_message_size());
        if size > cap { Err(RequestError::Oversized { size, cap }) } else { Ok(()) }
    }

    async fn request(&self, request: Request) -> Result<(), RequestError> {
        let (reply, answer) = oneshot::channel();
        self.commands.send(Command::Request(request, reply)).await.map_err(|_| RequestError::NotConnected)?;
        answer.await.unwrap_or(Err(RequestError::NotConnected))
    }
}

fn check_channel(channel: &str) -> Result<(), RequestError> {
    if !name::is_channel(channel) {
        Err(RequestError::InvalidArgs)
    } else if name::is_reserved(channel) {
        Err(RequestError::ReservedChannel)
    } else {
        Ok(())
    }
}

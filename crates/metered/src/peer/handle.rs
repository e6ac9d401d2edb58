//! The handle of a peer.

use super::command::Command;
use super::event::{EventSender, MeteredEvents};
use super::options::PeerOptions;
use super::remote::RemotePeer;
use super::shared::Shared;
use super::state::PeerState;
use super::task::PeerTask;
use crate::error::{JoinError, OptionsError, ReplaceTrackError, SendError, StateError};
use crate::signal::Payload;
use crate::signalling::SignallingClient;
use confab_transport::send::local_stream::LocalStream;
use confab_transport::send::local_track::LocalTrack;
use serde_json::{Map, Value};
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::{CancellationToken, DropGuard};

/// Commands that wait for the task.
const COMMANDS: usize = 16;

/// A peer in one channel, with a connection to everybody else in it. Cloning gives another handle; the peer leaves when the
/// last one is dropped.
#[derive(Clone)]
pub struct MeteredPeer {
    inner: Arc<Inner>,
}

struct Inner {
    shared: Arc<Shared>,
    commands: mpsc::Sender<Command>,
    _end: DropGuard,
}

impl MeteredPeer {
    /// A peer, not yet in a channel, and its events. Call it inside a tokio runtime.
    pub fn new(options: PeerOptions) -> Result<(Self, MeteredEvents), OptionsError> {
        let id = watch::Sender::new(None);
        let (signalling, endpoint) = options.endpoint(id.subscribe());
        let (client, signals) = SignallingClient::new(signalling)?;
        let shared = Arc::new(Shared::new(client, endpoint, id));
        let (commands, receiver) = mpsc::channel(COMMANDS);
        let (sender, events) = EventSender::new();
        let cancel = CancellationToken::new();
        tokio::spawn(PeerTask::new(Arc::clone(&shared), sender, cancel.clone()).run(receiver, signals));
        let inner = Inner { shared, commands, _end: cancel.drop_guard() };
        Ok((Self { inner: Arc::new(inner) }, events))
    }

    /// Joins a channel, once; a join that failed may be repeated. `include_sender_metadata`: broadcasts come with the
    /// `peerMetadata` of who sent them.
    pub async fn join(&self, channel: &str, include_sender_metadata: bool) -> Result<(), JoinError> {
        let (reply, answer) = oneshot::channel();
        let channel = channel.to_owned();
        let command = Command::Join { channel, include_sender_metadata, reply };
        self.inner.commands.send(command).await.map_err(|_| StateError::InvalidState)?;
        answer.await.unwrap_or(Err(JoinError::State(StateError::InvalidState)))
    }

    /// Leaves for good.
    pub async fn close(&self, reason: &str) {
        let (reply, done) = oneshot::channel();
        if self.inner.commands.send(Command::Close { reason: reason.to_owned(), reply }).await.is_ok() {
            done.await.ok();
        }
    }

    /// Sends data to everybody else in the channel.
    pub async fn send(&self, data: Value) -> Result<(), SendError> {
        let channel = self.joined_channel()?;
        Ok(self.inner.shared.client.publish(&channel, data).await?)
    }

    /// Sends data to one peer. Data that has the form of a signal of the dialect is refused: the receiver would take it as one.
    pub async fn send_to(&self, id: &str, data: Value) -> Result<(), SendError> {
        self.joined_channel()?;
        if self.peer_id().as_deref() == Some(id) {
            return Err(SendError::SelfSend);
        }
        if Payload::of(&data) != Payload::Data {
            return Err(SendError::InvalidArgs);
        }
        Ok(self.inner.shared.client.send(id, data).await?)
    }

    fn joined_channel(&self) -> Result<String, SendError> {
        let known = self.inner.shared.known();
        known.channel.clone().filter(|_| known.state == PeerState::Joined).ok_or(SendError::NotJoined)
    }

    // ---- media ----

    /// Sends every track of `stream` to everybody, now and later, with `metadata` about each.
    pub fn add_stream(&self, stream: &LocalStream, metadata: Option<Map<String, Value>>) -> Result<(), StateError> {
        self.check_open()?;
        stream.tracks().iter().try_for_each(|track| self.inner.shared.media.add_track(track, stream, metadata.clone()))
    }

    /// Sends one track as a track of `stream`, which has it then. A track that is sent already stays as it is.
    pub fn add_track(
        &self,
        track: &LocalTrack,
        stream: &LocalStream,
        metadata: Option<Map<String, Value>>,
    ) -> Result<(), StateError> {
        self.check_open()?;
        self.inner.shared.media.add_track(track, stream, metadata)
    }

    /// Ends the stream for everybody and takes its tracks out of it.
    pub fn remove_stream(&self, stream: &LocalStream) -> Result<(), StateError> {
        stream.tracks().iter().try_for_each(|track| self.remove_track(track))
    }

    /// Ends the track for everybody and takes it out of its stream. One that is not sent changes nothing.
    pub fn remove_track(&self, track: &LocalTrack) -> Result<(), StateError> {
        self.check_open()?;
        self.inner.shared.media.remove_track(track);
        Ok(())
    }

    /// Sends `new` in the place of `old`, with the same metadata; with the same codec nothing is negotiated. `None` ends
    /// `old` as [`MeteredPeer::remove_track`] does.
    pub fn replace_track(&self, old: &LocalTrack, new: Option<&LocalTrack>) -> Result<(), ReplaceTrackError> {
        self.check_open()?;
        let Some(new) = new else { return Ok(self.remove_track(old)?) };
        if new.kind() != old.kind() {
            let failed = self.inner.shared.known().remotes.keys().cloned().collect();
            return Err(ReplaceTrackError::Kind { succeeded: Vec::new(), failed });
        }
        self.inner.shared.media.replace_track(old, new)?;
        Ok(())
    }

    /// What this side says of a track that it sends.
    pub fn track_metadata(&self, track: &LocalTrack) -> Option<Map<String, Value>> {
        self.inner.shared.media.metadata(track.id())
    }

    /// What this side says of the first track of a stream.
    pub fn stream_metadata(&self, stream: &LocalStream) -> Option<Map<String, Value>> {
        self.track_metadata(stream.tracks().first()?)
    }

    fn check_open(&self) -> Result<(), StateError> {
        match self.state() {
            PeerState::Leaving | PeerState::Closed => Err(StateError::InvalidState),
            _ => Ok(()),
        }
    }

    // ---- state ----

    /// Where the peer stands.
    pub fn state(&self) -> PeerState {
        self.inner.shared.known().state
    }

    /// The id of this peer, once the server gave it one. With a key it changes with each reconnect.
    pub fn peer_id(&self) -> Option<String> {
        self.inner.shared.id()
    }

    /// The channel that it is in, or joining.
    pub fn channel(&self) -> Option<String> {
        self.inner.shared.known().channel.clone()
    }

    /// Everybody else in the channel, by id.
    pub fn remote_peers(&self) -> Vec<RemotePeer> {
        self.inner.shared.known().remotes.values().cloned().collect()
    }

    /// Somebody else in the channel.
    pub fn remote_peer(&self, id: &str) -> Option<RemotePeer> {
        self.inner.shared.known().remotes.get(id).cloned()
    }

    /// The connection to the server, for further channels. Its own channel and its end belong to the peer.
    pub fn signalling(&self) -> &SignallingClient {
        &self.inner.shared.client
    }
}

impl std::fmt::Debug for MeteredPeer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MeteredPeer").field("id", &self.peer_id()).field("state", &self.state()).finish_non_exhaustive()
    }
}

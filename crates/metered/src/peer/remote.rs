//! A remote peer of a channel.

use crate::data_channel::{DataChannel, DataChannelError};
use crate::error::SendError;
use crate::signal::Payload;
use crate::signalling::SignallingClient;
use confab_transport::channel::{Channels, InBandChannel};
use confab_transport::receive::remote_track::RemoteTrack;
use confab_transport::stats::PeerStats;
use confab_transport::{ConnectionCommand, RemotePeer as Remote, RemotePeerEvents, RemotePeerState};
use serde_json::{Map, Value, json};
use std::sync::Arc;
use tokio::sync::{Mutex, mpsc, oneshot};

/// A remote peer, whatever happens to the connection to it. Cloning gives another handle of the same one; two are equal if
/// they are the same. Who leaves and comes back is a new one.
#[derive(Clone)]
pub struct RemotePeer {
    pub(super) remote: Remote,
    pub(super) client: SignallingClient,
    pub(super) channels: Arc<Channels>,
    pub(super) commands: mpsc::Sender<ConnectionCommand>,
    pub(super) opened: Arc<Mutex<mpsc::Receiver<InBandChannel>>>,
}

impl RemotePeer {
    /// Its id.
    pub fn id(&self) -> &str {
        self.remote.id()
    }

    /// Its token's `peerMetadata`: not to be trusted further than who issued the token.
    pub fn metadata(&self) -> Option<Map<String, Value>> {
        self.remote.metadata()
    }

    /// Where the connection to it stands; [`RemotePeerState::Idle`] until one side has something to send.
    pub fn state(&self) -> RemotePeerState {
        self.remote.state()
    }

    /// True if this side yields when both offer at once: it has the smaller id.
    pub fn polite(&self) -> bool {
        self.remote.polite()
    }

    /// Its events, in order. The first call gets all since the beginning, if it comes within 32 events.
    pub fn events(&self) -> RemotePeerEvents {
        self.remote.events()
    }

    /// What it says of one of its tracks.
    pub fn track_metadata(&self, track: &RemoteTrack) -> Option<Map<String, Value>> {
        self.remote.track_metadata(track)
    }

    /// Sends data to it over the server, at most as much as that takes (64 KiB as JSON where it does not say otherwise).
    pub async fn send(&self, data: Value) -> Result<(), SendError> {
        if Payload::of(&data) != Payload::Data {
            return Err(SendError::InvalidArgs);
        }
        Ok(self.client.send(self.id(), data).await?)
    }

    /// Opens a data channel to it. Where nothing else is sent, this begins the connection.
    pub fn create_data_channel(&self, label: &str) -> Result<DataChannel, DataChannelError> {
        DataChannel::open(&self.channels, label)
    }

    /// The next data channel that it opens; `None` once it has left. 64 wait to be taken; further ones are closed.
    pub async fn next_data_channel(&self) -> Option<DataChannel> {
        self.opened.lock().await.recv().await.map(DataChannel::adopt)
    }

    /// Statistics of the connection; `None` if it is being replaced, or over.
    pub async fn stats(&self) -> Option<PeerStats> {
        let (reply, stats) = oneshot::channel();
        self.commands.send(ConnectionCommand::Stats(reply)).await.ok()?;
        stats.await.ok()
    }

    /// Bounds what all videos to it may have together, in bit/s.
    pub fn limit_video(&self, bits_per_second: u32) {
        self.remote.limit_video(bits_per_second);
    }

    /// `{ id, metadata, state }`, as `toJSON` of the SDK.
    pub fn to_json(&self) -> Value {
        json!({ "id": self.id(), "metadata": self.metadata(), "state": self.state() })
    }
}

impl PartialEq for RemotePeer {
    fn eq(&self, other: &Self) -> bool {
        self.remote == other.remote
    }
}

impl Eq for RemotePeer {}

impl std::fmt::Debug for RemotePeer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.remote.fmt(f)
    }
}

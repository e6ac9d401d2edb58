//! What connections report.

use super::feed::Reader;
use crate::data::Data;
use crate::error::ConnectionError;
use confab_transport::ConnectionState;
use confab_transport::receive::remote_track::{RemoteStream, RemoteTrack};

/// Where ICE is (`iceConnectionState`, W3C webrtc-pc section 5.6.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum IceState {
    /// A path is looked for.
    Checking,
    /// There is one.
    Connected,
    /// Nothing comes over it any more. It may come back; if it does not within some twelve seconds, the connection closes.
    Disconnected,
}

impl From<ConnectionState> for IceState {
    fn from(state: ConnectionState) -> Self {
        match state {
            ConnectionState::Connecting => Self::Checking,
            ConnectionState::Connected => Self::Connected,
            ConnectionState::Reconnecting => Self::Disconnected,
        }
    }
}

/// An event of a [`crate::DataConnection`].
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum DataConnectionEvent {
    /// `open`: values go.
    Open,
    /// `data`: a value came.
    Data(Data),
    /// `iceStateChanged`.
    IceStateChanged(IceState),
    /// `error`.
    Error(ConnectionError),
    /// `close`: the last event. It comes to connections that never opened, too.
    Close,
}

/// The events of one data connection, in order.
///
/// While nobody reads them, nothing more is taken from the remote, which waits: at most 64 events and 64 MiB are here.
#[derive(Debug)]
pub struct DataConnectionEvents {
    pub(super) reader: Reader<DataConnectionEvent>,
}

impl DataConnectionEvents {
    /// The next event; `None` after [`DataConnectionEvent::Close`].
    pub async fn recv(&mut self) -> Option<DataConnectionEvent> {
        self.reader.recv().await
    }
}

/// An event of a [`crate::MediaConnection`].
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum MediaConnectionEvent {
    /// `stream`: a track of the remote's stream is known. As in PeerJS it comes once for each track, with the same stream.
    Stream {
        /// The stream.
        stream: RemoteStream,
        /// Its track.
        track: RemoteTrack,
    },
    /// `iceStateChanged`.
    IceStateChanged(IceState),
    /// `willCloseOnRemote`: from now on each side learns at once that the other hangs up.
    WillCloseOnRemote,
    /// `error`.
    Error(ConnectionError),
    /// `close`: the last event. It comes to calls that nobody answered, too.
    Close,
}

/// The events of one call, in order.
#[derive(Debug)]
pub struct MediaConnectionEvents {
    pub(super) reader: Reader<MediaConnectionEvent>,
}

impl MediaConnectionEvents {
    /// The next event; `None` after [`MediaConnectionEvent::Close`].
    pub async fn recv(&mut self) -> Option<MediaConnectionEvent> {
        self.reader.recv().await
    }
}

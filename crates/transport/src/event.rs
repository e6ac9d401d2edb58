//! What the connections to one remote report to their dialect.

use crate::channel::{ChannelData, InBandChannel};
use crate::receive::remote_track::{RemoteStream, RemoteTrack};
use confab_wire::layers::RenderedSize;
use confab_wire::signaling::{Candidate, Description};
use serde::Serialize;

/// Health of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ConnectionState {
    /// It is being made.
    Connecting,
    /// It stands.
    Connected,
    /// It stood, and is being repaired.
    Reconnecting,
}

/// A track that this side sends on a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentTrack {
    /// Id of the local track ([`crate::send::local_track::LocalTrack::id`]).
    pub track: String,
    /// MediaStream id of its stream.
    pub msid: String,
    /// The track id that the remote knows, in the `a=msid` of its m-line: that of the first local track on the m-line. A
    /// receiver keeps it for as long as the m-line is there, whatever is sent on it.
    pub msid_track: String,
}

/// An event of the connections to one remote, in order. Read them until they end: the connection waits for its reader.
#[derive(Debug)]
#[non_exhaustive]
pub enum ConnectionEvent {
    /// Send this description to the remote, before the candidates that follow it.
    Description(Description),
    /// Send this candidate to the remote; an empty one ends them.
    Candidate(Candidate),
    /// The health changed. `Connecting` is the first event of each connection.
    State(ConnectionState),
    /// The control channel is open.
    ControlOpen,
    /// A message came on the control channel.
    ControlMessage(ChannelData),
    /// What this side sends on this connection changed; nothing at the beginning of each connection. It comes before the
    /// description that tells of it, and where a track took the place of another one without a description.
    SentTracks(Vec<SentTrack>),
    /// A remote track exists by the description; its first packet may come later or never.
    TrackAdded {
        /// The stream it belongs to.
        stream: RemoteStream,
        /// The track.
        track: RemoteTrack,
        /// True for the first track of its stream.
        first: bool,
    },
    /// A remote track ended: its m-line turned inactive, or the connection is over.
    TrackRemoved {
        /// The stream it belonged to.
        stream: RemoteStream,
        /// The track.
        track: RemoteTrack,
    },
    /// A stream of the remote appeared that nobody has described: a dialect that describes streams asks for it now.
    StreamUndescribed {
        /// Its MediaStream id.
        msid: String,
    },
    /// The remote opened a data channel in-band.
    ChannelOpened(InBandChannel),
    /// The application renders a video of the remote at this size; only for a remote whose program knows of it.
    RenderedSizeChanged {
        /// The m-line of the video.
        mid: String,
        /// The size.
        size: RenderedSize,
    },
    /// An ICE server can't be used (W3C `icecandidateerror`). The connection goes on over other servers and paths, if there
    /// are any.
    IceCandidateError {
        /// URL of the server; empty if none is usable though the policy allows only relays.
        url: String,
        /// STUN error code (RFC 8489 section 14.8), or 701 for a server that can't be reached.
        code: u16,
        /// Why, in technical words without credentials.
        text: String,
    },
    /// The remote sent a flood or rubbish, which was dropped. Not limited in rate.
    Misbehaving(String),
    /// Connections with the remote begin too often: the next one waits ([`crate::health::ConnectionRate`]).
    ConnectsTooOften,
    /// Nothing comes from the remote any more: perhaps this side's whole network is gone, and signaling with it.
    PathSilent,
    /// The connection is being closed: nothing can be sent on it any more.
    Closing,
    /// The connection is over. Another one may follow, or the events end.
    Closed,
}

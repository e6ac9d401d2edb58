//! How the connections to one remote are made: what a dialect chooses.

use crate::channel::{ChannelSpec, Channels, DataChannelOptions};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// How a connection begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// This side makes the first offer, at once.
    Offerer,
    /// The remote makes the first offer. This side offers only after that was answered.
    Answerer,
    /// Whichever side has something to send offers.
    Either,
    /// This side makes the first offer on its own, because nothing else brought a connection. The remote may not know that
    /// the old one is dead: until it answers, this side yields to no other offer, where [`Glare::FirstOffererYields`] holds.
    Reconnector,
}

impl Role {
    /// How a connection begins that this side makes anew because the dialect says so.
    pub(crate) fn anew(self) -> Self {
        if self == Self::Either { Self::Either } else { Self::Offerer }
    }
}

/// Which side yields when two offers cross (W3C webrtc-pc section 10.7: the polite peer).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Glare {
    /// The side that made the first offer of the connection. When two first offers cross, the side with the larger id.
    FirstOffererYields,
    /// This side, on every connection.
    ThisYields,
    /// The remote, on every connection.
    RemoteYields,
    /// The side with the smaller id, in the order of UTF-16 code units, as both ids are when a connection begins.
    SmallerIdYields,
}

/// What becomes of a data channel that the remote opens in-band (RFC 8832).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InBandChannels {
    /// It is closed, and the remote reported as misbehaving.
    Refuse,
    /// The dialect gets it ([`crate::ConnectionEvent::ChannelOpened`]).
    Accept,
}

/// What an m-line of media carries (the direction of RFC 8866 section 6.7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MediaLines {
    /// What one side sends: each side offers m-lines for its own tracks.
    OneWay,
    /// What both sides send: an answer carries the answerer's tracks on the m-lines of the offer, one of a kind on each. A
    /// track for which the offer has no m-line waits for an offer of this side.
    BothWays,
}

/// What is done to the channels of a remote when a connection begins.
pub type PrepareChannels = Arc<dyn Fn(&Channels) + Send + Sync>;

/// How the connections to one remote are made.
#[derive(Clone)]
pub struct ConnectionOptions {
    /// How the first one begins.
    pub role: Role,
    /// Who yields.
    pub glare: Glare,
    /// False: this side makes one offer at most on each connection, and no restart of ICE; what is added later is not sent.
    pub renegotiates: bool,
    /// False: a connection that is lost is not replaced, and the remote is over with it.
    pub replaces: bool,
    /// How long the first offer may wait for its answer, as where a person has to accept a call. The connection has its usual
    /// time from then on. `None`: both together have that time.
    pub answer_timeout: Option<Duration>,
    /// What an m-line carries.
    pub media: MediaLines,
    /// True: a remote that begins anew has a new certificate, so that a description with the one of the connection before is
    /// late. False: it may answer a new connection of ours on its old one.
    pub renews_certificates: bool,
    /// A channel that belongs to the connection itself: its messages come in order with the other events, and its end
    /// says that the remote closed the connection.
    pub control: Option<ChannelSpec>,
    /// What becomes of channels that the remote opens.
    pub in_band: InBandChannels,
    /// Flow control of this side on channels that the remote opened; their order and reliability are the remote's matter.
    pub in_band_flow: DataChannelOptions,
    /// True: a stream counts as added only once the dialect has described it ([`crate::RemoteControl::describe_stream`]).
    pub describes_streams: bool,
    /// Signals can reach the remote now.
    pub signaling_up: bool,
    /// Called before each connection is negotiated: channels that are asked for here are there from the beginning, so that
    /// no message of the remote is too early for them.
    pub prepare_channels: Option<PrepareChannels>,
}

impl Default for ConnectionOptions {
    fn default() -> Self {
        Self {
            role: Role::Either,
            glare: Glare::ThisYields,
            renegotiates: true,
            replaces: true,
            answer_timeout: None,
            media: MediaLines::OneWay,
            renews_certificates: true,
            control: None,
            in_band: InBandChannels::Accept,
            in_band_flow: DataChannelOptions::default(),
            describes_streams: false,
            signaling_up: true,
            prepare_channels: None,
        }
    }
}

impl fmt::Debug for ConnectionOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectionOptions")
            .field("role", &self.role)
            .field("glare", &self.glare)
            .field("renegotiates", &self.renegotiates)
            .field("replaces", &self.replaces)
            .field("media", &self.media)
            .field("in_band", &self.in_band)
            .finish_non_exhaustive()
    }
}

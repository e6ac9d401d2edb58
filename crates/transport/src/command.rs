//! What a dialect asks of the connections to one remote.

use crate::stats::{PeerReport, PeerStats};
use confab_wire::layers::RenderedSize;
use confab_wire::signaling::{Candidate, Description};
use std::sync::Arc;
use tokio::sync::oneshot;

/// A command of a dialect. Commands are obeyed in order, one at a time.
#[derive(Debug)]
pub enum ConnectionCommand {
    /// A description of the remote came. It is judged, applied and answered, or ignored.
    Description(Description),
    /// A candidate of the remote came; one before its description waits.
    Candidate(Candidate),
    /// Send this text on the control channel. Before that is open it waits; of too many the oldest go.
    Send(Arc<str>),
    /// Signals do not, or again, reach the remote: what was lost meanwhile is sent again.
    SignalingUp(bool),
    /// [`crate::Endpoint::addresses`] changed.
    AddressesChanged,
    /// Signaling says that the remote left. A connection that stands is believed more.
    RemoteLeft,
    /// The remote begins anew: so does this side, and offers; with [`crate::Role::Either`], once there is something to send.
    BeginAnew,
    /// Look for a path anew (W3C webrtc-pc section 4.4.2).
    RestartIce,
    /// The remote renders what is sent on the m-line `mid` at this size: no more is sent than that needs.
    SetRenderedSize {
        /// The m-line.
        mid: String,
        /// The size.
        size: RenderedSize,
    },
    /// Close the connection for good.
    Close,
    /// Report the summary.
    Report(oneshot::Sender<PeerReport>),
    /// Report everything there is to know.
    Stats(oneshot::Sender<PeerStats>),
}

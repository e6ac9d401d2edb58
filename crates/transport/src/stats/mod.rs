//! Statistics of one peer connection, with the names and units of W3C webrtc-stats: times in seconds unless a name says
//! otherwise, timestamps in milliseconds since 1970. What this engine cannot know is absent, never zero.

mod ice;
pub(crate) mod path;
pub(crate) mod reading;
mod report;
mod rtp;
mod selected_path;
mod session;

pub use ice::{CandidatePairStats, CandidateStats, IceCandidateStats, SelectedCandidates};
pub use reading::PeerReport;
pub use report::{DataChannelStats, PeerConnectionStats, PeerStats, TransportStats};
pub use rtp::{CodecStats, InboundRtpStats, OutboundRtpStats, RemoteInboundRtpStats};
pub use session::SessionStats;

//! Meters: what passes on RTP streams, how much of it is lost, and how long it takes.

mod codec;
mod counters;
mod inbound;
mod loss;
mod outbound;
mod reception;
mod round_trip;
mod sender_clock;
mod streams;

pub use codec::StreamCodec;
pub use counters::{FrameCounter, PacketCounter, RtcpFeedbackCounter};
pub use inbound::InboundMeter;
pub(crate) use inbound::RTX_HEADER_BYTES;
pub use loss::LossEstimate;
pub use outbound::{OutboundMeter, RemoteReport};
pub use reception::ReceiveStatistics;
pub use round_trip::RoundTripTime;
pub use sender_clock::{SenderClock, SenderClockReader, SenderReports};
pub use streams::StreamMeters;

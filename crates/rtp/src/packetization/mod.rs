//! Packetization: from encoded frames to RTP packets and back, per codec.
//!
//! A frame is cut into payloads once ([`Packetizer`]); what differs between receivers is written into them for each
//! ([`OutgoingStream`]). Payloads that are received are parsed by the module of their codec and put together by
//! [`crate::reassembly`].

pub mod audio_level;
mod bit_reader;
pub mod h264;
mod outgoing;
mod packetizer;
mod payload;
pub mod vp8;
pub mod vp9;

pub use outgoing::{OutgoingFormat, OutgoingStream};
pub use packetizer::{MAX_PAYLOAD_BYTES, PACKET_HISTORY, PacketizationError, PacketizedFrame, Packetizer};
pub use payload::ParsedPayload;

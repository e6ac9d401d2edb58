//! RTP media without I/O: encoded frames become packets, packets become encoded frames, and between them it is decided what
//! each receiver gets and how fast.
//!
//! # The contract
//!
//! Nothing here opens a socket, sleeps, spawns or reads a clock. **Time comes in** as `now` arguments that never go back,
//! **packets come in**, and **packets, frames and decisions come out**. What has to happen later is a deadline that is
//! returned, such as [`reassembly::Reassembler::deadline`]. Randomness comes in, too, so that a test may choose it. Whoever
//! owns the connection brings the clock, the sockets and the tasks; the parts that stand in the way of every packet
//! ([`bandwidth::install`], [`feedback::FeedbackInterceptor`]) are interceptors of the crate `rtc`, which has the same
//! contract.
//!
//! # The parts
//!
//! ```text
//! EncodedFrame ─▶ Packetizer ─▶ PacketizedFrame ─▶ LayerSwitch ─▶ OutgoingStream ─▶ pacer ─▶ RTP
//!                  (once)                           (for each receiver)                      │
//!     ▲                                                 ▲                                    ▼
//!  demand ◀── merge ◀── LayerSelector ◀── allocate ◀── Bandwidth ◀── estimator ◀────────── RTCP
//!
//! RTP ─▶ FeedbackInterceptor (meters, retransmissions) ─▶ Reassembler ─▶ EncodedFrame
//! ```
//!
//! | module | what it does | by |
//! |---|---|---|
//! | [`packetization`] | payloads of VP8, VP9, H.264 and Opus, the audio level, continuous numbers | RFC 3550, 6184, 6464, 7741, 9628 |
//! | [`reassembly`] | order, gaps, whole frames | RFC 3550, 4585 |
//! | [`layers`] | which simulcast and temporal layer each receiver gets, what the encoder is asked for | W3C webrtc-stats |
//! | [`encoding`] | bounds and preferences that the application sets for a video | W3C webrtc-pc, mst-content-hint |
//! | [`bandwidth`] | estimate, probes, pacing, which retransmissions are worth it | RFC 4588, 8289, transport-wide-cc, REMB |
//! | [`feedback`] | requests for key frames, losses, round-trip time | RFC 3550, 4585, 4588, 5104 |
//! | [`meters`] | counters of streams, loss, jitter, the clock of a sender | RFC 3550, W3C webrtc-stats |
//!
//! # Example
//!
//! A frame on its way from a sender to a receiver:
//!
//! ```
//! use bytes::Bytes;
//! use confab_rtp::packetization::{OutgoingFormat, OutgoingStream, PacketizedFrame, Packetizer};
//! use confab_rtp::reassembly::Reassembler;
//! use confab_wire::{layers::FrameLayer, media::Codec};
//! use std::time::Instant;
//!
//! let now = Instant::now();
//! // A key frame of VP8 (its first bit is 0), too long for one packet.
//! let data = Bytes::from(vec![0; 3_000]);
//! let payloads = Packetizer::new(Codec::Vp8, 0).packetize(&data)?;
//! let frame = PacketizedFrame { payloads, timestamp: 90_000, key: true, layer: FrameLayer::default(), level: None };
//!
//! let mut stream = OutgoingStream::new(0x1234, [65_535, 1, 2]);
//! let format = OutgoingFormat { payload_type: 96, audio_level: None };
//! let packets = stream.packets(&frame, Codec::Vp8, format, now);
//!
//! let mut reassembler = Reassembler::default();
//! for packet in [&packets[0], &packets[2], &packets[1]] {
//!     let header = &packet.header;
//!     reassembler.push(header.sequence_number, header.timestamp, header.marker, &packet.payload, now);
//! }
//! let received = reassembler.pop(now).expect("all packets came");
//! assert!(received.key && received.data == data);
//! # Ok::<(), confab_rtp::packetization::PacketizationError>(())
//! ```

pub mod bandwidth;
pub mod encoding;
pub mod feedback;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
pub mod layers;
pub mod meters;
pub mod packetization;
pub mod reassembly;

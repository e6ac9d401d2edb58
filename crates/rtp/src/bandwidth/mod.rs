//! Congestion control: an estimate of the bandwidth to one receiver, and a pacer that sends no faster than that.
//!
//! Every RTP packet bears a number; the far end reports when each arrived
//! (draft-holmer-rmcat-transport-wide-cc-extensions-01). `rtc` numbers them and joins the reports with what was sent; what
//! follows from it is decided here:
//!
//! ```text
//! reports ─▶ Estimator ─▶ Bandwidth ─▶ allocate ─▶ layers, the encoder's bitrate
//!                │            │
//!                └─ probes ───┴──▶ Pacer ─▶ the wire
//! ```
//!
//! The estimator and the pacer of `rtc` are not used. Of pictures in four packets, 30 in a second, its estimator (`Gcc` of
//! rtc 0.21.1) noticed in eight simulated seconds nothing when 1.6 times what the path carries was sent, and twice as much
//! after 1.2 s; it grows by 8 % a second and can't probe. Its pacer lets audio wait behind video.

mod allocation;
mod estimator;
mod interceptors;
mod pacer;
mod pacer_queue;
mod probe;
mod retransmission;
mod rtx;
mod shared;
#[cfg(test)]
mod simulation;
mod standing_queue;
mod traffic;

pub use allocation::allocate;
pub use interceptors::install;
pub use shared::{BACKLOG_LIMIT, Bandwidth};

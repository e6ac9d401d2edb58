//! Encoded frames on their way to a window.

use confab_wire::media::EncodedFrame;

/// Encoded frames that wait for a reader of [`Call::frames`](crate::Call::frames); a reader that lags loses the oldest.
pub(crate) const FRAMES: usize = 256;

/// An encoded frame of one track, for a window that decodes and draws it.
#[derive(Debug, Clone)]
pub struct TrackFrame {
    /// The track's handle; [`SELF_TRACK`](confab_ipc::frame::SELF_TRACK) is the own preview.
    pub handle: u32,
    /// The frame.
    pub frame: EncodedFrame,
}

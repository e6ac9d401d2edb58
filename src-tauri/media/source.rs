//! Where the pictures that the window draws come from.

use confab_call::{Call, Rehearsal, TrackFrame};
use confab_wire::layers::RenderedSize;
use tokio::sync::broadcast;

/// Encoded frames of several tracks, and the feedback of their receiver: key frame requests, sizes.
pub trait FrameSource: Clone + Send + Sync + 'static {
    /// Frames of all tracks from now on.
    fn frames(&self) -> broadcast::Receiver<TrackFrame>;
    /// Requests a key frame from the sender of a track.
    fn request_key_frame(&self, handle: u32);
    /// Reports the size at which a track is drawn.
    fn set_rendered_size(&self, handle: u32, size: RenderedSize);
}

/// What runs now: a call, or a rehearsal outside of one.
#[derive(Debug, Clone)]
pub enum CurrentSource {
    /// The tracks of a call, own preview included.
    Call(Call),
    /// The own camera.
    Rehearsal(Rehearsal),
}

impl FrameSource for CurrentSource {
    fn frames(&self) -> broadcast::Receiver<TrackFrame> {
        match self {
            Self::Call(call) => call.frames(),
            Self::Rehearsal(test) => test.frames(),
        }
    }

    fn request_key_frame(&self, handle: u32) {
        match self {
            Self::Call(call) => call.request_key_frame(handle),
            Self::Rehearsal(test) => test.request_key_frame(handle),
        }
    }

    fn set_rendered_size(&self, handle: u32, size: RenderedSize) {
        match self {
            Self::Call(call) => call.set_rendered_size(handle, size),
            Self::Rehearsal(test) => test.set_rendered_size(handle, size),
        }
    }
}

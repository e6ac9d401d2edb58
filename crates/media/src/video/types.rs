//! Types that capture, encoder and sources of pictures share.

use std::time::Duration;

use confab_wire::media::EncodedFrame;

use crate::error::{Error, ErrorKind};
use crate::selector::VideoSource;
use crate::thread::stop::StopFlag;
use crate::video::i420::I420Frame;

/// A camera that is silent this long is taken for dead. In the dark they go down to a few pictures a second.
const CAMERA_SILENT: Duration = Duration::from_secs(5);

/// What to capture. A larger source is scaled down to fit, a smaller one keeps its size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VideoConfig {
    /// Greatest width in pixels.
    pub width: u32,
    /// Greatest height in pixels.
    pub height: u32,
    /// Frames per second. A file has its own.
    pub fps: u32,
    /// Greatest bitrate of a layer in bit/s; the demand may only lower it.
    pub bitrate: u32,
}

impl Default for VideoConfig {
    fn default() -> Self {
        Self { width: 1280, height: 720, fps: 30, bitrate: 1_500_000 }
    }
}

/// What a capture yields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VideoEvent {
    /// The next encoded frame.
    Frame(EncodedFrame),
    /// The source ended against our will (a camera was unplugged). Nothing follows.
    Failed(Error),
}

/// Counters of a capture since its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct VideoStats {
    /// Pictures that reached the encoder thread.
    pub captured: u64,
    /// Frames handed out, of all layers.
    pub encoded: u64,
    /// Key frames among them.
    pub key_frames: u64,
    /// Pictures of which nothing was encoded: encoder or consumer too slow, not wanted, or no bits left.
    pub dropped: u64,
    /// Pictures that a camera sent damaged or cut short.
    pub damaged: u64,
    /// Bytes handed out.
    pub bytes: u64,
    /// Width of the largest layer of the last picture in pixels.
    pub width: u32,
    /// Height of it in pixels.
    pub height: u32,
    /// Time spent in scaling and encoding.
    pub encode_time: Duration,
}

/// Something that yields pictures at its own pace, on a thread of its own.
pub(crate) trait VideoFrameSource {
    /// Waits for the next picture and writes it into `picture` (resized as needed). `false`: there is none,
    /// because the time was not wanted or the wait was ended by `stop`. An error is final.
    fn next(&mut self, picture: &mut I420Frame, wanted: bool, stop: &StopFlag) -> Result<bool, Error>;

    /// True while frames cease because the captured window is minimized.
    fn hidden(&self) -> bool {
        false
    }

    /// Pictures that came damaged and were passed over.
    fn damaged(&self) -> u64 {
        0
    }
}

/// How long a source may be silent while its pictures are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SilenceLimit {
    /// The most that is taken for life.
    pub(crate) most: Duration,
    /// What it means that it took longer.
    pub(crate) meaning: ErrorKind,
}

impl SilenceLimit {
    /// That of a source; `None` where silence is no failure: some desktops send no frame of a screen before it changes.
    pub(crate) fn of(source: &VideoSource) -> Option<Self> {
        let camera = Self { most: CAMERA_SILENT, meaning: ErrorKind::CameraFailed };
        matches!(source, VideoSource::Camera(_)).then_some(camera)
    }
}

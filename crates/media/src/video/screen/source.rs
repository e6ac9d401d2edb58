//! A screen or window as a source of pictures.
//!
//! The screen is checked at a fixed rate, and a frame is yielded only when it changed. Without a change a frame comes a few
//! times a second, so that the encoder refines it and late joiners do not wait.

use std::time::{Duration, Instant};

use crate::video::screen::types::ShareSource;

use crate::error::Error;
use crate::selector::ScreenSelector;
use crate::thread::stop::StopFlag;
use crate::video::i420::I420Frame;
use crate::video::screen::PlatformScreens;
use crate::video::screen::bgrx::BgrxConverter;
use crate::video::screen::types::{ScreenBackend, ScreenStream};
use crate::video::source::pacer::FramePacer;
use crate::video::types::{VideoConfig, VideoFrameSource};

/// How long a picture that stopped changing still comes at the full rate: as long as the encoder needs to make it sharp.
const SETTLING: Duration = Duration::from_secs(3);
/// Time between two pictures that do not differ.
const STILL: Duration = Duration::from_millis(200);

/// The screens and windows that can be shared, screens first; the id of each is a [`ScreenSelector`] as text. Blocks, for
/// some milliseconds each if thumbnails are wanted: a PNG of at most 320 pixels a side.
/// Fails with `ScreenUnsupported` or `ScreenFailed`.
pub fn list_screens(thumbnails: bool) -> Result<Vec<ShareSource>, Error> {
    PlatformScreens::list(thumbnails)
}

/// See [`ScreenBackend::asks`].
pub(crate) fn asks() -> bool {
    PlatformScreens::asks()
}

/// See [`ScreenBackend::open`].
pub(crate) fn open(
    selector: &ScreenSelector,
    config: VideoConfig,
    stop: &StopFlag,
) -> Result<Box<dyn VideoFrameSource>, Error> {
    Ok(Box::new(ScreenSource::new(PlatformScreens::open(selector, config.fps, stop)?, config)))
}

/// See the module.
pub(crate) struct ScreenSource {
    stream: Box<dyn ScreenStream>,
    pacer: FramePacer,
    converter: BgrxConverter,
    /// When it changed last.
    changed: Instant,
    /// When a frame was yielded last.
    given: Option<Instant>,
}

impl ScreenSource {
    /// Pictures of `stream` at the rate of `config`, at most 60 a second.
    pub(crate) fn new(stream: Box<dyn ScreenStream>, config: VideoConfig) -> Self {
        let pacer = FramePacer::new(f64::from(config.fps.clamp(1, 60)));
        Self { stream, pacer, converter: BgrxConverter::default(), changed: Instant::now(), given: None }
    }

    /// Whether to yield a frame of a picture that changed now or did not.
    fn is_due(&mut self, changed: bool, now: Instant) -> bool {
        if changed {
            self.changed = now;
        }
        let settling = now.duration_since(self.changed) < SETTLING;
        settling || self.given.is_none_or(|given| now.duration_since(given) >= STILL)
    }
}

impl VideoFrameSource for ScreenSource {
    fn next(&mut self, picture: &mut I420Frame, wanted: bool, stop: &StopFlag) -> Result<bool, Error> {
        if self.pacer.wait(stop).is_none() {
            return Ok(false);
        }
        // Also while frames are not wanted: a closed window is reported at once.
        let changed = self.stream.changed()?;
        let now = Instant::now();
        if !wanted || !self.is_due(changed, now) {
            return Ok(false);
        }
        let Some(shown) = self.stream.grab()? else { return Ok(false) };
        self.converter.convert(&shown, picture)?;
        self.given = Some(now);
        Ok(true)
    }

    fn hidden(&self) -> bool {
        self.stream.hidden()
    }
}

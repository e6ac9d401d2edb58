//! The encoder thread: takes the latest frame and encodes it as the newest demand wants.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use confab_wire::{
    layers::{SPATIAL_LAYERS, VideoSourceRestrictions},
    media::VideoDemand,
};
use tokio::sync::{mpsc, watch};

use crate::error::{Error, ErrorKind};
use crate::thread::stop::StopFlag;
use crate::video::capture::latest_frame::{LatestFrame, Taken};
use crate::video::capture::overuse::OveruseDetector;
use crate::video::encode::encoder::VideoEncoder;
use crate::video::i420::I420Frame;
use crate::video::types::{SilenceLimit, VideoConfig, VideoEvent, VideoStats};
use crate::video::vpx::VpxError;

/// How often a thread without frames checks whether it should end.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// The body of the encoder thread.
#[derive(Debug)]
pub(crate) struct EncodeLoop {
    encoder: VideoEncoder,
    latest: Arc<LatestFrame>,
    stop: StopFlag,
    demand: watch::Receiver<VideoDemand>,
    load: OveruseDetector,
    reports: Reports,
    silence: Option<SilenceLimit>,
}

/// The outputs of the encoder thread: events, statistics, and its limit.
#[derive(Debug)]
pub(crate) struct Reports {
    pub(crate) events: mpsc::Sender<VideoEvent>,
    pub(crate) stats: Arc<Mutex<VideoStats>>,
    pub(crate) restrictions: watch::Sender<VideoSourceRestrictions>,
}

impl EncodeLoop {
    pub(crate) fn new(
        config: VideoConfig,
        latest: Arc<LatestFrame>,
        stop: StopFlag,
        demand: watch::Receiver<VideoDemand>,
        reports: Reports,
        silence: Option<SilenceLimit>,
    ) -> Self {
        Self {
            encoder: VideoEncoder::new(config),
            latest,
            stop,
            demand,
            load: OveruseDetector::default(),
            reports,
            silence,
        }
    }

    pub(crate) fn run(mut self) {
        // Counted in rounds, not by the clock: the time of a suspended computer does not count.
        let mut silent = Duration::ZERO;
        while !self.stop.is_set() && !self.reports.events.is_closed() {
            match self.latest.take(LOOK_EVERY) {
                Taken::Picture(picture, captured, replaced) => {
                    silent = Duration::ZERO;
                    let outcome = self.picture(&picture, captured, replaced);
                    self.latest.give_back(picture);
                    if let Err(error) = outcome {
                        self.fail(Error::with_detail(ErrorKind::Internal, error));
                        break;
                    }
                }
                Taken::Timeout if !self.demand.borrow().wanted() => silent = Duration::ZERO,
                Taken::Timeout => {
                    silent += LOOK_EVERY;
                    if let Some(SilenceLimit { most, meaning }) =
                        self.silence.as_ref().filter(|silence| silent > silence.most)
                    {
                        self.fail(Error::with_detail(meaning.clone(), format!("no picture for {} s", most.as_secs())));
                        break;
                    }
                }
                Taken::Ended(reason) => {
                    if let Some(error) = reason {
                        self.fail(error);
                    }
                    break;
                }
            }
        }
        // Ends the capture thread, too.
        self.stop.set();
    }

    fn picture(&mut self, picture: &I420Frame, captured: Instant, replaced: u64) -> Result<(), VpxError> {
        let mut demand = *self.demand.borrow();
        let count = |change: &dyn Fn(&mut VideoStats)| {
            change(&mut self.reports.stats.lock().unwrap_or_else(PoisonError::into_inner))
        };
        count(&|stats| {
            stats.captured += 1 + replaced;
            stats.dropped += replaced;
        });
        if !demand.wanted() {
            self.encoder.rest();
            self.load.rest();
            return Ok(());
        }
        if self.reports.events.capacity() <= SPATIAL_LAYERS {
            // The last place is kept for a failure.
            count(&|stats| stats.dropped += 1);
            return Ok(());
        }
        let restrictions = self.load.restrictions(demand.degradation());
        self.publish_restrictions(restrictions);
        for layer in demand.layers.iter_mut().flatten() {
            layer.temporal = layer.temporal.min(restrictions.temporal);
        }
        let started = Instant::now();
        let frames = self.encoder.encode(picture, captured, &demand)?;
        let spent = started.elapsed();
        self.load.measured(spent, Instant::now());
        count(&|stats| {
            stats.encode_time += spent;
            stats.dropped += u64::from(frames.is_empty());
            for frame in &frames {
                stats.encoded += 1;
                stats.key_frames += u64::from(frame.key);
                stats.bytes += frame.data.len() as u64;
            }
            if let Some(largest) = frames.iter().max_by_key(|frame| frame.layer.spatial) {
                (stats.width, stats.height) = (u32::from(largest.width), u32::from(largest.height));
            }
        });
        for frame in frames {
            // This thread is the only sender and has checked the capacity.
            let _ = self.reports.events.try_send(VideoEvent::Frame(frame));
        }
        Ok(())
    }

    /// Publishes what is encoded at most, also where it changed with the content hint.
    fn publish_restrictions(&self, restrictions: VideoSourceRestrictions) {
        let told =
            self.reports.restrictions.send_if_modified(|told| std::mem::replace(told, restrictions) != restrictions);
        if told {
            tracing::info!(?restrictions, "the load of encoding changes what is encoded");
        }
    }

    fn fail(&self, error: Error) {
        tracing::warn!(%error, "video capture failed");
        let _ = self.reports.events.try_send(VideoEvent::Failed(error));
    }
}

#[cfg(test)]
#[path = "encode_loop_tests.rs"]
mod tests;

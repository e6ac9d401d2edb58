//! The encoder thread: one VP8 encoder that obeys the newest demand.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use confab_protocol::media::{Codec, EncodedFrame, VIDEO_CLOCK_HZ, VideoDemand};
use confab_protocol::{ErrorCode, UserError};
use tokio::sync::{mpsc, watch};

use crate::clock;
use crate::i420::{I420Frame, ScaleScratch};
use crate::size_policy::SizePolicy;
use crate::slot::{Slot, Taken};
use crate::stop::Stop;
use crate::video::{VideoConfig, VideoEvent, VideoStats};
use crate::vpx::{Encoder, EncoderSettings, Packet, VpxError};

/// How often a thread without pictures looks whether it should end.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// A source that is silent this long is taken for dead. Cameras in the dark go down to a few pictures a second.
const SOURCE_SILENT: Duration = Duration::from_secs(5);
/// Lowest bitrate that is encoded, in bit/s; below it VP8 sends hardly a frame.
const MIN_BITRATE: u32 = 50_000;

/// Encodes pictures of one source as they come; also usable without threads, to measure.
#[derive(Debug)]
pub struct VideoEncoder {
    config: VideoConfig,
    encoder: Option<Encoder>,
    policy: SizePolicy,
    scaled: I420Frame,
    scratch: ScaleScratch,
    key_frames: Option<u64>,
    last_pts: i64,
    /// When the next picture may be encoded under a bound of the frame rate.
    due: Option<Instant>,
}

impl VideoEncoder {
    /// An encoder that opens libvpx with the first picture.
    pub fn new(config: VideoConfig) -> Self {
        Self {
            config,
            encoder: None,
            policy: SizePolicy::new(config),
            scaled: I420Frame::new(2, 2),
            scratch: ScaleScratch::default(),
            key_frames: None,
            last_pts: i64::MIN,
            due: None,
        }
    }

    /// The encoder rests: the next frame will be a key frame, since nobody has the last one.
    pub fn rest(&mut self) {
        self.key_frames = None;
    }

    /// Encodes a picture captured at `captured` for `demand`. `None`: no bits were left for it, or it comes sooner than
    /// the demanded frame rate allows.
    pub fn encode(
        &mut self,
        picture: &I420Frame,
        captured: Instant,
        demand: &VideoDemand,
    ) -> Result<Option<EncodedFrame>, VpxError> {
        if !self.is_due(captured, demand.max_framerate) {
            return Ok(None);
        }
        let bitrate = demand.max_bitrate.clamp(MIN_BITRATE, self.config.bitrate.max(MIN_BITRATE));
        let (width, height) = self.policy.size((picture.width(), picture.height()), bitrate, demand, captured);
        let picture = if (width, height) == (picture.width(), picture.height()) {
            picture
        } else {
            self.scaled.resize(width, height);
            picture.scale_into(&mut self.scaled, &mut self.scratch);
            &self.scaled
        };
        // Strictly growing, or libvpx refuses the frame.
        let pts = clock::video_ticks(captured).max(self.last_pts.saturating_add(1));
        // One request or many since the last key frame: one key frame. A new encoder starts with one anyway.
        let key = self.key_frames != Some(demand.key_frames);
        let fps = f64::from(self.config.fps.clamp(1, 120));
        let fps = demand.max_framerate.map_or(fps, |most| fps.min(most));
        let duration = (f64::from(VIDEO_CLOCK_HZ) / fps) as u32;
        let encoder = ready(&mut self.encoder, EncoderSettings { width, height, fps: self.config.fps, bitrate })?;
        let packet = encoder.encode(picture, pts, duration, key)?;
        self.last_pts = pts;
        let Some(Packet { data, key }) = packet else { return Ok(None) };
        if key {
            self.key_frames = Some(demand.key_frames);
        }
        Ok(Some(EncodedFrame {
            data,
            codec: Codec::Vp8,
            key,
            timestamp: pts as u32,
            width: width as u16,
            height: height as u16,
        }))
    }

    /// Whether a picture of this time keeps to the frame rate. Pictures come at a rate of their own, so the average counts:
    /// one that is a little early is taken, and the next one is due as if it had not been.
    fn is_due(&mut self, captured: Instant, max_framerate: Option<f64>) -> bool {
        let rate = max_framerate.filter(|rate| *rate > 0.0 && *rate < f64::from(self.config.fps));
        let Some(rate) = rate else {
            self.due = None;
            return true;
        };
        // A bound that lasts longer than a day between two pictures is a still picture.
        let interval = Duration::from_secs_f64((1.0 / rate).min(86_400.0));
        let early = Duration::from_secs_f64(0.5 / f64::from(self.config.fps.max(1)));
        // One from before the bound was loosened.
        let due = self.due.map(|due| due.min(captured + interval));
        if due.is_some_and(|due| captured + early < due) {
            self.due = due;
            return false;
        }
        let on_time = due.filter(|due| captured.saturating_duration_since(*due) < interval);
        self.due = Some(on_time.unwrap_or(captured) + interval);
        true
    }
}

/// The encoder for these settings: the one there is, with its bitrate changed if need be, or a new one.
fn ready(slot: &mut Option<Encoder>, settings: EncoderSettings) -> Result<&mut Encoder, VpxError> {
    let encoder = match slot.take() {
        Some(encoder) if encoder.settings() == settings => encoder,
        Some(mut encoder) if EncoderSettings { bitrate: settings.bitrate, ..encoder.settings() } == settings => {
            encoder.set_bitrate(settings.bitrate)?;
            encoder
        }
        // libvpx cannot grow beyond its first size, and a new size needs a key frame anyway.
        _ => Encoder::new(settings)?,
    };
    Ok(slot.insert(encoder))
}

/// The body of the encoder thread.
#[derive(Debug)]
pub(crate) struct EncodeLoop {
    encoder: VideoEncoder,
    slot: Arc<Slot>,
    stop: Stop,
    demand: watch::Receiver<VideoDemand>,
    events: mpsc::Sender<VideoEvent>,
    stats: Arc<Mutex<VideoStats>>,
}

impl EncodeLoop {
    pub(crate) fn new(
        config: VideoConfig,
        slot: Arc<Slot>,
        stop: Stop,
        demand: watch::Receiver<VideoDemand>,
        events: mpsc::Sender<VideoEvent>,
        stats: Arc<Mutex<VideoStats>>,
    ) -> Self {
        Self { encoder: VideoEncoder::new(config), slot, stop, demand, events, stats }
    }

    pub(crate) fn run(mut self) {
        // Counted in looks, not by the clock: a program that was suspended (a laptop asleep) has seen nothing of that time.
        let mut silent = Duration::ZERO;
        while !self.stop.is_set() && !self.events.is_closed() {
            match self.slot.take(LOOK_EVERY) {
                Taken::Picture(picture, captured, replaced) => {
                    silent = Duration::ZERO;
                    let outcome = self.picture(&picture, captured, replaced);
                    self.slot.give_back(picture);
                    if let Err(error) = outcome {
                        self.fail(UserError::with_detail(ErrorCode::Internal, error));
                        break;
                    }
                }
                Taken::Timeout if !self.demand.borrow().wanted => silent = Duration::ZERO,
                Taken::Timeout if silent >= SOURCE_SILENT => {
                    let detail = format!("no picture for {} s", SOURCE_SILENT.as_secs());
                    self.fail(UserError::with_detail(ErrorCode::CameraFailed, detail));
                    break;
                }
                Taken::Timeout => silent += LOOK_EVERY,
                Taken::Ended(reason) => {
                    if let Some(error) = reason {
                        self.fail(error);
                    }
                    break;
                }
            }
        }
        // The capture thread has nobody to work for any more.
        self.stop.set();
    }

    fn picture(&mut self, picture: &I420Frame, captured: Instant, replaced: u64) -> Result<(), VpxError> {
        let demand = *self.demand.borrow();
        let count =
            |change: &dyn Fn(&mut VideoStats)| change(&mut self.stats.lock().unwrap_or_else(PoisonError::into_inner));
        count(&|stats| {
            stats.captured += 1 + replaced;
            stats.dropped += replaced;
        });
        if !demand.wanted {
            self.encoder.rest();
            return Ok(());
        }
        if self.events.capacity() < 2 {
            // The last place is kept for a failure.
            count(&|stats| stats.dropped += 1);
            return Ok(());
        }
        let started = Instant::now();
        let frame = self.encoder.encode(picture, captured, &demand)?;
        let spent = started.elapsed();
        count(&|stats| {
            stats.encode_time += spent;
            match &frame {
                None => stats.dropped += 1,
                Some(frame) => {
                    stats.encoded += 1;
                    stats.key_frames += u64::from(frame.key);
                    stats.bytes += frame.data.len() as u64;
                    (stats.width, stats.height) = (u32::from(frame.width), u32::from(frame.height));
                }
            }
        });
        if let Some(frame) = frame {
            // This thread is the only sender and has seen two free places.
            let _ = self.events.try_send(VideoEvent::Frame(frame));
        }
        Ok(())
    }

    fn fail(&self, error: UserError) {
        tracing::warn!(%error, "video capture failed");
        let _ = self.events.try_send(VideoEvent::Failed(error));
    }
}

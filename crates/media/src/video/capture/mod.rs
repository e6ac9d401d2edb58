//! Capture of pictures: one thread reads frames of a source, one encodes them; between them a mailbox holds the latest frame.

mod encode_loop;
pub(crate) mod latest_frame;
pub(crate) mod overuse;

use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use confab_wire::{
    layers::{SPATIAL_LAYERS, VideoSourceRestrictions},
    media::VideoDemand,
};
use tokio::sync::{mpsc, oneshot, watch};

use crate::error::{Error, ErrorKind};
use crate::selector::VideoSource;
use crate::thread::stop::StopFlag;
use crate::thread::worker;
use crate::video::capture::encode_loop::{EncodeLoop, Reports};
use crate::video::capture::latest_frame::LatestFrame;
use crate::video::source::open;
use crate::video::types::{SilenceLimit, VideoConfig, VideoEvent, VideoFrameSource, VideoStats};

/// Frames that wait for the consumer. When it is this far behind, pictures are dropped before they are encoded, so that
/// what is encoded stays decodable.
const EVENT_QUEUE: usize = 16 * SPATIAL_LAYERS;
/// How long [`VideoCapture::stop`] waits for its threads.
const STOP_TIMEOUT: Duration = Duration::from_secs(2);

/// A running source with its encoder. Dropping it ends both.
#[derive(Debug)]
pub struct VideoCapture {
    stop: StopFlag,
    threads: Vec<JoinHandle<()>>,
    stats: Arc<Mutex<VideoStats>>,
    restrictions: watch::Sender<VideoSourceRestrictions>,
    hidden: watch::Sender<bool>,
    // Keeps the channel of a source without pictures open until the capture ends.
    _idle: Option<mpsc::Sender<VideoEvent>>,
}

impl VideoCapture {
    /// Opens the source and starts encoding what the newest `demand` wants.
    ///
    /// Returns once the device or file is open, or a person has chosen a screen in the system's dialog; dropping the future
    /// gives it up. Fails with `CameraMissing`, `CameraBusy`, `CameraFailed`, `ScreenMissing`, `ScreenFailed`,
    /// `ScreenUnsupported`, `ShareCancelled`, `FileUnreadable` or `FileFormat`. The receiver ends after a failure, or when the
    /// capture is stopped or dropped. [`VideoSource::None`] opens nothing and never yields.
    pub async fn start(
        source: VideoSource,
        config: VideoConfig,
        demand: watch::Receiver<VideoDemand>,
    ) -> Result<(Self, mpsc::Receiver<VideoEvent>), Error> {
        let (events, receiver) = mpsc::channel(EVENT_QUEUE);
        let mut capture = Self {
            stop: StopFlag::default(),
            threads: Vec::new(),
            stats: Arc::default(),
            restrictions: watch::Sender::new(VideoSourceRestrictions::NONE),
            hidden: watch::Sender::new(false),
            _idle: None,
        };
        if source == VideoSource::None {
            capture._idle = Some(events);
            return Ok((capture, receiver));
        }
        let latest = Arc::new(LatestFrame::default());
        let (opened, opening) = oneshot::channel();
        let asked = source.clone();
        let thread = {
            let (stop, latest, demand) = (capture.stop.clone(), latest.clone(), demand.clone());
            let (hidden, stats) = (capture.hidden.clone(), capture.stats.clone());
            worker::spawn("confab-capture", move || {
                // Whatever happens here, the mailbox is closed, which ends the encoder thread.
                let _end = latest.close_on_drop();
                match open::open(&source, config, &stop) {
                    Err(error) => drop(opened.send(Err(error))),
                    // If the start was cancelled, the device is released.
                    Ok(source) if opened.send(Ok(())).is_ok() => {
                        run_capture(source, &latest, &stop, &demand, (&hidden, &stats));
                    }
                    Ok(_) => {}
                }
            })?
        };
        capture.threads.push(thread);
        let (limit, late) = open::open_timeout(&asked);
        match tokio::time::timeout(limit, opening).await {
            Ok(Ok(result)) => result?,
            Ok(Err(_)) => return Err(Error::with_detail(ErrorKind::Internal, "the capture thread ended")),
            Err(_) => {
                let detail = format!("{asked}: no answer in {} s", limit.as_secs());
                return Err(Error::with_detail(late, detail));
            }
        }
        let reports = Reports { events, stats: capture.stats.clone(), restrictions: capture.restrictions.clone() };
        let silence = SilenceLimit::of(&asked);
        let encode = EncodeLoop::new(config, latest, capture.stop.clone(), demand, reports, silence);
        capture.threads.push(worker::spawn("confab-encode", move || encode.run())?);
        tracing::debug!(source = %asked, "video capture started");
        Ok((capture, receiver))
    }

    /// Counters since the start.
    pub fn stats(&self) -> VideoStats {
        *self.stats.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the computer can encode at most. The encoder keeps to the frame rate in it by itself; whoever makes the demand is
    /// to ask for no larger layer.
    pub fn restrictions(&self) -> watch::Receiver<VideoSourceRestrictions> {
        self.restrictions.subscribe()
    }

    /// True while frames cease because the captured window is minimized; the last picture stands.
    pub fn hidden(&self) -> watch::Receiver<bool> {
        self.hidden.subscribe()
    }

    /// Ends the capture; the device is free when this returns (at most two seconds, if a driver hangs).
    pub async fn stop(mut self) {
        self.stop.set();
        worker::join(std::mem::take(&mut self.threads), STOP_TIMEOUT).await;
    }
}

impl Drop for VideoCapture {
    fn drop(&mut self) {
        // Both threads check the flag at least once per frame; joining here would block an async thread.
        self.stop.set();
    }
}

/// The capture thread: the newest picture goes into the latest until the source ends or the flag is raised.
fn run_capture(
    mut source: Box<dyn VideoFrameSource>,
    latest: &LatestFrame,
    stop: &StopFlag,
    demand: &watch::Receiver<VideoDemand>,
    (hidden, stats): (&watch::Sender<bool>, &Mutex<VideoStats>),
) {
    let mut picture = latest.take_spare();
    while !stop.is_set() {
        let wanted = demand.borrow().wanted();
        match source.next(&mut picture, wanted, stop) {
            Ok(true) => picture = latest.put(picture, Instant::now()),
            Ok(false) => {}
            Err(error) => {
                tracing::info!(%error, "video source failed");
                latest.fail(error);
                return;
            }
        }
        stats.lock().unwrap_or_else(PoisonError::into_inner).damaged = source.damaged();
        let now = source.hidden();
        hidden.send_if_modified(|told| std::mem::replace(told, now) != now);
    }
}

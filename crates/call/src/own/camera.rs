//! The own camera: its slot, and how a camera is opened, sent and shown in the own window.

use crate::errors::user_error;
use crate::own::device::capture::{CarrierTask, RunningCapture};
use crate::own::device::machine::SlotConfig;
use crate::own::device::request::{Found, OpenRequest};
use crate::own::device::slot::{DeviceDriver, DeviceEnd, DeviceSlot, Opened, SlotEvent};
use crate::own::device::watched::WatchedDevices;
use crate::own::preview::{PreviewSwitch, merge_demand};
use crate::own::send::watch_load;
use crate::track_frame::TrackFrame;
use confab_ipc::{DeviceState, ErrorCode, UserError, frame::SELF_TRACK};
use confab_media::{Device, DeviceKind, DeviceList, VideoCapture, VideoConfig, VideoEvent, VideoSource};
use confab_rtcio::{LocalTrack, RtcioStream};
use confab_wire::{
    layers::{SPATIAL_LAYERS, SpatialLayer},
    media::EncodedFrame,
};
use std::time::Duration;
use tokio::sync::{broadcast, mpsc, watch};
use tokio::time::timeout;

/// A camera that ends this soon is broken.
const SHORTEST_LIFE: Duration = Duration::from_secs(2);
/// How long one waits for the first picture of a camera before the one it takes over from is let go.
const FIRST_PICTURE: Duration = Duration::from_secs(3);

/// An open camera.
pub struct OpenedCamera {
    capture: VideoCapture,
    events: mpsc::Receiver<VideoEvent>,
    /// What was taken off `events` already.
    first: Option<VideoEvent>,
}

/// What happens to the camera by itself.
pub type CameraEvent = SlotEvent<OpenedCamera>;

/// How a camera is opened, and where its pictures go.
pub struct CameraDriver {
    source: VideoSource,
    config: VideoConfig,
    stream: RtcioStream,
    /// In the stream once it was sent: another camera goes on in it, without a negotiation.
    track: LocalTrack,
    /// The pictures go to the others, not only to the own window.
    sending: watch::Sender<bool>,
    preview: PreviewSwitch,
    window: broadcast::Sender<TrackFrame>,
    overloaded: mpsc::Sender<()>,
}

impl DeviceDriver for CameraDriver {
    type Opened = OpenedCamera;
    type Running = RunningCapture<VideoCapture>;

    fn open(
        &mut self,
        request: OpenRequest,
        devices: WatchedDevices,
    ) -> impl Future<Output = Opened<OpenedCamera>> + Send + 'static {
        let (source, config) = (self.source.clone(), self.config);
        let size = (config.width, config.height);
        let demand = merge_demand(self.track.demand(), self.sending.subscribe(), &self.preview, size);
        async move {
            let start = |source| {
                let started = VideoCapture::start(source, config, demand.clone());
                async move { started.await.map_err(user_error) }
            };
            let (found, (capture, mut events)) = match source {
                VideoSource::Camera(_) => {
                    // A camera that was just unplugged may still be known.
                    let list = devices.look_for_cameras().await;
                    let (device, opened) = open_one(&list, request.selected.as_deref(), start).await?;
                    (Found { device, list }, opened)
                }
                source => (Found::default(), start(source).await?),
            };
            let waits = request.takes_over && demand.borrow().wanted();
            let first = if waits { timeout(FIRST_PICTURE, events.recv()).await.ok().flatten() } else { None };
            Ok((found, OpenedCamera { capture, events, first }))
        }
    }

    fn run(&mut self, opened: OpenedCamera, end: DeviceEnd) -> Self::Running {
        let OpenedCamera { capture, events, first } = opened;
        if *self.sending.borrow() {
            self.stream.add_track(&self.track);
        }
        tokio::spawn(watch_load(capture.restrictions(), self.track.clone(), self.overloaded.clone()));
        let pictures = Pictures {
            track: self.track.clone(),
            sending: self.sending.subscribe(),
            following: [false; SPATIAL_LAYERS],
            preview: self.preview.clone(),
            shown: None,
            window: self.window.clone(),
        };
        let task = tokio::spawn(pictures.carry(first, events, end));
        RunningCapture::new(capture, CarrierTask(task.abort_handle()))
    }

    fn close(running: Self::Running) -> impl Future<Output = ()> + Send + 'static {
        running.stop()
    }

    fn discard(opened: OpenedCamera) -> impl Future<Output = ()> + Send + 'static {
        opened.capture.stop()
    }
}

/// Opens the selected camera, or the first that works: one that is busy or broken is passed over, unless it was selected.
async fn open_one<T, F: Future<Output = Result<T, UserError>>>(
    list: &DeviceList,
    selected: Option<&str>,
    start: impl Fn(VideoSource) -> F,
) -> Result<(Option<Device>, T), UserError> {
    let mut candidates = candidates(list, selected).into_iter();
    let Some(mut device) = candidates.next() else {
        // By the name that was asked for, which says best what is missing.
        return Ok((None, start(VideoSource::Camera(selected.map(str::to_owned))).await?));
    };
    loop {
        match (start(VideoSource::Camera(Some(device.id.clone()))).await, candidates.next()) {
            (Ok(opened), _) => return Ok((Some(device), opened)),
            (Err(_), Some(next)) => device = next,
            (Err(error), None) => return Err(error),
        }
    }
}

/// The cameras to try, in order: the selected one alone if it is there.
fn candidates(list: &DeviceList, selected: Option<&str>) -> Vec<Device> {
    if let Some(selected) = selected.and_then(|selected| confab_media::find_device(&list.cameras, selected)) {
        return vec![selected.clone()];
    }
    let best = confab_media::choose_device(list, DeviceKind::Camera, None);
    let others = list.cameras.iter().filter(|camera| Some(*camera) != best);
    best.into_iter().chain(others).cloned().collect()
}

/// Where the frames of a camera go.
struct Pictures {
    /// To the others, while `sending`.
    track: LocalTrack,
    sending: watch::Receiver<bool>,
    /// Layers that the peers can follow: they had a key frame since one began to send.
    following: [bool; SPATIAL_LAYERS],
    /// To the own window, as it wants them.
    preview: PreviewSwitch,
    shown: Option<SpatialLayer>,
    window: broadcast::Sender<TrackFrame>,
}

impl Pictures {
    /// Carries frames, `first` before the others, until the camera ends.
    async fn carry(mut self, mut first: Option<VideoEvent>, mut events: mpsc::Receiver<VideoEvent>, end: DeviceEnd) {
        loop {
            let event = match first.take() {
                Some(event) => Some(event),
                None => events.recv().await,
            };
            match event {
                Some(VideoEvent::Frame(frame)) => self.frame(frame),
                Some(VideoEvent::Failed(error)) => return end.report(user_error(error)).await,
                None => return,
            }
        }
    }

    fn frame(&mut self, frame: EncodedFrame) {
        let layer = frame.layer.spatial;
        let follows = &mut self.following[layer.index()];
        *follows = *self.sending.borrow() && (*follows || frame.key);
        if *follows {
            self.track.write_frame(frame.clone());
        }
        if frame.key {
            self.preview.set_full(layer.full_size((frame.width.into(), frame.height.into())));
            if Some(layer) == self.preview.layer() {
                self.shown = Some(layer);
            }
        }
        if Some(layer) == self.shown {
            // No window is no error.
            let _ = self.window.send(TrackFrame { handle: SELF_TRACK, frame });
        }
    }
}

/// Where pictures of the own camera go in the own window.
pub struct OwnWindow {
    /// What the window wants of it.
    pub preview: PreviewSwitch,
    /// Where the window gets it.
    pub frames: broadcast::Sender<TrackFrame>,
}

/// See the module.
pub struct Camera {
    slot: DeviceSlot<CameraDriver>,
    /// The others are to see it.
    on: bool,
    /// It is tried without being sent.
    tried: bool,
}

impl Camera {
    /// Nothing is opened yet. Its pictures go into `stream`.
    pub fn new(
        (source, config): (VideoSource, VideoConfig),
        stream: RtcioStream,
        devices: WatchedDevices,
        window: OwnWindow,
        overloaded: mpsc::Sender<()>,
    ) -> Self {
        let slot_config = SlotConfig {
            kind: DeviceKind::Camera,
            follows: matches!(source, VideoSource::Camera(_)),
            refusal: (source == VideoSource::None).then(|| ErrorCode::CameraMissing.into()),
            shortest_life: SHORTEST_LIFE,
        };
        let selected = source.device().map(str::to_owned);
        let driver = CameraDriver {
            source,
            config,
            stream,
            track: LocalTrack::simulcast(),
            sending: watch::Sender::new(false),
            preview: window.preview,
            window: window.frames,
            overloaded,
        };
        Self { slot: DeviceSlot::new(slot_config, selected, devices, driver), on: false, tried: false }
    }

    /// Its state for the call.
    pub fn state(&self) -> DeviceState {
        if self.on { self.slot.state() } else { DeviceState::Off }
    }

    /// Its state for who tries it.
    pub fn tried_state(&self) -> DeviceState {
        if self.tried { self.slot.state() } else { DeviceState::Off }
    }

    /// Turns it on, or off and releases it.
    pub fn set_on(&mut self, on: bool) {
        self.on = on;
        self.apply();
    }

    /// Tries it for its picture in the own window, without sending it, or does so no more.
    pub fn set_tried(&mut self, tried: bool) {
        self.tried = tried;
        self.apply();
    }

    fn apply(&mut self) {
        let on = self.on;
        let driver = self.slot.driver();
        driver.sending.send_if_modified(|sending| std::mem::replace(sending, on) != on);
        if !on && !self.tried {
            self.slot.release();
            return;
        }
        if on && self.slot.running().is_some() {
            driver.stream.add_track(&driver.track);
        }
        self.slot.need();
    }

    /// Changes to another device.
    pub fn select(&mut self, selected: Option<String>) {
        self.slot.select(selected);
    }

    /// What happens next by itself. Safe to drop before it is done.
    pub async fn next(&mut self) -> CameraEvent {
        self.slot.next().await
    }

    /// Takes an event of the slot. Returns what to notify the person of.
    pub fn handle(&mut self, event: CameraEvent) -> Option<UserError> {
        self.slot.handle(event)
    }

    /// Releases it, also while it is being opened, and returns when that is done.
    pub async fn close(&mut self) {
        self.slot.close().await;
    }
}

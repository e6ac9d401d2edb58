//! Own microphone and camera in one stream: opened beside the call's task, sent or only tried, and followed when devices come
//! and go. The tracks go on whatever feeds them: nothing is negotiated for another device.

use crate::effect::{Effect, Effects};
use crate::own::camera::{Camera, CameraEvent, OwnWindow};
use crate::own::device::watched::WatchedDevices;
use crate::own::microphone::{Microphone, MicrophoneEvent};
use confab_ipc::{DeviceState, ErrorCode, RehearsalView, UiEvent, UserError};
use confab_media::{AudioSource, MicrophoneProcessing, VideoConfig, VideoSource};
use confab_rtcio::{RtcioStream, VideoEncoding};
use confab_wire::call::MediaState;
use tokio::sync::mpsc;

/// The devices that a person selected, by id or name; `None` follows the system's default.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DeviceSelection {
    /// Where one is heard from.
    pub microphone: Option<String>,
    /// Where one hears the others.
    pub speaker: Option<String>,
    /// Where one is seen from; `None` takes the first camera.
    pub camera: Option<String>,
}

/// Devices that are tried without being sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rehearsed {
    /// For its level.
    pub microphone: bool,
    /// For its picture.
    pub camera: bool,
}

/// Where sound and picture of oneself come from, before a person selects other devices.
#[derive(Debug, Clone)]
pub struct OwnSources {
    /// What the microphone button turns on.
    pub audio: AudioSource,
    /// What the camera button turns on.
    pub video: VideoSource,
    /// Size, rate and bitrate of the picture.
    pub video_config: VideoConfig,
}

/// What happens to the devices by itself.
pub enum OwnDeviceEvent {
    /// Of the microphone.
    Microphone(MicrophoneEvent),
    /// Of the camera.
    Camera(CameraEvent),
    /// The computer can't encode everything that is wanted.
    Overloaded,
}

/// What was reported to the window last.
#[derive(Debug, PartialEq)]
struct Shown {
    microphone: DeviceState,
    camera: DeviceState,
    rehearsal: RehearsalView,
}

/// Microphone and camera.
pub struct OwnDevices {
    stream: RtcioStream,
    microphone: Microphone,
    camera: Camera,
    overloads: mpsc::Receiver<()>,
    overloaded: mpsc::Sender<()>,
    shown: Shown,
}

impl OwnDevices {
    /// Nothing is opened yet.
    pub fn new(sources: OwnSources, microphone_processing: MicrophoneProcessing, window: OwnWindow) -> Self {
        let OwnSources { audio, video, video_config } = sources;
        let encoding = VideoEncoding {
            max_bitrate: Some(video_config.bitrate.max(1)),
            max_framerate: Some(f64::from(video_config.fps.max(1))),
            ..VideoEncoding::default()
        };
        let stream = RtcioStream::new();
        if let Err(error) = stream.set_encoding(encoding) {
            tracing::error!(%error, "the configuration does not reach the encoder");
        }
        let follows = matches!(audio, AudioSource::Mic(_)) || matches!(video, VideoSource::Camera(_));
        let devices = WatchedDevices::start(follows);
        let (overloaded, overloads) = mpsc::channel(1);
        let microphone = Microphone::new(audio, microphone_processing, stream.clone(), devices.clone());
        let camera = Camera::new((video, video_config), stream.clone(), devices, window, overloaded.clone());
        let off = || DeviceState::Off;
        let rehearsal = RehearsalView { microphone: off(), camera: off() };
        let shown = Shown { microphone: off(), camera: off(), rehearsal };
        Self { stream, microphone, camera, overloads, overloaded, shown }
    }

    /// The stream that carries both.
    pub fn stream(&self) -> &RtcioStream {
        &self.stream
    }

    /// Where other captures say that the computer can't encode everything.
    pub fn overloaded(&self) -> mpsc::Sender<()> {
        self.overloaded.clone()
    }

    /// State of microphone and camera.
    pub fn states(&self) -> (DeviceState, DeviceState) {
        (self.microphone.state(), self.camera.state())
    }

    /// What is announced to the others.
    pub fn media_state(&self) -> MediaState {
        let (microphone, camera) = self.states();
        MediaState { mic: microphone == DeviceState::On, cam: camera == DeviceState::On }
    }

    /// Level of the microphone, muted or not: RMS, 0 to 1.
    pub fn microphone_level(&self) -> f32 {
        self.microphone.level()
    }

    /// True while somebody speaks into the microphone, muted or not.
    pub fn voice_active(&self) -> bool {
        self.microphone.voice_active()
    }

    /// See [`Microphone::set_on`].
    pub fn set_microphone(&mut self, on: bool, effects: &mut Effects) {
        self.microphone.set_on(on);
        self.show(effects, true);
    }

    /// See [`Camera::set_on`].
    pub fn set_camera(&mut self, on: bool, effects: &mut Effects) {
        self.camera.set_on(on);
        self.show(effects, true);
    }

    /// Tries devices without sending anything: the microphone for its level, the camera for its picture in the own window.
    pub fn rehearse(&mut self, tried: Rehearsed, effects: &mut Effects) {
        self.microphone.set_tried(tried.microphone);
        self.camera.set_tried(tried.camera);
        self.show(effects, false);
    }

    /// Changes to other devices.
    pub fn select(&mut self, selection: &DeviceSelection, effects: &mut Effects) {
        self.microphone.select(selection.microphone.clone());
        self.camera.select(selection.camera.clone());
        self.show(effects, false);
    }

    /// What happens next by itself. Safe to drop before it is done.
    pub async fn next(&mut self) -> OwnDeviceEvent {
        tokio::select! {
            event = self.microphone.next() => OwnDeviceEvent::Microphone(event),
            event = self.camera.next() => OwnDeviceEvent::Camera(event),
            Some(()) = self.overloads.recv() => OwnDeviceEvent::Overloaded,
        }
    }

    /// Takes an event of the devices. Returns what to notify the person of.
    pub fn handle(&mut self, event: OwnDeviceEvent, effects: &mut Effects) -> Option<UserError> {
        let notice = match event {
            OwnDeviceEvent::Microphone(event) => self.microphone.handle(event),
            OwnDeviceEvent::Camera(event) => self.camera.handle(event),
            OwnDeviceEvent::Overloaded => Some(ErrorCode::ComputerBusy.into()),
        };
        self.show(effects, false);
        notice
    }

    /// Releases both devices, those that are being opened too, and returns when that is done.
    pub async fn close(&mut self) {
        tokio::join!(self.microphone.close(), self.camera.close());
    }

    /// Reports what has changed. `answers`: the devices are reported whether they changed or not.
    fn show(&mut self, effects: &mut Effects, answers: bool) {
        let (microphone, camera) = self.states();
        let rehearsal = RehearsalView { microphone: self.microphone.tried_state(), camera: self.camera.tried_state() };
        let before = std::mem::replace(&mut self.shown, Shown { microphone, camera, rehearsal });
        if answers || (&before.microphone, &before.camera) != (&self.shown.microphone, &self.shown.camera) {
            effects.push(Effect::Me);
        }
        if before.rehearsal != self.shown.rehearsal {
            effects.event(UiEvent::Rehearsal { rehearsal: self.shown.rehearsal.clone() });
        }
    }
}
